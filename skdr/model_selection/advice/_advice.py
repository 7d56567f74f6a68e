"""What is recommended, with its reasons: tables, sentences, a pipeline ready to fit."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from skdr._html import html
from skdr._optional import import_optional
from skdr._text_table import TextTable
from skdr.model_selection._findings import StrategyFindings
from skdr.model_selection._intervals import on_few_folds
from skdr.model_selection._page import html_page, picture
from skdr.model_selection.advice._decision import (
    Decision,
    PredictedScore,
    decide,
    predict_scores,
    textbook_scenario,
)
from skdr.model_selection.advice._evidence import Evidence
from skdr.model_selection.advice._plot import StrategyAdviceDisplay

_METRIC = "balanced accuracy"
_ON_BRACKETS = (
    "Brackets beside predicted scores hold one standard error either way, all others 95% intervals."
)


@dataclass(frozen=True, repr=False, eq=False)
class StrategyAdvice(StrategyFindings):
    """Which strategy suits the data, and why; made by `recommend_strategy`.

    Says the same things by the same names as `StrategyComparison`: `best`,
    `estimator`, `conclusion`, `reasons` and `to_frame`.

    Attributes
    ----------
    evidence : Evidence
        What was measured: `n_by_class`, `n_groups`, `n_measured`, `curve`,
        `doubling_gain`, `pretrained` and `random` scores by layer,
        `best_layer`, `pretraining_gain`, `similarity`, `mean_shift`, `logme`
        and `h_score`; `to_frame` for a table of the layers.
    strategies : dict of str to estimator
        Unfitted, each behind the sampler if one was given; ``"frozen_svm"``
        with the best layer by the evidence.
    """

    evidence: Evidence
    strategies: Mapping[str, Any]

    @cached_property
    def predicted_scores(self) -> dict[str, PredictedScore]:
        """Predicted balanced accuracy of each strategy, from cheapest to most expensive."""
        return predict_scores(self.evidence)

    @cached_property
    def decision(self) -> Decision:
        """The best strategy, the runner-up and the verdict."""
        return decide(self.predicted_scores, chance=self.evidence.chance)

    @property
    def best(self) -> str:
        """Name of the recommended strategy: the cheapest of those that may score highest."""
        return self.decision.best

    @property
    def runner_up(self) -> str:
        """Name of the strategy to try next."""
        return self.decision.runner_up

    @property
    def scenario(self) -> str:
        """The textbook's scenario, such as ``"small and different"``."""
        size, similarity, _ = textbook_scenario(self.evidence)
        return f"{size} and {similarity}"

    @property
    def reasons(self) -> list[str]:
        """What was measured and what follows from it, in plain sentences."""
        return [
            _ON_BRACKETS,
            self._on_size(),
            *self._on_doubling(),
            self._on_pretraining(),
            *self._on_layers(),
            *self._on_shift(),
            self._on_textbook(),
            *on_few_folds(len(self.evidence.transfer)),
        ]

    @property
    def conclusion(self) -> str:
        """The recommendation in a sentence."""
        name, other = self.best, self.runner_up
        ours, theirs = self.predicted_scores[name], self.predicted_scores[other]
        if self.decision.verdict == "no signal":
            return (
                "Nothing that was measured is surely better than guessing: look at the labels "
                f"and images before any training. {name} costs least to try."
            )
        if self.decision.verdict == "clear":
            return (
                f"Use {name}: its {_METRIC} is predicted to be {ours}, against {theirs} of {other}."
            )
        return (
            f"Start with {name}: its {_METRIC} is predicted to be {ours}. Whether {other}, "
            f"{theirs}, is better cannot be told from here: compare_strategies would tell."
        )

    def to_frame(self) -> Any:
        """Return one row per strategy: predicted score, standard error, where it comes from.

        Returns
        -------
        frame : pandas.DataFrame
            Its index holds the names of the strategies, the cheapest first.
            Beside the score stand the ends of one standard error either way,
            ``"... low"`` and ``"... high"``.
        """
        pd = import_optional("pandas", purpose="to_frame")
        rows = {
            name: {
                _METRIC: p.estimate,
                f"{_METRIC} low": p.low,
                f"{_METRIC} high": p.high,
                "standard error": p.standard_error,
                "from": _origin(p),
                "advice": self._advice_on(name),
            }
            for name, p in self.predicted_scores.items()
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
        evidence = self.evidence
        by_network = {"pretrained": evidence.pretrained, "random": evidence.random}
        display = StrategyAdviceDisplay(
            layers={name: evidence.intervals(scores) for name, scores in by_network.items()},
            curve=evidence.intervals(evidence.curve),
            predicted_scores=self.predicted_scores,
            best=self.best,
            chance=evidence.chance,
        )
        return display.plot(axes=axes)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one file with conclusion, tables, reasons and plot.

        Parameters
        ----------
        path : path
            No other file is needed to read it.
        """
        body = [
            self._repr_html_(),
            picture(self.plot().figure_, "Scores by layer, by size, and predicted"),
            html("<h2>Frozen features, by layer</h2>"),
            self.evidence._repr_html_(),
        ]
        Path(path).write_text(html_page("Which strategy suits the data", body), encoding="utf-8")

    def __repr__(self) -> str:
        return (
            f"StrategyAdvice(best={self.best!r}, runner_up={self.runner_up!r}, "
            f"verdict={self.decision.verdict!r})"
        )

    def _table(self) -> TextTable:
        rows = [
            [name, str(p), _origin(p), self._advice_on(name)]
            for name, p in self.predicted_scores.items()
        ]
        return TextTable(["strategy", _METRIC, "from", "advice"], rows)

    def _advice_on(self, name: str) -> str:
        return {self.best: "recommended", self.runner_up: "runner-up"}.get(name, "")

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
        if np.isnan(gain.estimate):
            return []
        return [f"Twice as many would bring frozen features {gain:+.3f}."]

    def _on_pretraining(self) -> str:
        gain = self.evidence.pretraining_gain
        if gain.estimate <= 0:
            return f"Pretrained features are no better than random ones: {gain:+.3f}."
        return (
            f"Pretrained features bring {gain:+.3f} over random ones, which spares "
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
                f"{evidence.layer_gain(layer):+.3f}."
            ]
        if evidence.highest_layer == evidence.last:
            return [f"No earlier layer scores higher than {evidence.last}."]
        return [
            f"{evidence.highest_layer} scores highest of the layers, but not surely higher than "
            f"{evidence.last}: {evidence.layer_gain(evidence.highest_layer):+.3f}."
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


def _origin(predicted: PredictedScore) -> str:
    return "cross-validation" if predicted.is_measured else "inference"
