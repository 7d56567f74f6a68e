"""How an optimizer updates weights: as Keras wrote it, by another gradient or learning rate."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from skdr.runtime._keras_internals import set_update_step, variable_numbers

# Takes the number of a weight among those that are trained, its gradient, itself and the learning
# rate; returns the gradient and the learning rate to update it by.
Adjustment = Callable[[int, Any, Any, Any], tuple[Any, Any]]


def adjust_updates(
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[keras.Variable],
    adjustment: Adjustment,
) -> None:
    """Have an optimizer update each weight as it does, but by another gradient or learning rate.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built for the variables; changed in place.
    variables : sequence of keras.Variable
    adjustment : callable
    """
    number_of = variable_numbers(optimizer, variables)
    plain_update = optimizer.update_step

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        adjusted = adjustment(number_of(variable), gradient, variable, learning_rate)
        plain_update(adjusted[0], variable, adjusted[1])

    set_update_step(optimizer, update_step)
