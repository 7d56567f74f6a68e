"""How well features tell classes apart, from formulas alone: no classifier is trained."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lstsq
from scipy.optimize import minimize_scalar
from sklearn.covariance import ledoit_wolf
from sklearn.utils import check_X_y

# Logarithms of the ratio of prior to noise precision, in units of the largest
# eigenvalue, between which the evidence is searched.
_SEARCHED = (-30.0, 15.0)
_N_STARTS = 46


def logme_score(features: ArrayLike, y: ArrayLike) -> float:
    """Return the log of the maximum evidence of linear models on features, per image.

    Each class against the rest is a Bayesian linear regression of 0 and 1 on
    the features. Its prior and noise precision are those with the highest
    evidence. Only their ratio is searched: given it, the noise has a closed form.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
        Class labels.

    Returns
    -------
    score : float
        Mean over the classes. Higher is better; comparable between features
        of the same images only.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or values are not finite.

    References
    ----------
    .. [1] K. You et al., "LogME: Practical Assessment of Pre-trained Models
       for Transfer Learning", ICML 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.model_selection import logme_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(60) % 2
    >>> noise = rng.normal(size=(60, 5))
    >>> logme_score(noise + y[:, None], y) > logme_score(noise, y)
    True
    """
    F, codes = _check(features, y)
    n_images = len(F)
    one_hot = np.eye(codes.max() + 1)[codes]
    left, singular, _ = np.linalg.svd(F, full_matrices=False)
    # In units of the largest, so that the scale of the features does not matter.
    eigenvalues = np.square(singular / max(singular[0], np.finfo(float).tiny))
    squares = np.square(left.T @ one_hot)
    unexplained = one_hot.sum(axis=0) - squares.sum(axis=0)

    def evidence(log_ratio: float, k: int) -> float:
        kept = np.exp(log_ratio) / (np.exp(log_ratio) + eigenvalues)
        # The expected squared error plus what the prior adds; the noise variance is 1/n of it.
        error = max(unexplained[k], 0) + squares[:, k] @ kept
        log_noise = np.log(max(error, np.finfo(float).tiny) / n_images)
        return float(np.log(kept).sum() / (2 * n_images) - (log_noise + 1 + np.log(2 * np.pi)) / 2)

    return float(np.mean([_maximum(lambda t, k=k: evidence(t, k)) for k in range(len(squares.T))]))


def h_score(features: ArrayLike, y: ArrayLike) -> float:
    """Return how much of the covariance of features lies between classes, shrunk.

    The trace of the inverse covariance of the features times the covariance of
    their class means, with Ledoit and Wolf's shrinkage of both.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
        Class labels.

    Returns
    -------
    score : float
        From 0 to the number of classes less one. Higher is better; comparable
        between features of the same images only.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or values are not finite.

    References
    ----------
    .. [1] Y. Bao et al., "An Information-Theoretic Approach to
       Transferability in Task Transfer Learning", ICIP 2019.
    .. [2] S. Ibrahim, N. Ponomareva and R. Mazumder, "Newer is not always
       better: Rethinking transferability metrics, their peculiarities,
       stability and performance", ECML PKDD 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.model_selection import h_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(60) % 2
    >>> noise = rng.normal(size=(60, 5))
    >>> h_score(noise + y[:, None], y) > h_score(noise, y)
    True
    """
    F, codes = _check(features, y)
    F = F - F.mean(axis=0)
    covariance, shrinkage = ledoit_wolf(F, assume_centered=True)
    n_by_class = np.bincount(codes)
    means = np.stack([F[codes == k].mean(axis=0) for k in range(len(n_by_class))])
    weighted = means * np.sqrt(n_by_class / len(F))[:, np.newaxis]
    solved = lstsq(covariance, weighted.T, lapack_driver="gelsy")[0]
    return float((1 - shrinkage) * np.sum(weighted * solved.T))


def _check(features: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    F, labels = check_X_y(features, y, dtype=np.float64)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y has one class, {classes.tolist()[0]!r}; two are needed.")
    return F, codes


def _maximum(function: Any) -> float:
    """Return the highest value of a function that may have several maxima."""
    starts = np.linspace(*_SEARCHED, _N_STARTS)
    best = starts[int(np.argmax([function(t) for t in starts]))]
    step = starts[1] - starts[0]
    found = minimize_scalar(
        lambda t: -function(t), bounds=(best - step, best + step), method="bounded"
    )
    return float(max(function(best), -found.fun))
