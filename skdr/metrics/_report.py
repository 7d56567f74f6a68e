"""All metrics of one set of predictions, with their intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from skdr._grades import GRADES, REFERABLE_FROM, as_ranks, rank_of
from skdr._html import html
from skdr._optional import import_optional
from skdr._text_table import TextTable
from skdr.metrics._bootstrap import BootstrapInterval, interval_of, resample
from skdr.metrics._calibration import referral_events
from skdr.metrics._displays import (
    GradeConfusionDisplay,
    ReliabilityDisplay,
    grade_counts,
    names_of,
    reliability_of,
)
from skdr.metrics._scale import check_probabilities
from skdr.metrics._scorers import grade_response, grading_metrics
from skdr.metrics._weighted import Metric, weighted_form

if TYPE_CHECKING:
    import pandas as pd

_REPORT = "{{ table }}{% for note in notes %}<p>{{ note }}</p>{% endfor %}"


class GradingReport:
    """All metrics of one set of predictions, each with its interval.

    Make it by `from_predictions` or `from_estimator`; print it, or show it in a
    notebook.

    Parameters
    ----------
    intervals : dict of str to BootstrapInterval
        The metrics by name.
    confusion : GradeConfusionDisplay
    reliability : ReliabilityDisplay or None, default=None
        Of the probability of being referable.
    description : str, default=""
        What the intervals were computed on.

    Attributes
    ----------
    intervals, confusion, reliability, description
        As given. `confusion` and `reliability` draw themselves on ``plot()``.

    Examples
    --------
    >>> from skdr.metrics import GradingReport
    >>> y_true, y_pred = [0, 1, 2, 3, 4, 4, 0, 2], [0, 1, 2, 3, 4, 3, 1, 2]
    >>> report = GradingReport.from_predictions(y_true, y_pred, random_state=0)
    >>> print(report.intervals["accuracy"])
    0.750 (0.375 to 1.000)
    """

    def __init__(
        self,
        intervals: dict[str, BootstrapInterval],
        *,
        confusion: GradeConfusionDisplay,
        reliability: ReliabilityDisplay | None = None,
        description: str = "",
    ):
        self.intervals = intervals
        self.confusion = confusion
        self.reliability = reliability
        self.description = description

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike | None = None,
        *,
        y_proba: ArrayLike | None = None,
        y_score: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        labels: Sequence[Any] = GRADES,
        display_labels: Sequence[str] | None = None,
        referable_from: Any = REFERABLE_FROM,
        threshold: float | None = None,
        n_resamples: int = 2000,
        confidence_level: float = 0.95,
        random_state: int | np.random.RandomState | None = None,
    ) -> "GradingReport":
        """Compute all metrics that predictions allow, on the same resamples.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Grades.
        y_pred : array-like of shape (n_samples,), default=None
            Predicted grades; None takes the most probable ones.
        y_proba : array-like of shape (n_samples, n_labels), default=None
            Probabilities, one column per grade; None leaves out what needs them.
        y_score : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
            What `referable_roc_auc` takes; None takes the probabilities.
        groups : array-like of shape (n_samples,), default=None
            The patient of each image, see `bootstrap_interval`.
        labels : sequence, default=(0, 1, 2, 3, 4)
            The full scale, in its order.
        display_labels : sequence of str or None, default=None
            The names of the grades; None names the grades 0-4 of retinopathy.
        referable_from : grade, default=2
        threshold : float or None, default=None
            From this probability on an image is referred, see
            `referable_threshold`; None refers an image if its predicted grade
            is to be referred.
        n_resamples : int, default=2000
        confidence_level : float, default=0.95
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        report : GradingReport

        Raises
        ------
        ValueError
            If there is neither `y_pred` nor `y_proba`, or a threshold and no
            `y_proba`.
        """
        if y_proba is None and threshold is not None:
            raise ValueError(f"threshold={threshold!r} needs probabilities: give y_proba too.")
        truth, grades, probabilities = _check_predictions(y_true, y_pred, y_proba, labels)
        score = probabilities if y_score is None else y_score
        given = {"grades": grades, "scores": score, "probabilities": probabilities}
        first = rank_of(referable_from, labels, "referable_from")
        metrics = {
            name: (metric, given[takes])
            for name, (metric, takes) in grading_metrics(len(labels), first, threshold).items()
            if given[takes] is not None
        }
        resampling: dict[str, Any] = {
            "groups": groups,
            "n_resamples": n_resamples,
            "confidence_level": confidence_level,
            "random_state": random_state,
        }
        names, scale = names_of(labels, display_labels), range(len(labels))
        reliability = None
        if probabilities is not None:
            events = referral_events(truth, probabilities, scale, first)
            reliability = reliability_of(events, "referable", **resampling)
        counts = grade_counts(truth, grades, scale)
        return cls(
            _intervals(metrics, truth, names, **resampling),
            confusion=GradeConfusionDisplay(counts, display_labels=names),
            reliability=reliability,
            description=_describe(len(truth), groups, confidence_level),
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        labels: Sequence[Any] = GRADES,
        **keywords: Any,
    ) -> "GradingReport":
        """Compute all metrics of a fitted classifier.

        Parameters
        ----------
        estimator : object
            A fitted classifier.
        X : array-like, DataFrame or sequence of n_samples images
        y : array-like of shape (n_samples,)
            Grades.
        labels : sequence, default=(0, 1, 2, 3, 4)
            The full scale, in its order.
        **keywords : dict
            Those of `from_predictions`.

        Returns
        -------
        report : GradingReport
        """
        response = grade_response(estimator, X, labels)
        return cls.from_predictions(
            y,
            estimator.predict(X),
            y_proba=response if hasattr(estimator, "predict_proba") else None,
            y_score=response,
            labels=labels,
            **keywords,
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return the table as a DataFrame, one row per metric.

        Returns
        -------
        frame : DataFrame
            Columns ``estimate``, ``low``, ``high`` and ``undefined``, the share
            of the resamples in which the metric is undefined.
        """
        pd = import_optional("pandas", purpose="to_frame")
        rows = [
            (i.estimate, i.low, i.high, np.isnan(i.distribution).mean())
            for i in self.intervals.values()
        ]
        columns = ["estimate", "low", "high", "undefined"]
        return pd.DataFrame(rows, index=list(self.intervals), columns=columns)

    def __str__(self) -> str:
        notes = ["", *self._notes()] if self._notes() else []
        return "\n".join([self.description, "", str(self._table()), *notes])

    def _repr_html_(self) -> str:
        table = self._table().to_html(caption=self.description)
        return html(_REPORT, table=table, notes=self._notes())

    def _table(self) -> TextTable:
        return TextTable(["metric", "estimate", "interval"], self._rows())

    def _rows(self) -> list[tuple[str, str, str]]:
        """Return name, estimate and interval of each metric, as text."""
        rows = []
        for name, i in self.intervals.items():
            mark = " *" if self._is_partly_undefined(i) else ""
            interval = f"({i.low:.3f} to {i.high:.3f}){mark}"
            is_defined = np.isfinite(i.estimate)
            rows.append((name, f"{i.estimate:.3f}", interval) if is_defined else (name, "-", ""))
        return rows

    def _notes(self) -> list[str]:
        if not any(map(self._is_partly_undefined, self.intervals.values())):
            return []
        return ["* Undefined in some resamples: too few patients have the grade."]

    @staticmethod
    def _is_partly_undefined(interval: BootstrapInterval) -> bool:
        return bool(np.isfinite(interval.estimate) and np.isnan(interval.distribution).any())


