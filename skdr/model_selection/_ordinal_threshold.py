"""Grades from the expected grade, by cut points tuned on images not trained on."""

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone, is_regressor
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils import column_or_1d, get_tags, indexable
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skdr._atomic import atomic
from skdr._grades import as_ranks
from skdr._labels import check_labels, check_weights
from skdr._sklearn import HasMethods, StrOptions, fit_context, safe_indexing
from skdr._stratified import stratified_folds
from skdr.metrics import quadratic_weighted_kappa
from skdr.model_selection._cut_points import (
    Positions,
    Search,
    assigned,
    best_for_accuracy,
    best_for_balanced_accuracy,
    best_for_kappa,
    best_for_scores,
    counts_by_score,
    cut_values,
)

KAPPA = "quadratic_weighted_kappa"
_EXACT: dict[str, Search] = {
    KAPPA: best_for_kappa,
    "accuracy": best_for_accuracy,
    "balanced_accuracy": best_for_balanced_accuracy,
}


class OrdinalThresholdClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Cuts the expected grade of a model into grades where agreement is best.

    The most probable grade is the right one to predict if all errors are
    equally bad. Quadratic weighted kappa punishes errors by the square of their
    distance: the expected grade, cut into grades at tuned points, suits it
    better. The cut points are those with the highest score on out-of-fold
    predictions: no image is judged by a model that was trained on it. The model
    is then fitted to all images.

    Parameters
    ----------
    estimator : classifier with ``predict_proba``, or regressor
        A classifier's expected grade is the sum of its probabilities times
        the positions 0, 1, ... on the scale; a regressor is trained
        on these positions.
    scoring : str or callable, default="quadratic_weighted_kappa"
        What the cut points maximise. For ``"quadratic_weighted_kappa"``,
        ``"accuracy"`` and ``"balanced_accuracy"`` they are the best possible;
        for another scorer of predicted classes, or its name in scikit-learn,
        the best of those three is improved by moving one cut point at a time.
    labels : array-like of shape (n_classes,), default=None
        The full scale, in its order; None is the sorted grades that y holds.
        Give it where grades have names that are not in alphabetical order, or
        where a grade may be missing from y.
    cv : int, splitter or iterable, default=5
        The splits of the out-of-fold predictions. A number means stratified
        folds, which keep patients whole if `fit` gets them as `groups`.
    n_jobs : int or None, default=None
        The number of folds fitted at once.

    Attributes
    ----------
    estimator_ : estimator
        The model fitted to all images.
    classes_ : ndarray of shape (n_classes,)
        The grades, in the order of the scale.
    thresholds_ : ndarray of shape (n_classes - 1,)
        From ``thresholds_[k]`` on, the expected grade is taken for a grade
        above ``classes_[k]``. A grade between two equal thresholds, or beyond an
        infinite one, is never predicted, because it costs more than it gains.
    best_score_ : float
        The score of the cut points on the out-of-fold predictions that they
        were chosen on: usually higher than on other images.
    n_features_in_ : int
        As the fitted model's, if it has one.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        As the fitted model's, if it has them.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : The same for two classes.

    Notes
    -----
    There is no ``predict_proba``, because its largest value would often not be that
    of the predicted grade. The inner classifier has ``estimator_.predict_proba``.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from skdr.model_selection import OrdinalThresholdClassifier
    >>> X, progression = load_diabetes(return_X_y=True)
    >>> y = (progression // 70).astype(int)
    >>> classifier = OrdinalThresholdClassifier(LinearRegression()).fit(X, y)
    >>> classifier.thresholds_.round(1)
    array([0.8, 1.6, 2.4, 2.7])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "predict_proba"]), HasMethods(["fit", "predict"])],
        "scoring": [StrOptions({KAPPA, *get_scorer_names()}), callable],
        "labels": ["array-like", None],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        scoring: str | Callable[..., float] = KAPPA,
        labels: ArrayLike | None = None,
        cv: Any = 5,
        n_jobs: int | None = None,
    ):
        self.estimator = estimator
        self.scoring = scoring
        self.labels = labels
        self.cv = cv
        self.n_jobs = n_jobs

    @atomic
    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> "OrdinalThresholdClassifier":
        """Tune the cut points on out-of-fold predictions, then fit to all images.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples items
            Whatever the inner model takes.
        y : array-like of shape (n_samples,)
            Grades: numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            For the inner model, which must take them, and for the cut points.
        groups : array-like of shape (n_samples,), default=None
            Patients, for the splits.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If y holds fewer than two grades or some that are not in `labels`,
            or the inner model takes no weights and some are given.
        TypeError
            If the inner model is a classifier without ``predict_proba``.
        """
        X, y, groups = indexable(X, y, groups)
        ranks = self._encode(y)
        weights = None if sample_weight is None else check_weights(sample_weight, len(ranks))
        self._check_estimator(weights is not None)
        targets = ranks if is_regressor(self.estimator) else self.classes_[ranks]
        expected, rows = self._out_of_fold(X, targets, weights, groups)
        self._tune(expected, ranks[rows], None if weights is None else weights[rows])
        self.estimator_ = _fitted(self.estimator, X, targets, weights)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the grade whose cut points lie around the expected grade.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples items
            Whatever the inner model takes.

        Returns
        -------
        grades : ndarray of shape (n_samples,)
        """
        expected = self.predict_expected_grade(X)
        return self.classes_[np.searchsorted(self.thresholds_, expected, side="right")]

    def predict_expected_grade(self, X: Any) -> NDArray[np.float64]:
        """Return the expected grade: a score that rises with the grade.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples items
            Whatever the inner model takes.

        Returns
        -------
        expected : ndarray of shape (n_samples,)
            In positions 0, 1, ... of `classes_`.
        """
        check_is_fitted(self)
        return _expected_grade(self.estimator_, X, self.classes_)

    @property
    def n_features_in_(self) -> int:
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    def _encode(self, y: Any) -> NDArray[np.intp]:
        labels = check_labels(y)
        found = np.unique(labels)
        if len(found) < 2:
            what = f"one class, {found.tolist()[0]!r}" if len(labels) else "0 sample(s)"
            raise ValueError(f"There is nothing to cut: y has {what}.")
        self.classes_ = found if self.labels is None else column_or_1d(self.labels)
        return as_ranks(labels, self.classes_, "y")

    def _check_estimator(self, is_weighted: bool) -> None:
        if not is_regressor(self.estimator) and not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                f"estimator={self.estimator!r} is neither a regressor nor a classifier with "
                "predict_proba; wrap it in CalibratedClassifierCV."
            )
        if is_weighted and not has_fit_parameter(self.estimator, "sample_weight"):
            raise ValueError(
                f"sample_weight is given, but fit of {type(self.estimator).__name__} takes none."
            )

    def _out_of_fold(
        self, X: Any, targets: NDArray[Any], weights: NDArray[Any] | None, groups: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return expected grades by models not fitted on the images in question, and their rows."""
        cv = check_cv(self.cv, targets, classifier=True)
        if groups is not None and (self.cv is None or isinstance(self.cv, Integral)):
            cv = stratified_folds(cv.get_n_splits(), groups, shuffle=False)
        splits = list(cv.split(X, targets, groups))
        expected = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_and_predict)(self.estimator, X, targets, weights, split, self.classes_)
            for split in splits
        )
        return np.concatenate(expected), np.concatenate([test for _, test in splits])

    def _tune(
        self,
        score: NDArray[np.float64],
        ranks: NDArray[np.intp],
        weights: NDArray[np.float64] | None,
    ) -> None:
        """Set the thresholds with the highest score."""
        used = np.arange(len(ranks)) if weights is None else np.flatnonzero(weights)
        score, ranks = score[used], ranks[used]
        weights = None if weights is None else weights[used]
        if len(np.unique(ranks)) < 2:
            raise ValueError("There is nothing to cut: images of one class only have a weight.")
        scores, counts = counts_by_score(score, ranks, weights, len(self.classes_))
        row = np.searchsorted(scores, score)

        def score_of(positions: Positions) -> float:
            predicted = assigned(positions, len(scores))[row]
            return _score(self.scoring, self.classes_, ranks, predicted, weights)

        search = _EXACT.get(self.scoring) if isinstance(self.scoring, str) else None
        with warnings.catch_warnings():
            # Cuts that are only tried may leave out a grade.
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            positions = (search or best_for_scores(score_of))(counts)
            self.best_score_ = score_of(positions)
        self.thresholds_ = cut_values(scores, positions)


