"""Display of an advice: it holds numbers and draws them on `plot`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skdr.inspection._plotting import pyplot
from skdr.model_selection._comparison import Interval

if TYPE_CHECKING:
    from skdr.model_selection._advice._advice import StrategyAdvice
    from skdr.model_selection._advice._decision import Prediction


class StrategyAdviceDisplay:
    """What an advice rests on: scores by layer, the learning curve, the predictions.

    Of an advice made by `recommend_strategy`.

    Parameters
    ----------
    layers : mapping of str to mapping of str to Interval
        Scores by network, ``"pretrained"`` and ``"random"``, and layer.
    curve : mapping of int to Interval
        Scores by number of training images.
    predictions : mapping of str to Prediction
        By strategy.
    recommended : str
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
        predictions: Mapping[str, "Prediction"],
        recommended: str,
        chance: float,
    ):
        self.layers = layers
        self.curve = curve
        self.predictions = predictions
        self.recommended = recommended
        self.chance = chance

    @classmethod
    def from_advice(
        cls, advice: "StrategyAdvice", *, axes: Sequence[Any] | None = None
    ) -> "StrategyAdviceDisplay":
        """Draw what `recommend_strategy` found.

        Parameters
        ----------
        advice : StrategyAdvice
        axes : sequence of three matplotlib Axes, default=None
            By default a new figure.

        Returns
        -------
        display : StrategyAdviceDisplay
        """
        evidence = advice.evidence
        layers = {
            network: {layer: evidence.interval(scores) for layer, scores in by_layer.items()}
            for network, by_layer in (
                ("pretrained", evidence.pretrained),
                ("random", evidence.random),
            )
        }
        curve = {n_train: evidence.interval(scores) for n_train, scores in evidence.curve.items()}
        display = cls(layers, curve, advice.predictions, advice.strategy, evidence.chance)
        return display.plot(axes=axes)

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
        for network, scores in self.layers.items():
            _draw(by_layer, range(len(scores)), scores.values(), network)
        by_layer.set_xticks(range(len(scores)), list(scores), rotation=30, ha="right")
        by_layer.set(ylabel="balanced accuracy", title="frozen features, by layer")
        _draw(by_size, list(self.curve), self.curve.values(), "last layer")
        by_size.set_xscale("log", base=2)
        by_size.set_xticks(list(self.curve), [str(n_train) for n_train in self.curve])
        by_size.set(xlabel="training images", title="frozen features, by size")
        self._draw_predictions(by_strategy)
        for axis in (by_layer, by_size):
            axis.axhline(self.chance, color="grey", ls=":", label="guessing")
        by_layer.legend(fontsize="small")
        return self

    def _draw_predictions(self, axis: Any) -> None:
        for row, (name, p) in enumerate(self.predictions.items()):
            marker = "o" if p.is_measured else "D"
            filled = name == self.recommended
            axis.errorbar(
                p.score,
                row,
                xerr=p.standard_error,
                fmt=marker,
                color=f"C{row}",
                mfc=f"C{row}" if filled else "white",
                ms=8,
                capsize=4,
            )
        names = [
            f"{name}\n(recommended)" if name == self.recommended else name
            for name in self.predictions
        ]
        axis.axvline(self.chance, color="grey", ls=":")
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set(xlabel="balanced accuracy", title="predicted: ○ measured, ◇ inferred")


def _draw(axis: Any, x: Any, intervals: Any, label: str) -> None:
    found = list(intervals)
    means = np.array([interval.mean for interval in found])
    errors = np.array([(i.mean - i.low, i.high - i.mean) for i in found]).T
    axis.errorbar(list(x), means, yerr=errors, fmt="o-", capsize=3, label=label)