def _check_predictions(
    y_true: ArrayLike, y_pred: ArrayLike | None, y_proba: ArrayLike | None, labels: Sequence[Any]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64] | None]:
    """Return true grades, predicted grades and probabilities on the scale 0..n_labels-1."""
    truth = as_ranks(y_true, labels, "y_true")
    probabilities = None if y_proba is None else check_probabilities(y_proba, labels, "y_proba")
    if y_pred is not None:
        grades = as_ranks(y_pred, labels, "y_pred")
    elif probabilities is not None:
        grades = probabilities.argmax(axis=1)
    else:
        raise ValueError("Give y_pred, y_proba or both.")
    check_consistent_length(truth, grades, probabilities)
    return truth, grades, probabilities


def _intervals(
    metrics: dict[str, tuple[Metric, Any]],
    truth: NDArray[np.intp],
    grade_names: Sequence[str],
    *,
    groups: ArrayLike | None,
    n_resamples: int,
    confidence_level: float,
    random_state: int | np.random.RandomState | None,
) -> dict[str, BootstrapInterval]:
    """Return the interval of each metric by the name to show, all on the same resamples."""
    forms = [weighted_form(metric, truth, y_pred) for metric, y_pred in metrics.values()]
    distributions = resample(forms, len(truth), groups, n_resamples, random_state)
    intervals = {}
    for (name, (metric, y_pred)), values in zip(metrics.items(), distributions, strict=True):
        estimate = metric(truth, y_pred)
        if name == "recall":
            for grade, own, of_grade in zip(grade_names, estimate, values.T, strict=True):
                intervals[f"recall of {grade}"] = interval_of(own, of_grade, confidence_level)
        else:
            shown = name.replace("roc_auc", "ROC AUC").replace("brier", "Brier").replace("_", " ")
            intervals[shown] = interval_of(estimate, values, confidence_level)
    return intervals


def _describe(n_images: int, groups: ArrayLike | None, confidence_level: float) -> str:
    patients = "" if groups is None else f" of {len(np.unique(np.asarray(groups)))} patients"
    unit = "images" if groups is None else "patients"
    return f"{n_images} images{patients}; {confidence_level:.0%} intervals by resampling {unit}."
