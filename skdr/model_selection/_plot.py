"""Displays of comparisons: they hold numbers and draw them on `plot`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdr.inspection._plotting import pyplot

if TYPE_CHECKING:
    from skdr.model_selection._comparison import Interval, StrategyComparison


class StrategyComparisonDisplay:
    """Scores of strategies, fold by fold; of a comparison made by `compare_strategies`.

    Parameters
    ----------
    scores : mapping of str to mapping of str to ndarray of shape (n_folds,)
        By metric and strategy.
    intervals : mapping of str to mapping of str to Interval
        Of their means.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes
        One a metric.
    """

    def __init__(
        self,
        scores: Mapping[str, Mapping[str, NDArray[np.float64]]],
        intervals: Mapping[str, Mapping[str, "Interval"]],
    ):
        self.scores = scores
        self.intervals = intervals

    @classmethod
    def from_comparison(
        cls, comparison: "StrategyComparison", *, axes: Sequence[Any] | None = None
    ) -> "StrategyComparisonDisplay":
        """Draw what `compare_strategies` found.

        Parameters
        ----------
        comparison : StrategyComparison
        axes : sequence of matplotlib Axes, default=None
            One a metric; by default a new figure.

        Returns
        -------
        display : StrategyComparisonDisplay
        """
        intervals = {
            metric: {name: comparison.interval(name, metric) for name in comparison.strategies}
            for metric in comparison.scoring
        }
        return cls(comparison.scores, intervals).plot(axes=axes)

    def plot(self, *, axes: Sequence[Any] | None = None) -> "StrategyComparisonDisplay":
        """Draw a dot a fold, and a bar from the lower to the upper bound of each mean.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One a metric; by default a new figure.

        Returns
        -------
        self : StrategyComparisonDisplay
        """
        names = list(next(iter(self.scores.values())))
        given = _new_axes(len(self.scores), len(names)) if axes is None else axes
        self.axes_ = np.atleast_1d(np.asarray(given))
        self.figure_ = self.axes_[0].figure
        for axis, (metric, by_name) in zip(self.axes_, self.scores.items(), strict=True):
            for row, name in enumerate(names):
                self._draw(axis, row, by_name[name], self.intervals[metric][name])
            if all(np.all(scores[np.isfinite(scores)] <= 1) for scores in by_name.values()):
                axis.set_xlim(right=min(1.02, axis.get_xlim()[1]))
            axis.set_xlabel(metric)
            axis.grid(axis="x", alpha=0.3)
        self.axes_[0].set_yticks(range(len(names)), names)
        self.axes_[0].set_ylim(len(names) - 0.5, -0.5)
        return self

    @staticmethod
    def _draw(axis: Any, row: int, scores: NDArray[np.float64], interval: "Interval") -> None:
        colour = f"C{row}"
        axis.plot([interval.low, interval.high], [row, row], color=colour, lw=5, alpha=0.25)
        axis.plot(scores, [row] * len(scores), "o", color=colour, alpha=0.6, ms=5)
        axis.plot(interval.mean, row, "|", color=colour, ms=20, mew=2.5)


def _new_axes(n_axes: int, n_rows: int) -> NDArray[Any]:
    size = (3.4 * n_axes + 0.8, 0.45 * n_rows + 1.1)
    _, axes = pyplot().subplots(
        1, n_axes, figsize=size, sharey=True, layout="constrained", squeeze=False
    )
    return axes[0]
