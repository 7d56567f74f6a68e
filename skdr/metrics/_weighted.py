"""The metrics on many weightings of the same images at once.

A metric is prepared once, on the labels and predictions, and then computed for
a matrix of weights, one row a resample: sums over the images are one matrix
product, and the ROC curve sorts once.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, mean_absolute_error

from skdr.metrics._calibration import (
    Events,
    bins_of,
    grade_brier_score,
    grade_calibration_error,
    prediction_events,
    referable_brier_score,
    referable_calibration_error,
    referral_events,
    squared_errors,
)
from skdr.metrics._grading import grade_recalls, quadratic_weighted_kappa
from skdr.metrics._referable import (
    is_referable,
    ranking_score,
    referable_roc_auc,
    referable_sensitivity,
    referable_specificity,
    referral_score,
)
from skdr.metrics._scale import GRADES, REFERABLE_FROM, as_ranks

Floats: TypeAlias = NDArray[np.float64]
#: From weights (n_resamples, n_samples) to values (n_resamples,) or (n_resamples, n_values).
Weighted: TypeAlias = Callable[[Floats], Floats]
Metric: TypeAlias = Callable[..., Any]


def weighted_form(metric: Metric, y_true: NDArray[Any], y_pred: NDArray[Any]) -> Weighted:
    """Return a metric of labels and predictions, as a function of weights.

    The metrics below have a form of their own, with keywords set by
    `functools.partial` too. Any other is called once a resample on the rows
    repeated, so that it need not know of weights.
    """
    keywords: dict[str, Any] = {}
    function = metric
    while isinstance(function, functools.partial) and not function.args:
        keywords = {**function.keywords, **keywords}
        function = function.func
    prepare = _PREPARE.get(function)
    if prepare is not None and set(keywords) <= set(inspect.signature(prepare).parameters):
        return prepare(y_true, y_pred, **keywords)
    return _repeated(metric, y_true, y_pred)


def _repeated(metric: Metric, y_true: NDArray[Any], y_pred: NDArray[Any]) -> Weighted:
    def values(weights: Floats) -> Floats:
        resamples = (np.repeat(np.arange(len(y_true)), row.astype(np.intp)) for row in weights)
        return np.array([metric(y_true[rows], y_pred[rows]) for rows in resamples], dtype=float)

    return values


def _mean(values: Floats) -> Weighted:
    return lambda weights: weights @ values / weights.sum(axis=1)


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> Weighted:
    sums = np.column_stack([hits & among, among]).astype(float)

    def values(weights: Floats) -> Floats:
        hit, total = (weights @ sums).T
        return hit / total

    return values


def _confusion(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any]) -> Weighted:
    """Count each pair of grades: (n_resamples, n_labels, n_labels)."""
    n = len(labels)
    pairs = n * as_ranks(y_true, labels, "y_true") + as_ranks(y_pred, labels, "y_pred")
    indicators = np.eye(n * n)[pairs]
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


def _recalls(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any] = GRADES) -> Weighted:
    confusion = _confusion(y_true, y_pred, labels)

    def values(weights: Floats) -> Floats:
        counts = confusion(weights)
        return np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2)

    return values


def _balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Weighted:
    labels = np.union1d(np.asarray(y_true), np.asarray(y_pred))
    recalls = _recalls(y_true, y_pred, list(labels))

    def values(weights: Floats) -> Floats:
        found = recalls(weights)
        return np.nansum(found, axis=1) / np.isfinite(found).sum(axis=1)

    return values


def _accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Weighted:
    return _mean((np.asarray(y_true) == np.asarray(y_pred)).astype(float))


def _absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Weighted:
    return _mean(np.abs(np.subtract(y_true, y_pred, dtype=float)))


def _roc_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable = is_referable(y_true, labels, referable_from)
    score = ranking_score(y_score, labels, referable_from)
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


def _sensitivity(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable = is_referable(y_true, labels, referable_from)
    return _share(referral_score(y_score, labels, referable_from) >= threshold, referable)


def _specificity(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable = is_referable(y_true, labels, referable_from)
    return _share(referral_score(y_score, labels, referable_from) < threshold, ~referable)


def _grade_brier(y_true: ArrayLike, y_proba: ArrayLike, labels: Sequence[Any] = GRADES) -> Weighted:
    return _mean(squared_errors(y_true, y_proba, labels))


def _referable_brier(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    referable, probability = referral_events(y_true, y_proba, labels, referable_from)
    return _mean((referable - probability) ** 2)


def _calibration_error(events: Events, n_bins: int) -> Weighted:
    happened, probability = events
    excess = np.eye(n_bins)[bins_of(probability, n_bins)] * (happened - probability)[:, None]
    return lambda weights: np.abs(weights @ excess).sum(axis=1) / weights.sum(axis=1)


def observed_shares(events: Events, n_bins: int) -> Weighted:
    """Return how often the event came true in each bin of probability."""
    happened, probability = events
    in_bin = np.eye(n_bins)[bins_of(probability, n_bins)]
    return lambda weights: (weights @ (in_bin * happened[:, None])) / (weights @ in_bin)


def _grade_calibration_error(
    y_true: ArrayLike, y_proba: ArrayLike, n_bins: int = 10, labels: Sequence[Any] = GRADES
) -> Weighted:
    return _calibration_error(prediction_events(y_true, y_proba, labels), n_bins)


def _referable_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    n_bins: int = 10,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
) -> Weighted:
    return _calibration_error(referral_events(y_true, y_proba, labels, referable_from), n_bins)


_PREPARE: dict[Metric, Callable[..., Weighted]] = {
    accuracy_score: _accuracy,
    balanced_accuracy_score: _balanced_accuracy,
    mean_absolute_error: _absolute_error,
    quadratic_weighted_kappa: _kappa,
    grade_recalls: _recalls,
    referable_roc_auc: _roc_auc,
    referable_sensitivity: _sensitivity,
    referable_specificity: _specificity,
    grade_brier_score: _grade_brier,
    referable_brier_score: _referable_brier,
    grade_calibration_error: _grade_calibration_error,
    referable_calibration_error: _referable_calibration_error,
}
