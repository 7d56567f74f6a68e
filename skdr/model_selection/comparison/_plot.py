"""Displays of comparisons: they hold numbers and draw them on `plot`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdr._optional import pyplot
from skdr.metrics._ranges import UNBOUNDED, Range
from skdr.model_selection._axes import limits_within
from skdr.model_selection._intervals import Interval


class StrategyComparisonDisplay:
    """Scores of strategies, fold by fold; of a comparison made by `compare_strategies`.

    Parameters
    ----------
    scores : mapping of str to mapping of str to ndarray of shape (n_folds,)
        By metric and strategy.
    intervals : mapping of str to mapping of str to Interval
        Of their means.
    ranges : mapping of str to tuple of (low, high), default=None
        The lowest and highest possible score by metric; None if unknown.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes
        One per metric.
    """

    def __init__(
        self,
        scores: Mapping[str, Mapping[str, NDArray[np.float64]]],
        intervals: Mapping[str, Mapping[str, Interval]],
        ranges: Mapping[str, Range] | None = None,
    ):
        self.scores = scores
        self.intervals = intervals
        self.ranges = ranges

    def plot(self, *, axes: Sequence[Any] | None = None) -> "StrategyComparisonDisplay":
        """Draw one dot per fold, and a bar from the lower to the upper bound of each mean.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One per metric; by default a new figure.

        Returns
        -------
        self : StrategyComparisonDisplay
        """
        names = list(next(iter(self.scores.values())))
        given = _new_axes(len(self.scores), len(names)) if axes is None else axes
        self.axes_ = np.atleast_1d(np.asarray(given))
        self.figure_ = self.axes_[0].figure
        ranges = self.ranges or {}
        for axis, (metric, by_name) in zip(self.axes_, self.scores.items(), strict=True):
            for row, name in enumerate(names):
                self._draw(axis, row, by_name[name], self.intervals[metric][name])
            axis.set_xlim(limits_within(axis.get_xlim(), ranges.get(metric, UNBOUNDED)))
            axis.set_xlabel(metric)
            axis.grid(axis="x", alpha=0.3)
        self.axes_[0].set_yticks(range(len(names)), names)
        self.axes_[0].set_ylim(len(names) - 0.5, -0.5)
        return self

    @staticmethod
    def _draw(axis: Any, row: int, scores: NDArray[np.float64], interval: Interval) -> None:
        colour = f"C{row}"
        ends = [interval.low, interval.high]
        axis.plot(ends, [row, row], color=colour, lw=5, alpha=0.25, solid_capstyle="butt")
        axis.plot(scores, [row] * len(scores), "o", color=colour, alpha=0.6, ms=5)
        axis.plot(interval.estimate, row, "|", color=colour, ms=20, mew=2.5)


def _new_axes(n_axes: int, n_rows: int) -> NDArray[Any]:
    size = (3.4 * n_axes + 0.8, 0.45 * n_rows + 1.1)
    _, axes = pyplot().subplots(
        1, n_axes, figsize=size, sharey=True, layout="constrained", squeeze=False
    )
    return axes[0]
