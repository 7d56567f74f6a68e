"""How weights are updated: Adam in one pass over them where the backend has one, adjusted."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from skdr._accelerations import are_accelerations_enabled
from skdr.devices import is_data_parallel
from skdr.runtime._keras_internals import (
    UpdateStep,
    adam_moments,
    set_update_step,
    variable_numbers,
)

# Takes the number of a weight among those that are trained, its gradient, the weight itself and
# the learning rate; returns the gradient and the learning rate with which it is updated.
Adjustment = Callable[[int, Any, Any, Any], tuple[Any, Any]]
# Not their subclasses, which may change the update.
_ADAMS = (keras.optimizers.Adam, keras.optimizers.AdamW)


def adjust_updates(
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[keras.Variable],
    adjustment: Adjustment,
) -> None:
    """Let an optimizer update each weight with an adjusted gradient and learning rate.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built for the variables; changed in place.
    variables : sequence of keras.Variable
    adjustment : callable
    """
    number_of = variable_numbers(optimizer, variables)
    plain_update = fused_update_step(optimizer, number_of)

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        adjusted = adjustment(number_of(variable), gradient, variable, learning_rate)
        plain_update(adjusted[0], variable, adjusted[1])

    set_update_step(optimizer, update_step)


def fused_update_step(
    optimizer: keras.optimizers.Optimizer, number_of: Callable[[Any], int] | None = None
) -> UpdateStep:
    """Return the update of one weight: the optimizer's own, or the same in one operation.

    Keras writes Adam as a dozen operations, each a pass over the weights: with
    small images these take a third of the time of a fine-tuning step on a CPU.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
    number_of : callable, optional
        See `variable_numbers`; by default Keras is asked.

    Returns
    -------
    update_step : callable
        Takes gradient, variable and learning rate. For Adam and AdamW on
        TensorFlow it is one operation, with the same result up to rounding.
    """
    if (
        not are_accelerations_enabled()
        or keras.backend.backend() != "tensorflow"
        or type(optimizer) not in _ADAMS
        or optimizer.amsgrad
        or is_data_parallel()
    ):
        return optimizer.update_step
    from skdr.devices import _tensorflow

    number_of = number_of or variable_numbers(optimizer)
    return _tensorflow.fused_adam(optimizer, lambda: adam_moments(optimizer), number_of)
