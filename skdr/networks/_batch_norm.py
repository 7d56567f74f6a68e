"""How far images differ from the pretraining images: stored statistics against those seen."""

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.networks._graph import operations_of

# Channels that a BatchNorm scales to almost nothing say nothing about their input.
_SMALLEST_SCALE = 1e-3


def last_batch_norm(network: keras.Model, operation: keras.Operation) -> keras.Layer | None:
    """Return the last BatchNorm that is computed no later than an operation.

    Parameters
    ----------
    network : keras.Model
    operation : keras.Operation
        One of its operations.

    Returns
    -------
    layer : keras.layers.BatchNormalization or None
    """
    operations = operations_of(network)
    before = operations[: operations.index(operation) + 1]
    found = [op for op in before if isinstance(op, keras.layers.BatchNormalization)]
    return found[-1] if found else None


def mean_shift(batch_norm: keras.Layer, outputs: NDArray[np.floating]) -> float:
    """Return how far the means of the channels lie from the stored ones.

    Parameters
    ----------
    batch_norm : keras.layers.BatchNormalization
    outputs : ndarray of shape (n_images, n_channels)
        Its outputs in inference mode, averaged over each image.

    Returns
    -------
    shift : float
        In stored standard deviations, root mean square over the channels.
    """
    statistics = iter(batch_norm.get_weights())
    gamma = next(statistics) if batch_norm.scale else np.ones(outputs.shape[1])
    beta = next(statistics) if batch_norm.center else np.zeros(outputs.shape[1])
    _, variance = statistics
    # One stored standard deviation of the input moves the output by this much.
    deviation = gamma * np.sqrt(variance / (variance + batch_norm.epsilon))
    alive = np.abs(deviation) > _SMALLEST_SCALE * np.abs(deviation).max()
    shifts = (outputs.mean(axis=0) - beta)[alive] / deviation[alive]
    return float(np.sqrt(np.mean(np.square(shifts))))
