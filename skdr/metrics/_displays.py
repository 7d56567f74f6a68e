"""Plots of graded disease: displays hold the numbers; `plot` draws them."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix
from sklearn.utils.validation import check_consistent_length

from skdr._grades import GRADE_NAMES, GRADES, REFERABLE_FROM, are_grades, as_ranks
from skdr._optional import import_optional
from skdr.metrics._bootstrap import interval_of, resample
from skdr.metrics._calibration import (
    Events,
    ReliabilityCurve,
    curve_form,
    curve_of,
    prediction_events,
    referral_events,
)
from skdr.metrics._scorers import aligned


class GradeConfusionDisplay:
    """The confusion matrix of grades or classes: shares of each true grade, and counts.

    Parameters
    ----------
    confusion_matrix : ndarray of shape (n_labels, n_labels)
        Numbers of images: one row per true grade, one column per predicted one.
    display_labels : sequence of str or None, default=None
        The names of the grades; None numbers them.
    kind : str, default="grade"
        What the labels are called on the axes: ``"grade"``, ``"class"``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Set by `plot`.

    Examples
    --------
    >>> from skdr.metrics import GradeConfusionDisplay
    >>> display = GradeConfusionDisplay.from_predictions([0, 1, 2, 4, 4], [0, 1, 1, 4, 3])
    >>> display.confusion_matrix[4]
    array([0, 0, 0, 1, 1])
    """

    def __init__(
        self,
        confusion_matrix: NDArray[Any],
        *,
        display_labels: Sequence[str] | None = None,
        kind: str = "grade",
    ):
        self.confusion_matrix = confusion_matrix
        self.display_labels = display_labels
        self.kind = kind

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        labels: Sequence[Any] = GRADES,
        display_labels: Sequence[str] | None = None,
        ax: Any = None,
    ) -> "GradeConfusionDisplay":
        """Plot the confusion matrix of predicted grades.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Grades.
        y_pred : array-like of shape (n_samples,)
            Predicted grades.
        labels : sequence, default=(0, 1, 2, 3, 4)
            The full scale, in its order. Other labels than these are called
            classes on the axes.
        display_labels : sequence of str or None, default=None
            The names of the grades; None names the grades 0-4 of retinopathy.
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        display : GradeConfusionDisplay
        """
        names = names_of(labels, display_labels)
        counts = grade_counts(y_true, y_pred, labels)
        return cls(counts, display_labels=names, kind=kind_of(labels)).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        labels: Sequence[Any] = GRADES,
        display_labels: Sequence[str] | None = None,
        ax: Any = None,
    ) -> "GradeConfusionDisplay":
        """Plot the confusion matrix of a fitted classifier.

        Parameters
        ----------
        estimator : object
            A fitted classifier.
        X : array-like, DataFrame or sequence of n_samples images
        y : array-like of shape (n_samples,)
            Grades.
        labels, display_labels, ax
            As in `from_predictions`.

        Returns
        -------
        display : GradeConfusionDisplay
        """
        return cls.from_predictions(
            y, estimator.predict(X), labels=labels, display_labels=display_labels, ax=ax
        )

    def plot(self, *, ax: Any = None, cmap: Any = "Blues") -> "GradeConfusionDisplay":
        """Draw the matrix: colours show shares of the row, numbers shares and counts.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.
        cmap : str or matplotlib Colormap, default="Blues"

        Returns
        -------
        display : GradeConfusionDisplay
        """
        self.ax_ = _axes(ax, type(self).__name__)
        self.figure_ = self.ax_.figure
        counts = np.asarray(self.confusion_matrix)
        totals = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
        image = self.ax_.imshow(shares, cmap=cmap, vmin=0, vmax=1)
        for (i, j), share in np.ndenumerate(shares):
            text = f"{share:.0%}\n({counts[i, j]:g})" if share else "0" if totals[i] else "-"
            colour = image.cmap(0.0 if share > 0.5 else 1.0)
            self.ax_.text(j, i, text, ha="center", va="center", color=colour, fontsize="small")
        ticks = np.arange(len(counts))
        names = ticks if self.display_labels is None else list(self.display_labels)
        self.ax_.set_xticks(ticks, names, rotation=30, ha="right")
        self.ax_.set_yticks(ticks, names)
        self.ax_.set(xlabel=f"Predicted {self.kind}", ylabel=f"True {self.kind}")
        return self


class ReliabilityDisplay:
    """The reliability curve: what was predicted against what came true.

    Parameters
    ----------
    curve : ReliabilityCurve
        See `referable_reliability_curve` and `grade_reliability_curve`.
    low, high : ndarray of shape (n_bins,) or None, default=None
        The ends of an interval of ``curve.observed``, drawn as bars.
    event : str, default="referable"
        The event whose probability is shown, for the labels of the axes:
        ``"referable"``, or the most probable ``"grade"`` or ``"class"``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Set by `plot`.

    Examples
    --------
    >>> from skdr.metrics import ReliabilityDisplay
    >>> display = ReliabilityDisplay.from_predictions(
    ...     [0, 1, 2, 4], [0.25, 0.25, 0.25, 0.75], n_bins=2, random_state=0
    ... )
    >>> display.curve.observed.round(2)
    array([0.33, 1.  ])
    """

    def __init__(
        self,
        curve: ReliabilityCurve,
        *,
        low: NDArray[np.float64] | None = None,
        high: NDArray[np.float64] | None = None,
        event: str = "referable",
    ):
        self.curve = curve
        self.low = low
        self.high = high
        self.event = event

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        event: Literal["referable", "grade"] = "referable",
        n_bins: int = 10,
        labels: Sequence[Any] = GRADES,
        referable_from: Any = REFERABLE_FROM,
        groups: ArrayLike | None = None,
        n_resamples: int = 2000,
        confidence_level: float = 0.95,
        random_state: int | np.random.RandomState | None = None,
        ax: Any = None,
    ) -> "ReliabilityDisplay":
        """Plot the reliability curve of probabilities, with intervals by bootstrap.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Grades.
        y_proba : array-like of shape (n_samples, n_labels) or (n_samples,)
            Probabilities, one column per grade, or that of being referable.
        event : {"referable", "grade"}, default="referable"
            Whether the image is referable, or the most probable grade right.
            Other labels than the grades 0-4 are called classes on the axes.
        n_bins : int, default=10
            The number of bins of equal width in 0..1.
        labels : sequence, default=(0, 1, 2, 3, 4)
            The full scale, in its order.
        referable_from : grade, default=2
        groups : array-like of shape (n_samples,), default=None
            The patient of each image, see `bootstrap_interval`.
        n_resamples : int, default=2000
        confidence_level : float, default=0.95
        random_state : int, RandomState instance or None, default=None
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        display : ReliabilityDisplay
        """
        if event == "referable":
            events = referral_events(y_true, y_proba, labels, referable_from)
        elif event == "grade":
            events = prediction_events(y_true, y_proba, labels)
        else:
            raise ValueError(f"event={event!r} must be 'referable' or 'grade'.")
        display = reliability_of(
            events,
            event if event == "referable" else kind_of(labels),
            n_bins=n_bins,
            groups=groups,
            n_resamples=n_resamples,
            confidence_level=confidence_level,
            random_state=random_state,
        )
        return display.plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        labels: Sequence[Any] = GRADES,
        **keywords: Any,
    ) -> "ReliabilityDisplay":
        """Plot the reliability curve of a fitted classifier.

        Parameters
        ----------
        estimator : object
            A fitted classifier with ``predict_proba``.
        X : array-like, DataFrame or sequence of n_samples images
        y : array-like of shape (n_samples,)
            Grades.
        labels : sequence, default=(0, 1, 2, 3, 4)
            The full scale, in its order.
        **keywords : dict
            Those of `from_predictions`.

        Returns
        -------
        display : ReliabilityDisplay
        """
        y_proba = aligned(estimator.predict_proba(X), estimator, labels)
        return cls.from_predictions(y, y_proba, labels=labels, **keywords)

    def plot(self, *, ax: Any = None) -> "ReliabilityDisplay":
        """Draw the curve over the diagonal, and the share of the images in each bin.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        display : ReliabilityDisplay
        """
        self.ax_ = _axes(ax, type(self).__name__)
        self.figure_ = self.ax_.figure
        predicted, observed, weight = self.curve
        width = 1 / len(weight)
        self.ax_.bar(
            (np.arange(len(weight)) + 0.5) * width,
            weight / weight.sum(),
            width=0.95 * width,
            color="0.85",
            label="Images",
        )
        self.ax_.plot([0, 1], [0, 1], linestyle="dashed", color="0.4", label="Perfect")
        errors = None
        if self.low is not None and self.high is not None:
            errors = np.array([observed - self.low, self.high - observed]).clip(min=0)
        is_filled = weight > 0
        self.ax_.errorbar(
            predicted[is_filled],
            observed[is_filled],
            yerr=None if errors is None else errors[:, is_filled],
            marker="o",
            capsize=3,
            label="Observed",
        )
        of = "being referable" if self.event == "referable" else f"the predicted {self.event}"
        came_true = "is referable" if self.event == "referable" else f"has this {self.event}"
        self.ax_.set(
            xlabel=f"Mean probability of {of}",
            ylabel=f"Share that {came_true}",
            xlim=(0, 1),
            ylim=(0, 1.02),
            aspect="equal",
        )
        self.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
        return self


def reliability_of(
    events: Events,
    event: str,
    *,
    n_bins: int = 10,
    groups: ArrayLike | None,
    n_resamples: int,
    confidence_level: float,
    random_state: int | np.random.RandomState | None,
) -> ReliabilityDisplay:
    """Return the curve of events with intervals, not drawn yet."""
    curve = curve_of(events, n_bins)
    form = curve_form(events, n_bins)
    (curves,) = resample([form], len(events[0]), groups, n_resamples, random_state)
    interval = interval_of(curve.observed, curves[:, 1], confidence_level)
    return ReliabilityDisplay(curve, low=interval.low, high=interval.high, event=event)


def grade_counts(y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Any]) -> NDArray[np.intp]:
    """Return the number of images of each true and predicted grade."""
    ranks = as_ranks(y_true, labels, "y_true"), as_ranks(y_pred, labels, "y_pred")
    check_consistent_length(*ranks)
    return confusion_matrix(*ranks, labels=np.arange(len(labels)))


def names_of(labels: Sequence[Any], display_labels: Sequence[str] | None) -> list[str]:
    """Return the names to show: those given, those of retinopathy, or the labels."""
    if display_labels is not None:
        if len(display_labels) != len(labels):
            raise ValueError(
                f"display_labels names {len(display_labels)} grades and there are {len(labels)}; "
                "give one name for each of labels."
            )
        return [str(name) for name in display_labels]
    if are_grades(labels):
        return [f"{grade} {name}" for grade, name in zip(GRADES, GRADE_NAMES, strict=True)]
    return [str(label) for label in labels]


def kind_of(labels: Sequence[Any]) -> str:
    """Return what labels are called: the grades of retinopathy, or classes."""
    return "grade" if are_grades(labels) else "class"


def _axes(ax: Any, drawer: str) -> Any:
    if ax is not None:
        return ax
    return import_optional("matplotlib.pyplot", purpose=drawer).subplots()[1]
