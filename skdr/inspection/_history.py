"""How a network learned, epoch by epoch."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from skdr._optional import pyplot
from skdr.inspection._estimators import fitted_steps

_NOT_DRAWN = ("phase", "epoch", "learning_rate")


class LearningHistoryDisplay:
    """Loss and scores by epoch, with the phases of training marked.

    Best made by `from_estimator`.

    Parameters
    ----------
    history : dict of str to list
        As the `history_` of a classifier.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for the loss, and one for each metric.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from skdr import ScratchCNNClassifier
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.inspection import LearningHistoryDisplay
    >>> data = make_fundus_images(8, image_size=64, random_state=0)
    >>> classifier = ScratchCNNClassifier(image_size=64, epochs=2, random_state=0)
    >>> display = LearningHistoryDisplay.from_estimator(classifier.fit(data.images, data.target))
    >>> [axis.get_ylabel() for axis in display.axes_]
    ['loss', 'accuracy']
    """

    def __init__(self, history: Mapping[str, Sequence[Any]]):
        self.history = history

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metrics: Sequence[str] | None = None, axes: Any = None
    ) -> "LearningHistoryDisplay":
        """Draw the history of a classifier.

        Parameters
        ----------
        estimator : estimator
            A fitted `FineTunedCNNClassifier` or `ScratchCNNClassifier`, or a
            Pipeline or search that holds one.
        metrics, axes
            See `plot`.

        Returns
        -------
        display : LearningHistoryDisplay

        Raises
        ------
        TypeError
            If no network was trained.
        """
        histories = [s.history_ for s in fitted_steps(estimator) if hasattr(s, "history_")]
        if not histories:
            raise TypeError(
                f"{estimator!r} has no history_. Give a FineTunedCNNClassifier or a "
                "ScratchCNNClassifier, or a Pipeline or search with one, after fit."
            )
        return cls(histories[0]).plot(metrics=metrics, axes=axes)

    def plot(
        self, *, metrics: Sequence[str] | None = None, axes: Any = None
    ) -> "LearningHistoryDisplay":
        """Draw a panel for each metric, the loss first.

        A dot marks the epoch whose weights are kept: that of the lowest loss on
        the images set aside by early stopping.

        Parameters
        ----------
        metrics : sequence of str, default=None
            Keys of the history; None is the loss and all metrics. Each is
            drawn for the images set aside too.
        axes : sequence of matplotlib Axes, default=None
            One per metric; None makes a new figure.

        Returns
        -------
        display : LearningHistoryDisplay

        Raises
        ------
        ValueError
            If a metric is not in the history, or too few axes are given.
        """
        metrics = self._metrics() if metrics is None else list(metrics)
        missing = [name for name in metrics if name not in self.history]
        if missing:
            raise ValueError(f"metrics={missing} are not in the history; it has {self._metrics()}.")
        if axes is None:
            figsize = (4.2 * len(metrics), 3.2)
            figure = pyplot().figure(figsize=figsize, layout="constrained")
            axes = figure.subplots(1, len(metrics), squeeze=False)
        self.axes_ = np.ravel(np.asarray(axes, dtype=object))
        if len(self.axes_) < len(metrics):
            raise ValueError(f"axes holds {len(self.axes_)} Axes for {len(metrics)} metrics.")
        self.figure_ = self.axes_[0].figure
        for axis, name in zip(self.axes_, metrics, strict=False):
            self._draw_metric(axis, name)
            self._mark_phases(axis)
        return self

    def _metrics(self) -> list[str]:
        names = [n for n in self.history if n not in _NOT_DRAWN and not n.startswith("val_")]
        return sorted(names, key=lambda name: name != "loss")

    def _draw_metric(self, axis: Any, name: str) -> None:
        epochs = np.arange(1, len(self.history[name]) + 1)
        axis.plot(epochs, self.history[name], label="training")
        validation = self.history.get(f"val_{name}")
        if validation is not None:
            (line,) = axis.plot(epochs, validation, label="set aside")
            best = int(np.argmin(self.history["val_loss"]))
            axis.plot(best + 1, validation[best], "o", color=line.get_color(), label="kept")
            axis.legend(fontsize="small")
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)

    def _mark_phases(self, axis: Any) -> None:
        """Write the names of the phases above, and draw lines between them."""
        lengths = [(name, len(list(rows))) for name, rows in groupby(self.history["phase"])]
        ends = np.cumsum([length for _, length in lengths])
        for i, ((name, length), end) in enumerate(zip(lengths, ends, strict=True)):
            is_last = i == len(lengths) - 1
            if not is_last:
                axis.axvline(end + 0.5, color="0.4", linestyle="--", linewidth=1)
            x, align = (end - length + 1, "left") if not i else (end, "right")
            axis.annotate(
                name, (x, 1.01), xycoords=("data", "axes fraction"), ha=align, va="bottom",
                fontsize="small", parse_math=False,
            )  # fmt: skip
