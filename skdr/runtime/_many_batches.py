"""Small steps of training: many in one call, where the backend can do that."""

from typing import Any

import keras

from skdr._accelerations import are_accelerations_enabled
from skdr.devices import is_data_parallel

# A call copies this much data at most: the user cannot interrupt it, so it must stay short.
_MAX_BYTES = 2**24


def batches_at_once(input_shape: tuple[int, ...], batch_size: int) -> int:
    """Return how many batches a network should learn from in one call.

    Keras needs some milliseconds for each call: more than a head needs to learn
    from a batch of features.

    Parameters
    ----------
    input_shape : tuple of int
        Of one image's features, or of one image.
    batch_size : int

    Returns
    -------
    n_batches : int
        1 for images, with another backend than TensorFlow, and where several
        devices share a batch.
    """
    accelerated = are_accelerations_enabled() and not is_data_parallel()
    if len(input_shape) > 1 or keras.backend.backend() != "tensorflow" or not accelerated:
        return 1
    return max(1, _MAX_BYTES // (4 * batch_size * input_shape[0]))


def learner(inputs: Any, outputs: Any, *, many: bool = False) -> keras.Model:
    """Return a network to be trained.

    Parameters
    ----------
    inputs, outputs : keras.KerasTensor
    many : bool, default=False
        Whether it gets many batches as one and learns from them one by one: on
        the TensorFlow backend only. Assign its variable `batch_size` before
        training.
    """
    if keras.backend.backend() != "tensorflow" or not are_accelerations_enabled():
        return keras.Model(inputs, outputs)
    from skdr.devices import _tensorflow

    return (_tensorflow.ManyBatches if many else _tensorflow.Learner)(inputs, outputs)
