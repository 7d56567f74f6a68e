"""Statistics that standardise features without blowing up those that hardly vary."""

import numpy as np
from numpy.typing import NDArray


def damped_statistics(
    features: NDArray[np.float32], counts: NDArray[np.float64]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the mean and variance that standardise features, gently.

    A feature that hardly varies is not enlarged to variance 1: otherwise it
    would change most when the layers below it learn. The squared length of a
    standardised vector is on average the number of features, as in plain scaling.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
    counts : ndarray of shape (n,)
        How many images each row stands for.

    Returns
    -------
    mean, variance : ndarray of shape (n_features,)
    """
    mean = np.average(features, axis=0, weights=counts)
    own = np.average(np.square(features - mean), axis=0, weights=counts)
    variance = own + own.mean()
    if not variance.any():
        return mean, np.ones_like(variance)
    return mean, variance * np.mean(own / variance)