class _Replay(ClassifierMixin, BaseEstimator):
    """Predicts the labels that it is given as X, for scorers."""

    def __init__(self, classes_: NDArray[Any]):
        self.classes_ = classes_

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return X


def _score(
    scoring: str | Callable[..., float],
    classes: NDArray[Any],
    ranks: NDArray[np.intp],
    predicted: NDArray[np.intp],
    weights: NDArray[Any] | None,
) -> float:
    """Return the score of predicted grades; an undefined score counts as the worst."""
    if scoring == KAPPA:
        scale = range(len(classes))
        return quadratic_weighted_kappa(ranks, predicted, labels=scale, sample_weight=weights)
    weighting = {} if weights is None else {"sample_weight": weights}
    try:
        value = get_scorer(scoring)(
            _Replay(classes), classes[predicted], classes[ranks], **weighting
        )
    except AttributeError as exc:
        raise ValueError(f"scoring={scoring!r} is no score of predicted grades alone.") from exc
    return -np.inf if np.isnan(value) else float(value)


def _fit_and_predict(
    estimator: Any,
    X: Any,
    targets: NDArray[Any],
    weights: NDArray[Any] | None,
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
    classes: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the expected grades of the test rows of a fold, by a model fitted on the others."""
    train, test = split
    weights = None if weights is None else weights[train]
    model = _fitted(estimator, safe_indexing(X, train), targets[train], weights)
    return _expected_grade(model, safe_indexing(X, test), classes)


def _fitted(estimator: Any, X: Any, targets: NDArray[Any], weights: NDArray[Any] | None) -> Any:
    model = clone(estimator)
    return (
        model.fit(X, targets) if weights is None else model.fit(X, targets, sample_weight=weights)
    )


def _expected_grade(model: Any, X: Any, classes: NDArray[Any]) -> NDArray[np.float64]:
    if is_regressor(model):
        return column_or_1d(model.predict(X)).astype(np.float64)
    # A grade may be missing from the images that the model was trained on.
    ranks = as_ranks(model.classes_, classes, "classes_")
    return np.asarray(model.predict_proba(X), dtype=np.float64) @ ranks
