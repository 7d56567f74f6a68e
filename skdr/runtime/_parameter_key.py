"""What a parameter means, as something that can be compared."""

import json
from collections.abc import Hashable
from typing import Any

import keras
import numpy as np

from skdr._fingerprint import code_fingerprint
from skdr.networks._build import weights_hash

_KERAS_OBJECTS = (
    keras.Layer,
    keras.Loss,
    keras.Metric,
    keras.Optimizer,
    keras.Initializer,
    keras.optimizers.schedules.LearningRateSchedule,
)


def parameter_key(value: Any) -> Hashable:
    """Return something that is equal for parameters that mean the same.

    Parameters
    ----------
    value : object
        Such as a loss, by its name or as an object of Keras.

    Raises
    ------
    TypeError
        If skdr cannot tell what a value means.
    """
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(parameter_key(item) for item in value)
    if isinstance(value, keras.Model):
        return (value.to_json(), weights_hash(value))
    if isinstance(value, _KERAS_OBJECTS) and type(value).__module__.startswith("keras."):
        config = keras.saving.serialize_keras_object(value)
        return (type(value), json.dumps(config, sort_keys=True, default=repr))
    # An object of the user's own class may hold more than its config shows.
    if callable(value) or isinstance(value, _KERAS_OBJECTS):
        return code_fingerprint(value)
    hash(value)
    return (type(value), value)
