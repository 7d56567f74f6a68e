"""Whether probabilities of grades and of referral can be trusted."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from skdr._grades import GRADES, REFERABLE_FROM, as_ranks
from skdr.metrics._referable import is_referable, referral_score
from skdr.metrics._scale import check_probabilities
from skdr.metrics._weighted import Weighted, mean_of, weighted_metric, weighted_value

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


def _grade_brier(y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any] = GRADES) -> Weighted:
    ranks, probabilities = _ranks_and_probabilities(y_true, y_proba, labels)
    return mean_of(((probabilities - np.eye(len(labels))[ranks]) ** 2).sum(axis=1))


@weighted_metric(_grade_brier, lowest=0, highest=2)
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
        Probabilities, one column per grade.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The grade of each column.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    score : float

    Raises
    ------
    ValueError
        If `y_proba` does not have one column per label, or rows do not sum to 1.

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
    return weighted_value(_grade_brier(y_true, y_proba, labels), y_true, sample_weight)


def _referable_brier(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable, probability = referral_events(y_true, y_proba, labels, referable_from)
    return mean_of((referable - probability) ** 2)


@weighted_metric(_referable_brier, lowest=0, highest=1)
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
        The probability of being referable, or one column per grade.
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
    form = _referable_brier(y_true, y_proba, labels, referable_from)
    return weighted_value(form, y_true, sample_weight)


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
        Probabilities, one column per grade; the largest is the prediction.
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
        The probability of being referable, or one column per grade.
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


def _calibration_error(events: Events, n_bins: int) -> Weighted:
    happened, probability = events
    excess = _in_bins(events, n_bins) * (happened - probability)[:, None]
    return lambda weights: np.abs(weights @ excess).sum(axis=1) / weights.sum(axis=1)


def _grade_calibration_error(
    y_true: ArrayLike, y_proba: ArrayLike, n_bins: int = 10, labels: Sequence[Any] = GRADES
) -> Weighted:
    return _calibration_error(prediction_events(y_true, y_proba, labels), n_bins)


@weighted_metric(_grade_calibration_error, lowest=0, highest=1)
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
    so the intervals of `bootstrap_interval` lie too high; they may not even
    contain the estimate.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities, one column per grade; the largest is the prediction.
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
    form = _grade_calibration_error(y_true, y_proba, n_bins, labels)
    return weighted_value(form, y_true, sample_weight)


def _referable_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    n_bins: int = 10,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    return _calibration_error(referral_events(y_true, y_proba, labels, referable_from), n_bins)


@weighted_metric(_referable_calibration_error, lowest=0, highest=1)
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
        The probability of being referable, or one column per grade.
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
    form = _referable_calibration_error(y_true, y_proba, n_bins, labels, referable_from)
    return weighted_value(form, y_true, sample_weight)


def prediction_events(y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any]) -> Events:
    """Return whether the most probable grade is right, and its probability."""
    ranks, probabilities = _ranks_and_probabilities(y_true, y_proba, labels)
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


def curve_form(events: Events, n_bins: int) -> Weighted:
    """Return the weighted form of a reliability curve: (n_resamples, 3, n_bins)."""
    happened, probability = events
    in_bins = _in_bins(events, n_bins)
    sums = np.hstack([in_bins * values[:, None] for values in (probability, happened)] + [in_bins])

    def values(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        predicted, observed, weight = np.split(weights @ sums, 3, axis=1)
        return np.stack([predicted / weight, observed / weight, weight], axis=1)

    return values


def curve_of(
    events: Events, n_bins: int, sample_weight: ArrayLike | None = None
) -> ReliabilityCurve:
    """Return the reliability curve of events and their probabilities."""
    return ReliabilityCurve(*weighted_value(curve_form(events, n_bins), events[0], sample_weight))


def _in_bins(events: Events, n_bins: int) -> NDArray[np.float64]:
    """Return 1 in the bin of each probability; an edge belongs to the bin below it."""
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], events[1])
    return np.eye(n_bins)[bins]


def _ranks_and_probabilities(
    y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    ranks = as_ranks(y_true, labels, "y_true")
    probabilities = check_probabilities(y_proba, labels, "y_proba")
    check_consistent_length(ranks, probabilities)
    return ranks, probabilities
