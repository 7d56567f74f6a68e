"""Adam in one pass over the weights, where the backend has one."""

from collections.abc import Callable
from typing import Any

import keras

from skdr._accelerations import are_accelerations_enabled
from skdr.devices import is_data_parallel
from skdr.runtime._keras_internals import UpdateStep, adam_moments, variable_numbers

# What subclasses change, nobody knows.
_ADAMS = (keras.optimizers.Adam, keras.optimizers.AdamW)


def fused_update_step(
    optimizer: keras.optimizers.Optimizer, number_of: Callable[[Any], int] | None = None
) -> UpdateStep:
    """Return what updates one weight: the optimizer's own, or the same in one operation.

    Keras writes Adam as a dozen operations, each a pass over the weights: with
    small images they are a third of a step of fine-tuning on a processor.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
    number_of : callable, optional
        See `variable_numbers`; by default Keras is asked.

    Returns
    -------
    update_step : callable
        Takes gradient, variable and learning rate. Of an Adam or AdamW on
        TensorFlow it is one operation, the same to rounding.
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
