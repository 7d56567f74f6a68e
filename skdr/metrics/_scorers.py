"""The metrics as scorers, for cross-validation and grid search."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    make_scorer,
    mean_absolute_error,
)

from skdr._grades import GRADES, REFERABLE_FROM, as_ranks, rank_of
from skdr.metrics._calibration import (
    grade_brier_score,
    grade_calibration_error,
    referable_brier_score,
    referable_calibration_error,
)
from skdr.metrics._grading import grade_recalls, quadratic_weighted_kappa
from skdr.metrics._referable import (
    referable_roc_auc,
    referable_sensitivity,
    referable_specificity,
)
from skdr.metrics._weighted import Metric

_RESPONSES = ("predict_proba", "decision_function", "predict_expected_grade")


def grade_response(estimator: Any, X: Any, labels: Sequence[Any]) -> NDArray[Any] | None:
    """Return the first of `_RESPONSES` that an estimator has."""
    method = next((name for name in _RESPONSES if hasattr(estimator, name)), None)
    if method is None:
        return None
    return aligned(getattr(estimator, method)(X), estimator, labels)


def aligned(response: NDArray[Any], estimator: Any, labels: Sequence[Any]) -> NDArray[Any]:
    """Return one score per image as it is, and columns of classes as columns of grades.

    A grade that the classifier did not see in training gets a column of zeros.
    """
    if np.ndim(response) == 1:
        return response
    columns = np.zeros((len(response), len(labels)))
    columns[:, as_ranks(estimator.classes_, labels, "estimator.classes_")] = response
    return columns


@dataclass(frozen=True)
class _ResponseScorer:
    metric: Metric
    sign: int
    labels: tuple[Any, ...]

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        response = grade_response(estimator, X, self.labels)
        if response is None:
            raise TypeError(f"{type(estimator).__name__} has none of the methods {_RESPONSES}.")
        return self.sign * self.metric(y, response, sample_weight=sample_weight)


def make_grading_scorer(
    metric: Metric,
    *,
    greater_is_better: bool = True,
    labels: Sequence[Any] = GRADES,
    **keywords: Any,
) -> _ResponseScorer:
    """Make a scorer of a metric that takes one column of probabilities per grade.

    Where a grade is missing from a training fold, the classifier has no column
    for it; the scorer fills one in with zeros. For metrics of predicted grades
    `sklearn.metrics.make_scorer` is enough.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_proba, labels=..., sample_weight=...)``.
    greater_is_better : bool, default=True
        False for an error: the scorer changes its sign.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    **keywords : dict
        Further keywords of the metric, such as a threshold.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, of a classifier with ``predict_proba``; or,
        if the metric takes any score, with ``decision_function`` or
        ``predict_expected_grade``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdr.metrics import make_grading_scorer, referable_sensitivity
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = make_grading_scorer(referable_sensitivity, threshold=0.3)
    >>> round(scorer(LogisticRegression(max_iter=500).fit(X, y), X, y), 2)
    1.0
    """
    sign = 1 if greater_is_better else -1
    return _ResponseScorer(partial(metric, labels=labels, **keywords), sign, tuple(labels))


#: Each metric by name, and what it takes besides the true grades.
_METRICS: dict[str, tuple[Metric, str]] = {
    "quadratic_weighted_kappa": (quadratic_weighted_kappa, "grades"),
    "accuracy": (accuracy_score, "grades"),
    "balanced_accuracy": (balanced_accuracy_score, "grades"),
    "mean_absolute_error": (mean_absolute_error, "grades"),
    "recall": (grade_recalls, "grades"),
    "referable_roc_auc": (referable_roc_auc, "scores"),
    "referable_sensitivity": (referable_sensitivity, "probabilities"),
    "referable_specificity": (referable_specificity, "probabilities"),
    "referable_brier_score": (referable_brier_score, "probabilities"),
    "referable_calibration_error": (referable_calibration_error, "probabilities"),
    "grade_brier_score": (grade_brier_score, "probabilities"),
    "grade_calibration_error": (grade_calibration_error, "probabilities"),
}
#: Metrics that are better the smaller they are.
ERRORS = {
    *("mean_absolute_error", "referable_brier_score", "grade_brier_score"),
    *("referable_calibration_error", "grade_calibration_error"),
}


def grading_metrics(
    n_grades: int, referable_from: int, threshold: float | None
) -> dict[str, tuple[Metric, str]]:
    """Return `_METRICS` for grades as positions on a scale."""
    keywords = {"labels": range(n_grades), "referable_from": referable_from, "threshold": threshold}
    if threshold is None:
        # Grades are a score too, and the first referable one is its threshold.
        keywords["threshold"] = referable_from
    metrics = {}
    for name, (metric, takes) in _METRICS.items():
        known = inspect.signature(metric).parameters
        if threshold is None and "threshold" in known:
            takes = "grades"
        own = {key: value for key, value in keywords.items() if key in known}
        metrics[name] = (partial(metric, **own) if own else metric, takes)
    return metrics


@dataclass(frozen=True)
class GradingScorer:
    """Scores a classifier by all metrics of graded disease, on one prediction.

    Several scorers, one per metric, would run the images through the network
    once for each.

    Parameters
    ----------
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    referable_from : grade, default=2
    threshold : float or None, default=None
        From this probability on an image is referred, see `referable_threshold`;
        None refers an image if its predicted grade is to be referred.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skdr.metrics import GradingScorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = GradingScorer(labels=(0, 1, 2))
    >>> scores = cross_validate(LogisticRegression(max_iter=500), X, y, scoring=scorer)
    >>> print(scores["test_quadratic_weighted_kappa"].mean().round(2))
    0.98
    """

    labels: Sequence[Any] = GRADES
    referable_from: Any = REFERABLE_FROM
    threshold: float | None = None

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> dict[str, float]:
        """Return the scores by name; errors are negative.

        Metrics that need probabilities are NaN for a classifier without them.
        """
        truth = as_ranks(y, self.labels, "y")
        response = grade_response(estimator, X, self.labels)
        given = {
            "grades": as_ranks(estimator.predict(X), self.labels, "y_pred"),
            "scores": response,
            "probabilities": response if hasattr(estimator, "predict_proba") else None,
        }
        scores: dict[str, float] = {}
        for name, (metric, takes) in self._metrics().items():
            predicted = given[takes]
            value: Any = np.nan
            if predicted is not None:
                value = metric(truth, predicted, sample_weight=sample_weight)
            if name == "recall":
                scores |= _by_grade(value, self.labels)
            elif name in ERRORS:
                scores[f"neg_{name}"] = -value
            else:
                scores[name] = value
        return scores

    def _metrics(self) -> dict[str, tuple[Metric, str]]:
        first = rank_of(self.referable_from, self.labels, "referable_from")
        return grading_metrics(len(self.labels), first, self.threshold)


#: Scorer of all metrics of the grades 0-4, as a dict.
grading_scorer = GradingScorer()

#: Scorer of `quadratic_weighted_kappa` over the grades 0-4.
quadratic_weighted_kappa_scorer = make_scorer(quadratic_weighted_kappa)

#: Scorer of `referable_roc_auc` over the grades 0-4, by probabilities or decision values.
referable_roc_auc_scorer = make_grading_scorer(referable_roc_auc)

#: Scorers of the grades 0-4 that refer an image by its predicted grade. For an operating point:
#: ``make_grading_scorer(referable_sensitivity, threshold=...)``.
referable_sensitivity_scorer = make_scorer(referable_sensitivity, threshold=REFERABLE_FROM)
referable_specificity_scorer = make_scorer(referable_specificity, threshold=REFERABLE_FROM)

#: Scorers of probabilities of the grades 0-4: the negative of the error.
neg_grade_brier_scorer = make_grading_scorer(grade_brier_score, greater_is_better=False)
neg_referable_brier_scorer = make_grading_scorer(referable_brier_score, greater_is_better=False)
neg_grade_calibration_error_scorer = make_grading_scorer(
    grade_calibration_error, greater_is_better=False
)
neg_referable_calibration_error_scorer = make_grading_scorer(
    referable_calibration_error, greater_is_better=False
)


def grade_recalls_scorer(estimator: Any, X: Any, y: ArrayLike) -> dict[str, float]:
    """Score a classifier by the recall of each of the grades 0-4: a dict.

    Parameters
    ----------
    estimator : object
        A fitted classifier.
    X : array-like, DataFrame or sequence of n_samples images
    y : array-like of shape (n_samples,)
        Grades.

    Returns
    -------
    scores : dict of str to float
        ``"recall_0"`` to ``"recall_4"``; NaN for a grade without images.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skdr.metrics import grade_recalls_scorer
    >>> classifier = DummyClassifier().fit([[0], [0], [0]], [0, 0, 1])
    >>> grade_recalls_scorer(classifier, [[0], [0]], [0, 1])["recall_0"]
    1.0
    """
    return _by_grade(grade_recalls(y, estimator.predict(X)), GRADES)


def _by_grade(recalls: NDArray[np.float64], labels: Sequence[Any]) -> dict[str, float]:
    named = zip(labels, recalls.tolist(), strict=True)
    return {f"recall_{label}": recall for label, recall in named}
