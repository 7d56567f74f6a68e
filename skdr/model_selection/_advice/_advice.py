"""What is recommended, with its reasons: tables, sentences, a pipeline ready to fit."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skdr._optional import import_optional
from skdr.model_selection._advice._decision import (
    Decision,
    Prediction,
    decide,
    predict_scores,
    textbook_scenario,
)
from skdr.model_selection._advice._evidence import Evidence
from skdr.model_selection._advice._plot import StrategyAdviceDisplay


@dataclass(frozen=True)
class StrategyAdvice:
    """Which strategy suits the data, and why; made by `recommend_strategy`.

    Attributes
    ----------
    evidence : Evidence
        What was measured: `n_by_class`, `n_groups`, `n_measured`, `curve`,
        `doubling_gain`, `pretrained` and `random` scores by layer,
        `best_layer`, `pretraining_gain`, `similarity`, `mean_shift`, `logme`
        and `h_score`; `to_frame` for a table of the layers.
    candidates : dict of str to estimator
        The strategies, unfitted; ``"frozen_svm"`` with the layer that the
        evidence speaks for.
    """

    evidence: Evidence
    candidates: Mapping[str, Any]

    @cached_property
    def predictions(self) -> dict[str, Prediction]:
        """Predicted balanced accuracy of each strategy, from the cheapest to the dearest."""
        return predict_scores(self.evidence)

    @cached_property
    def decision(self) -> Decision:
        """The strategy, the runner-up and the verdict."""
        return decide(self.predictions, chance=self.evidence.chance)

    @property
    def strategy(self) -> str:
        """Name of the recommended strategy."""
        return self.decision.strategy

    @property
    def runner_up(self) -> str:
        """Name of the strategy to try next."""
        return self.decision.runner_up

    @property
    def estimator(self) -> Any:
        """The recommended strategy, unfitted."""
        return self.candidates[self.strategy]

    @property
    def scenario(self) -> str:
        """The textbook's scenario, such as ``"small and different"``."""
        size, similarity, _ = textbook_scenario(self.evidence)
        return f"{size} and {similarity}"

    @property
    def reasons(self) -> list[str]:
        """What was measured and what follows from it, in plain sentences."""
        return [
            self._on_size(),
            *self._on_doubling(),
            self._on_pretraining(),
            *self._on_layers(),
            *self._on_shift(),
            self._on_textbook(),
        ]

    @property
    def conclusion(self) -> str:
        """The recommendation in a sentence."""
        name, other = self.strategy, self.runner_up
        ours, theirs = self.predictions[name], self.predictions[other]
        if self.decision.verdict == "no signal":
            return (
                "Nothing that was measured is surely better than guessing: look at the labels "
                f"and images before any training. {name} costs least to try."
            )
        if self.decision.verdict == "clear":
            return f"Use {name}: {ours} predicted, against {theirs} of {other}."
        return (
            f"Start with {name}, {ours} predicted. Whether {other}, {theirs}, is better cannot be "
            f"told from here: compare_strategies would."
        )

    def to_frame(self) -> Any:
        """Return one row a strategy: predicted score, standard error, where it comes from.

        Returns
        -------
        frame : pandas.DataFrame
            Its index holds the names of the strategies, the cheapest first.
        """
        pd = import_optional("pandas", purpose="to_frame")

        rows = {
            name: {
                "balanced accuracy": p.score,
                "standard error": p.standard_error,
                "from": "cross-validation" if p.is_measured else "inference",
                "advice": self._advice_on(name),
            }
            for name, p in self.predictions.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("strategy")

    def plot(self, *, axes: Any = None) -> StrategyAdviceDisplay:
        """Draw the scores by layer, the learning curve and the predictions.

        Parameters
        ----------
        axes : sequence of three matplotlib Axes, default=None
            By default a new figure.

        Returns
        -------
        display : StrategyAdviceDisplay
        """
        return StrategyAdviceDisplay.from_advice(self, axes=axes)

    def __str__(self) -> str:
        table = self.to_frame().to_string(float_format="{:.3f}".format)
        return "\n".join([self.conclusion, "", table, "", *self.reasons])

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.reasons)
        table = self.to_frame().to_html(border=0, float_format="{:.3f}".format)
        return f"<p><b>{html.escape(self.conclusion)}</b></p>{table}<ul>{said}</ul>"

    def _advice_on(self, name: str) -> str:
        return {self.strategy: "recommended", self.runner_up: "runner-up"}.get(name, "")

    def _on_size(self) -> str:
        counts = self.evidence.n_by_class
        said = f"{self.evidence.n_images} images of {len(counts)} classes"
        if self.evidence.n_groups is not None:
            said += f" and {self.evidence.n_groups} patients"
        rarest = min(counts, key=lambda label: counts[label])
        said += f"; the rarest class, {rarest!s}, has {counts[rarest]}."
        if self.evidence.n_measured < self.evidence.n_images:
            said += f" Scores come from {self.evidence.n_measured} of them."
        return said

    def _on_doubling(self) -> list[str]:
        gain = self.evidence.doubling_gain
        if np.isnan(gain.mean):
            return []
        return [f"Twice as many would bring frozen features {_signed(gain)}."]

    def _on_pretraining(self) -> str:
        gain = self.evidence.pretraining_gain
        if gain.mean <= 0:
            return f"Pretrained features are no better than random ones: {_signed(gain)}."
        return (
            f"Pretrained features bring {_signed(gain)} over random ones, which spares "
            f"{self.evidence.similarity:.0%} of their errors."
        )

    def _on_layers(self) -> list[str]:
        evidence = self.evidence
        if len(evidence.pretrained) == 1:
            return []
        layer = evidence.best_layer
        if layer != evidence.last:
            return [
                f"Features of {layer} are better than those of {evidence.last}, by "
                f"{_signed(evidence.layer_gain(layer))}."
            ]
        if evidence.highest_layer == evidence.last:
            return [f"No earlier layer scores higher than {evidence.last}."]
        return [
            f"{evidence.highest_layer} scores highest of the layers, but not surely higher than "
            f"{evidence.last}: {_signed(evidence.layer_gain(evidence.highest_layer))}."
        ]

    def _on_shift(self) -> list[str]:
        shift = self.evidence.mean_shift
        if not shift:
            return []
        first, last = next(iter(shift)), list(shift)[-1]
        return [
            f"Mean activations lie {shift[first]:.2f} stored standard deviations from those of "
            f"the pretraining data at {first}, and {shift[last]:.2f} at {last}."
        ]

    def _on_textbook(self) -> str:
        _, _, recommended = textbook_scenario(self.evidence)
        return f"The textbook calls such data {self.scenario}, and recommends {recommended}."


def _signed(gain: Any) -> str:
    return f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
