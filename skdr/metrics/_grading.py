"""Agreement on the grades 0-4 of diabetic retinopathy."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, balanced_accuracy_score, mean_absolute_error
from sklearn.utils.validation import check_consistent_length

from skdr._grades import GRADES, as_ranks
from skdr.metrics._weighted import Floats, Weighted, mean_of, weighted_metric, weighted_value


def _confusion(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any]) -> Weighted:
    """Count each pair of grades: (n_resamples, n_labels, n_labels)."""
    n = len(labels)
    true, predicted = as_ranks(y_true, labels, "y_true"), as_ranks(y_pred, labels, "y_pred")
    check_consistent_length(true, predicted)
    indicators = np.eye(n * n)[n * true + predicted]
    return lambda weights: (weights @ indicators).reshape(-1, n, n)


def _kappa(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] = GRADES) -> Weighted:
    confusion = _confusion(y_true, y_pred, labels)
    ranks = np.arange(len(labels))
    cost = np.subtract.outer(ranks, ranks) ** 2

    def values(weights: Floats) -> Floats:
        counts = confusion(weights)
        observed = np.einsum("rij,ij->r", counts, cost)
        by_chance = np.einsum("ri,rj,ij->r", counts.sum(axis=2), counts.sum(axis=1), cost)
        return 1 - observed * weights.sum(axis=1) / by_chance

    return values


@weighted_metric(_kappa, lowest=-1, highest=1)
def quadratic_weighted_kappa(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute Cohen's kappa with quadratic weights over a fixed scale of grades.

    The scale is fixed because the weight of a disagreement depends on it:
    where a grade is missing from a test fold, kappa over the grades found
    there is another number.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_pred : array-like of shape (n_samples,)
        Predicted grades.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    kappa : float
        1 is full agreement, 0 what chance gives.

    Raises
    ------
    ValueError
        If a grade is not on the scale.

    References
    ----------
    .. [1] J. Cohen, "Weighted kappa", Psychological Bulletin 70(4), 1968.

    Examples
    --------
    >>> from skdr.metrics import quadratic_weighted_kappa
    >>> round(quadratic_weighted_kappa([0, 1, 2, 2, 4], [0, 1, 2, 3, 3]), 3)
    0.872
    """
    kappa = weighted_value(_kappa(y_true, y_pred, labels), y_true, sample_weight)
    if np.isnan(kappa):
        warnings.warn(
            "All grades, true and predicted, are the same one; kappa is undefined.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    return kappa


def _recalls(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] = GRADES) -> Weighted:
    confusion = _confusion(y_true, y_pred, labels)

    def values(weights: Floats) -> Floats:
        counts = confusion(weights)
        return np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2)

    return values


@weighted_metric(_recalls, lowest=0, highest=1)
def grade_recalls(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the share of the images of each grade that are graded right.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_pred : array-like of shape (n_samples,)
        Predicted grades.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    recalls : ndarray of shape (n_labels,)
        In the order of `labels`; NaN for a grade without images.

    Raises
    ------
    ValueError
        If a grade is not on the scale.

    See Also
    --------
    sklearn.metrics.balanced_accuracy_score : The mean over the grades present.

    Examples
    --------
    >>> from skdr.metrics import grade_recalls
    >>> grade_recalls([0, 0, 1, 2, 4], [0, 1, 1, 1, 4])
    array([0.5, 1. , 0. , nan, 1. ])
    """
    return weighted_value(_recalls(y_true, y_pred, labels), y_true, sample_weight)


def _accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Weighted:
    return mean_of((np.asarray(y_true) == np.asarray(y_pred)).astype(float))


def _absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Weighted:
    return mean_of(np.abs(np.subtract(y_true, y_pred, dtype=float)))


def _balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Weighted:
    labels = np.union1d(np.asarray(y_true), np.asarray(y_pred))
    recalls = _recalls(y_true, y_pred, list(labels))

    def values(weights: Floats) -> Floats:
        found = recalls(weights)
        return np.nansum(found, axis=1) / np.isfinite(found).sum(axis=1)

    return values


# Metrics of scikit-learn, so that they too are computed for all resamples together.
weighted_metric(_accuracy, lowest=0, highest=1)(accuracy_score)
weighted_metric(_balanced_accuracy, lowest=0, highest=1)(balanced_accuracy_score)
weighted_metric(_absolute_error, lowest=0, highest=np.inf)(mean_absolute_error)
