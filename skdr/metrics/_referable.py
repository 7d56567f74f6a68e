"""Referral: telling images from a certain grade on from the others."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import roc_curve
from sklearn.utils import column_or_1d
from sklearn.utils.validation import assert_all_finite, check_consistent_length

from skdr._grades import GRADES, REFERABLE_FROM, as_ranks, rank_of
from skdr.metrics._scale import check_columns, check_probabilities
from skdr.metrics._weighted import Floats, Weighted, share_of, weighted_metric, weighted_value


def referable_probability(
    y_proba: ArrayLike, *, labels: Sequence[Any] = GRADES, referable_from: Any = REFERABLE_FROM
) -> NDArray[np.float64]:
    """Sum the probabilities of the grades that are to be referred.

    Parameters
    ----------
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities, one column per grade.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The grade of each column, in the order of the scale.
    referable_from : grade, default=2

    Returns
    -------
    probability : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If `y_proba` does not have one column per label, or rows do not sum to 1.

    Examples
    --------
    >>> from skdr.metrics import referable_probability
    >>> referable_probability([[0.5, 0.25, 0.125, 0.125, 0.0]])
    array([0.25])
    """
    probabilities = check_probabilities(y_proba, labels, "y_proba")
    first = rank_of(referable_from, labels, "referable_from")
    return probabilities[:, first:].sum(axis=1).clip(max=1)


def _roc_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable = is_referable(y_true, labels, referable_from)
    score = ranking_score(y_score, labels, referable_from)
    check_consistent_length(referable, score)
    order = np.argsort(score, kind="stable")
    firsts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # of each distinct score
    is_above = referable[order].astype(float)

    def values(weights: Floats) -> Floats:
        weights = weights[:, order]
        above = np.add.reduceat(weights * is_above, firsts, axis=1)
        below = np.add.reduceat(weights, firsts, axis=1) - above
        passed = below.cumsum(axis=1)
        won = np.einsum("rs,rs->r", above, passed - below / 2)  # a tie is half a win
        return won / (above.sum(axis=1) * passed[:, -1])

    return values


@weighted_metric(_roc_auc, lowest=0, highest=1)
def referable_roc_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the area under the ROC curve of telling referable from other images.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_score : array-like of shape (n_samples,) or (n_samples, n_labels)
        A score that rises with the grade, or one column per grade as
        ``predict_proba`` or ``decision_function`` gives: the score is then
        the sum over referable grades less the sum over the others.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order, and the grade of each column of `y_score`.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    auc : float
        NaN, with a warning, where all images are referable or none is.

    Raises
    ------
    ValueError
        If `y_score` does not have one column per label, or a grade is not on the scale.

    Examples
    --------
    >>> from skdr.metrics import referable_roc_auc
    >>> referable_roc_auc([0, 1, 2, 4], [0.1, 0.6, 0.4, 0.9])
    0.75
    """
    form = _roc_auc(y_true, y_score, labels, referable_from)
    auc = weighted_value(form, y_true, sample_weight)
    if np.isnan(auc):
        warnings.warn(
            "All images are referable, or none is; the ROC AUC is undefined.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    return auc


def referable_threshold(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    min_sensitivity: float | None = None,
    min_specificity: float | None = None,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Choose the score from which on an image is referred.

    Choose it on other images than those on which sensitivity and specificity
    are then reported: on its own images a threshold looks better than it is.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_score : array-like of shape (n_samples,) or (n_samples, n_labels)
        A score that rises with the grade, or probabilities with one column a
        grade, see `referable_probability`.
    min_sensitivity : float in (0, 1], default=None
        Among the thresholds that reach it, take the most specific.
    min_specificity : float in (0, 1], default=None
        Among the thresholds that reach it, take the most sensitive. Give
        exactly one of the two.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    threshold : float
        One of the scores, or ``inf`` (refer no image) where nothing else is
        specific enough.

    Raises
    ------
    ValueError
        If not exactly one target is given, it is not in (0, 1], or the images
        are all referable or none is.

    See Also
    --------
    referable_sensitivity : What the threshold finds on other images.
    referable_specificity : What it spares.

    Examples
    --------
    >>> from skdr.metrics import referable_threshold
    >>> referable_threshold([0, 1, 2, 4], [0.1, 0.6, 0.4, 0.9], min_sensitivity=0.9)
    0.4
    >>> referable_threshold([0, 1, 2, 4], [0.1, 0.6, 0.4, 0.9], min_specificity=0.9)
    0.9
    """
    _check_targets(min_sensitivity, min_specificity)
    referable = is_referable(y_true, labels, referable_from)
    if referable.all() or not referable.any():
        raise ValueError("y_true must hold referable and other grades to choose a threshold.")
    score = referral_score(y_score, labels, referable_from)
    false_alarms, sensitivity, thresholds = roc_curve(
        referable, score, sample_weight=sample_weight, drop_intermediate=False
    )
    rounding = 1e-12
    if min_sensitivity is not None:
        reached = sensitivity >= min_sensitivity - rounding
        order = np.lexsort((-sensitivity, false_alarms))
    if min_specificity is not None:
        reached = 1 - false_alarms >= min_specificity - rounding
        order = np.lexsort((false_alarms, -sensitivity))
    return float(thresholds[order[reached[order]][0]])


def _sensitivity(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable, referred = _referred(y_true, y_score, threshold, labels, referable_from)
    return share_of(referred, among=referable)


@weighted_metric(_sensitivity, lowest=0, highest=1)
def referable_sensitivity(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    threshold: float,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the share of the referable images that are referred.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_score : array-like of shape (n_samples,) or (n_samples, n_labels)
        A score that rises with the grade, or probabilities with one column a
        grade, see `referable_probability`. Predicted grades are a score too,
        whose threshold is the first referable grade.
    threshold : float
        From this score on an image is referred; choose it on other images,
        see `referable_threshold`.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    sensitivity : float
        NaN where no image is referable.

    Examples
    --------
    >>> from skdr.metrics import referable_sensitivity
    >>> referable_sensitivity([0, 1, 2, 4], [0.1, 0.6, 0.4, 0.9], threshold=0.5)
    0.5
    """
    form = _sensitivity(y_true, y_score, threshold, labels, referable_from)
    return weighted_value(form, y_true, sample_weight)


def _specificity(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable, referred = _referred(y_true, y_score, threshold, labels, referable_from)
    return share_of(~referred, among=~referable)


@weighted_metric(_specificity, lowest=0, highest=1)
def referable_specificity(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    threshold: float,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the share of the images below referable that are not referred.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_score : array-like of shape (n_samples,) or (n_samples, n_labels)
        As in `referable_sensitivity`.
    threshold : float
        From this score on an image is referred; choose it on other images,
        see `referable_threshold`.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    specificity : float
        NaN where all images are referable.

    Examples
    --------
    >>> from skdr.metrics import referable_specificity
    >>> referable_specificity([0, 1, 2, 4], [0.1, 0.6, 0.4, 0.9], threshold=0.5)
    0.5
    """
    form = _specificity(y_true, y_score, threshold, labels, referable_from)
    return weighted_value(form, y_true, sample_weight)


def is_referable(
    y_true: ArrayLike, labels: Sequence[Any], referable_from: Any
) -> NDArray[np.bool_]:
    first = rank_of(referable_from, labels, "referable_from")
    return as_ranks(y_true, labels, "y_true") >= first


def referral_score(
    y_score: ArrayLike, labels: Sequence[Any], referable_from: Any
) -> NDArray[np.float64]:
    """Return a score to put a threshold on: as given, or the probability of referral."""
    if np.ndim(y_score) == 2:
        return referable_probability(y_score, labels=labels, referable_from=referable_from)
    return column_or_1d(y_score, dtype=np.float64)


def ranking_score(
    y_score: ArrayLike, labels: Sequence[Any], referable_from: Any
) -> NDArray[np.float64]:
    """Return a score to rank by: the columns may be those of ``decision_function``."""
    if np.ndim(y_score) != 2:
        score = column_or_1d(y_score, dtype=np.float64)
        assert_all_finite(score, input_name="y_score")
        return score
    first = rank_of(referable_from, labels, "referable_from")
    signs = np.where(np.arange(len(labels)) >= first, 1.0, -1.0)
    return check_columns(y_score, labels, "y_score") @ signs


def _check_targets(min_sensitivity: float | None, min_specificity: float | None) -> None:
    targets = {"min_sensitivity": min_sensitivity, "min_specificity": min_specificity}
    given = {name: value for name, value in targets.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"Give either min_sensitivity or min_specificity; got {given or 'none'}.")
    for name, value in given.items():
        if not 0 < value <= 1:
            raise ValueError(f"{name}={value!r} must be in (0, 1].")


def _referred(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    labels: Sequence[Any],
    referable_from: Any,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which images are to be referred, and which are referred at a threshold."""
    referable = is_referable(y_true, labels, referable_from)
    referred = referral_score(y_score, labels, referable_from) >= threshold
    check_consistent_length(referable, referred)
    return referable, referred
