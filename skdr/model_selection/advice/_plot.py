"""Display of an advice: it holds numbers and draws them on `plot`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skdr._optional import pyplot
from skdr.model_selection._axes import limits_within
from skdr.model_selection._intervals import Interval
from skdr.model_selection.advice._decision import PredictedScore

_SCORES = (0.0, 1.0)  # what balanced accuracy can be
_APART = 0.12  # moves the intervals of two networks apart
_TITLE_PAD = 22  # leaves a line for the legend


class StrategyAdviceDisplay:
    """What an advice rests on: scores by layer, the learning curve, the predictions.

    Of an advice made by `recommend_strategy`; see `StrategyAdvice.plot`.

    Parameters
    ----------
    layers : mapping of str to mapping of str to Interval
        Scores by network, ``"pretrained"`` and ``"random"``, and layer.
    curve : mapping of int to Interval
        Scores by number of training images.
    predicted_scores : mapping of str to PredictedScore
        By strategy.
    best : str
        The recommended strategy.
    chance : float
        The score of guessing.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of three matplotlib Axes
    """

    def __init__(
        self,
        layers: Mapping[str, Mapping[str, Interval]],
        curve: Mapping[int, Interval],
        predicted_scores: Mapping[str, PredictedScore],
        best: str,
        chance: float,
    ):
        self.layers = layers
        self.curve = curve
        self.predicted_scores = predicted_scores
        self.best = best
        self.chance = chance

    def plot(self, *, axes: Sequence[Any] | None = None) -> "StrategyAdviceDisplay":
        """Draw means with their 95% intervals, and predictions with a standard error.

        Parameters
        ----------
        axes : sequence of three matplotlib Axes, default=None
            By default a new figure.

        Returns
        -------
        self : StrategyAdviceDisplay
        """
        if axes is None:
            _, axes = pyplot().subplots(1, 3, figsize=(12, 3.4), layout="constrained")
        self.axes_ = np.asarray(axes, dtype=object)
        self.figure_ = self.axes_[0].figure
        by_layer, by_size, by_strategy = self.axes_
        for row, (network, scores) in enumerate(self.layers.items()):
            _draw(by_layer, np.arange(len(scores)) + _APART * (row - 0.5), scores.values(), network)
        by_layer.set_xticks(range(len(scores)), list(scores), rotation=30, ha="right")
        by_layer.set_ylabel("balanced accuracy, 95% interval")
        by_layer.set_title("frozen features, by layer", pad=_TITLE_PAD)
        _draw(by_size, list(self.curve), self.curve.values(), "last layer")
        by_size.set_xscale("log", base=2)
        by_size.set_xticks(list(self.curve), [str(n_train) for n_train in self.curve])
        by_size.set_xlabel("training images")
        by_size.set_title("frozen features, by size", pad=_TITLE_PAD)
        self._draw_predictions(by_strategy)
        for axis in (by_layer, by_size):
            axis.axhline(self.chance, color="grey", ls=":", label="guessing")
            axis.set_ylim(limits_within(axis.get_ylim(), _SCORES))
            axis.legend(
                loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False,
                fontsize="small", columnspacing=1.2,
            )  # fmt: skip
        return self

    def _draw_predictions(self, axis: Any) -> None:
        for row, (name, p) in enumerate(self.predicted_scores.items()):
            marker = "o" if p.is_measured else "D"
            filled = name == self.best
            axis.errorbar(
                p.estimate,
                row,
                xerr=[[p.estimate - p.low], [p.high - p.estimate]],
                fmt=marker,
                color=f"C{row}",
                mfc=f"C{row}" if filled else "white",
                ms=8,
                capsize=4,
            )
        names = [
            f"{name}\n(recommended)" if name == self.best else name
            for name in self.predicted_scores
        ]
        axis.axvline(self.chance, color="grey", ls=":")
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set_xlim(limits_within(axis.get_xlim(), _SCORES))
        axis.set_xlabel("balanced accuracy, one standard error")
        axis.set_title("predicted: ○ measured, ◇ inferred", pad=_TITLE_PAD)


def _draw(axis: Any, x: Any, intervals: Any, label: str) -> None:
    found = list(intervals)
    means = np.array([interval.estimate for interval in found])
    errors = np.array([(i.estimate - i.low, i.high - i.estimate) for i in found]).T
    axis.errorbar(list(x), means, yerr=errors, fmt="o-", capsize=3, label=label)
