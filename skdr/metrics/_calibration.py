"""Whether probabilities of grades and of referral are to be believed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import brier_score_loss
from sklearn.utils.validation import check_consistent_length

from skdr.metrics._referable import is_referable, referral_score
from skdr.metrics._scale import GRADES, REFERABLE_FROM, as_ranks, check_probabilities

Events = tuple[NDArray[np.bool_], NDArray[np.float64]]


class ReliabilityCurve(NamedTuple):
    """What was predicted and what came true, in bins of equal width.

    Made by `referable_reliability_curve` and `grade_reliability_curve`.

    Attributes
    ----------
    predicted : ndarray of shape (n_bins,)
        The mean probability of the images in the bin; NaN where it is empty.
    observed : ndarray of shape (n_bins,)
        The share of them for which the event came true; NaN where it is empty.
    weight : ndarray of shape (n_bins,)
        The number of images, or their total weight.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    weight: NDArray[np.float64]


def grade_brier_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the Brier score of probabilities of grades.

    It is the squared error summed over the grades, averaged over the images,
    as Brier defined it: from 0, best, to 2.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities, one column a grade.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The grade of each column.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    score : float

    Raises
    ------
    ValueError
        If `y_proba` has not one column a label, or rows that do not sum to 1.

    References
    ----------
    .. [1] G. W. Brier, "Verification of forecasts expressed in terms of
       probability", Monthly Weather Review 78(1), 1950.

    Examples
    --------
    >>> from skdr.metrics import grade_brier_score
    >>> grade_brier_score([0, 1], [[1.0, 0.0], [0.5, 0.5]], labels=[0, 1])
    0.25
    """
    errors = squared_errors(y_true, y_proba, labels)
    weights = None if sample_weight is None else np.asarray(sample_weight)
    return float(np.average(errors, weights=weights))


def referable_brier_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the Brier score of the probability of being referable.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_labels)
        The probability of being referable, or one column a grade.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    score : float
        From 0, best, to 1.

    Examples
    --------
    >>> from skdr.metrics import referable_brier_score
    >>> referable_brier_score([0, 1, 2, 4], [0.0, 0.5, 0.5, 1.0])
    0.125
    """
    referable, probability = referral_events(y_true, y_proba, labels, referable_from)
    return float(
        brier_score_loss(referable, probability, sample_weight=sample_weight, pos_label=True)
    )


def grade_reliability_curve(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_bins: int = 10,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> ReliabilityCurve:
    """Compare the probability of the grade predicted with how often it is right.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities, one column a grade; the largest is that predicted.
    n_bins : int, default=10
        The number of bins of equal width in 0..1.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The grade of each column.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    curve : ReliabilityCurve
        ``predicted``, ``observed`` and ``weight`` of each bin.

    Examples
    --------
    >>> from skdr.metrics import grade_reliability_curve
    >>> P = [[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    >>> grade_reliability_curve([0, 1, 1, 1], P, labels=[0, 1], n_bins=5).observed
    array([       nan,        nan,        nan, 0.66666667, 1.        ])
    """
    return curve_of(prediction_events(y_true, y_proba, labels), n_bins, sample_weight)


def referable_reliability_curve(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_bins: int = 10,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> ReliabilityCurve:
    """Compare the probability of being referable with how many images are.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_labels)
        The probability of being referable, or one column a grade.
    n_bins : int, default=10
        The number of bins of equal width in 0..1.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    curve : ReliabilityCurve
        ``predicted``, ``observed`` and ``weight`` of each bin.

    Examples
    --------
    >>> from skdr.metrics import referable_reliability_curve
    >>> referable_reliability_curve([0, 1, 2, 4], [0.25, 0.25, 0.25, 0.75], n_bins=2).predicted
    array([0.25, 0.75])
    """
    events = referral_events(y_true, y_proba, labels, referable_from)
    return curve_of(events, n_bins, sample_weight)


def grade_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_bins: int = 10,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the expected calibration error of the grade predicted.

    It is the distance of `grade_reliability_curve` from the diagonal, averaged
    over the images. It depends on the bins, and noise alone makes it positive:
    compare it between models, on the same images. Resampled images are noisier,
    so that intervals of `bootstrap_interval` lie too high; they may leave the
    estimate itself out.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities, one column a grade; the largest is that predicted.
    n_bins : int, default=10
        The number of bins of equal width in 0..1.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The grade of each column.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    error : float
        From 0, best, to 1.

    References
    ----------
    .. [1] C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> from skdr.metrics import grade_calibration_error
    >>> grade_calibration_error([0, 1], [[0.75, 0.25], [0.75, 0.25]], labels=[0, 1])
    0.25
    """
    return _error_of(
        grade_reliability_curve(
            y_true, y_proba, n_bins=n_bins, labels=labels, sample_weight=sample_weight
        )
    )


def referable_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_bins: int = 10,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the expected calibration error of the probability of being referable.

    See `grade_calibration_error`; here it is the distance of
    `referable_reliability_curve` from the diagonal.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_labels)
        The probability of being referable, or one column a grade.
    n_bins : int, default=10
        The number of bins of equal width in 0..1.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    error : float
        From 0, best, to 1.

    Examples
    --------
    >>> from skdr.metrics import referable_calibration_error
    >>> round(referable_calibration_error([0, 1, 2, 4], [0.25, 0.25, 0.25, 0.75]), 3)
    0.125
    """
    events = referral_events(y_true, y_proba, labels, referable_from)
    return _error_of(curve_of(events, n_bins, sample_weight))


def squared_errors(
    y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any]
) -> NDArray[np.float64]:
    """Return the squared error of each row of probabilities."""
    ranks = as_ranks(y_true, labels, "y_true")
    probabilities = check_probabilities(y_proba, labels, "y_proba")
    check_consistent_length(ranks, probabilities)
    return ((probabilities - np.eye(len(labels))[ranks]) ** 2).sum(axis=1)


def prediction_events(y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any]) -> Events:
    """Return whether the most probable grade is right, and its probability."""
    ranks = as_ranks(y_true, labels, "y_true")
    probabilities = check_probabilities(y_proba, labels, "y_proba")
    check_consistent_length(ranks, probabilities)
    return ranks == probabilities.argmax(axis=1), probabilities.max(axis=1)


def referral_events(
    y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any], referable_from: Any
) -> Events:
    """Return whether each image is referable, and the probability given to that."""
    referable = is_referable(y_true, labels, referable_from)
    probability = referral_score(y_proba, labels, referable_from)
    check_consistent_length(referable, probability)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("y_proba holds values outside of 0..1, which are no probabilities.")
    return referable, probability


def bins_of(probability: NDArray[np.float64], n_bins: int) -> NDArray[np.intp]:
    """Return the bin of each probability; an edge belongs to the bin below it."""
    return np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], probability)


def curve_of(events: Events, n_bins: int, sample_weight: ArrayLike | None) -> ReliabilityCurve:
    """Return the reliability curve of events and their probabilities."""
    happened, probability = events
    weights = np.ones(len(happened)) if sample_weight is None else np.asarray(sample_weight, float)
    bins = bins_of(probability, n_bins)
    weight, predicted, observed = (
        np.bincount(bins, values * weights, minlength=n_bins).astype(float)
        for values in (np.ones(len(bins)), probability, happened)
    )
    with np.errstate(invalid="ignore"):
        return ReliabilityCurve(predicted / weight, observed / weight, weight)


def _error_of(curve: ReliabilityCurve) -> float:
    distances = np.abs(curve.predicted - curve.observed)
    return float(np.nansum(distances * curve.weight) / curve.weight.sum())
