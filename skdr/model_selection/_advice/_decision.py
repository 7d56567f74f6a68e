"""From what is measured to what is recommended."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdr.model_selection._advice._evidence import Evidence
from skdr.model_selection._comparison import Interval

# From the cheapest to fit to the dearest.
COST_ORDER = ("frozen_svm", "transfer", "fine_tune", "scratch")
# The textbook names no numbers: ImageNet has about a thousand images a class, ...
_LARGE = 1000
# ... and features are called similar if they spare half of the errors on random ones.
_SIMILAR = 0.5
_SCENARIOS = {
    ("small", "similar"): "a classical model on frozen features, or transfer",
    ("large", "similar"): "fine-tuning",
    ("small", "different"): "a classical model on the features of an earlier layer",
    ("large", "different"): "fine-tuning of all layers, or end to end",
}


@dataclass(frozen=True)
class Gain:
    """What training more of a network brings, as a share of the errors that are left.

    Attributes
    ----------
    mean, deviation : float
        Over the data sets that it was seen on.
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class Experience:
    """What cannot be measured without training networks, from data sets where it was.

    Attributes
    ----------
    fine_tune : Gain
        Of fine-tuning over transfer.
    scratch : Gain
        Of training end to end over the best frozen layer of random weights.
    """

    fine_tune: Gain
    scratch: Gain


# What benchmarks/advice_regret.py prints for 400 images of each of four data sets.
EXPERIENCE = Experience(fine_tune=Gain(0.07, 0.09), scratch=Gain(-0.16, 0.55))


@dataclass(frozen=True)
class Prediction:
    """The balanced accuracy that a strategy would have, and how sure that is.

    Attributes
    ----------
    score, standard_error : float
    is_measured : bool
        Whether it was cross-validated, and not inferred.
    """

    score: float
    standard_error: float
    is_measured: bool

    def __str__(self) -> str:
        return f"{self.score:.3f} ± {self.standard_error:.3f}"


@dataclass(frozen=True)
class Decision:
    """What is recommended.

    Attributes
    ----------
    strategy, runner_up : str
    verdict : {"clear", "cannot tell", "no signal"}
        Whether the strategy is better than the runner-up by more than the
        standard error of their difference; ``"no signal"`` where nothing that
        was measured beats guessing.
    """

    strategy: str
    runner_up: str
    verdict: str


def predict_scores(
    evidence: Evidence, experience: Experience = EXPERIENCE
) -> dict[str, Prediction]:
    """Return the predicted score of each strategy, in the order of their cost."""
    frozen = _measured(evidence.interval(evidence.pretrained[evidence.best_layer], _ONE_ERROR))
    transfer = _measured(evidence.interval(evidence.transfer, _ONE_ERROR))
    best_random = max(evidence.random.values(), key=lambda scores: float(scores.mean()))
    random = _measured(evidence.interval(best_random, _ONE_ERROR))
    return {
        "frozen_svm": frozen,
        "transfer": transfer,
        "fine_tune": _improved(transfer, experience.fine_tune, evidence.chance),
        "scratch": _improved(random, experience.scratch, evidence.chance),
    }


def decide(predictions: Mapping[str, Prediction], chance: float) -> Decision:
    """Return the cheapest strategy within one standard error of the best.

    Parameters
    ----------
    predictions : mapping of str to Prediction
        In the order of their cost.
    chance : float
        The score of guessing.

    Returns
    -------
    decision : Decision
    """
    by_score = sorted(predictions, key=lambda name: -predictions[name].score)
    if not any(
        p.score - 2 * p.standard_error > chance for p in predictions.values() if p.is_measured
    ):
        cheapest, next_cheapest, *_ = predictions
        return Decision(cheapest, next_cheapest, "no signal")
    best = predictions[by_score[0]]
    within = best.score - best.standard_error
    chosen = next(name for name, p in predictions.items() if p.score >= within)
    runner_up = next(name for name in by_score if name != chosen)
    ours, theirs = predictions[chosen], predictions[runner_up]
    error = np.hypot(ours.standard_error, theirs.standard_error)
    verdict = "clear" if ours.score - theirs.score > error else "cannot tell"
    return Decision(chosen, runner_up, verdict)


def textbook_scenario(evidence: Evidence) -> tuple[str, str, str]:
    """Return the size and similarity in the textbook's words, and what it recommends."""
    per_class = evidence.n_images / len(evidence.n_by_class)
    size = "large" if per_class >= _LARGE else "small"
    similarity = "similar" if evidence.similarity >= _SIMILAR else "different"
    return size, similarity, _SCENARIOS[size, similarity]


# At this confidence an interval reaches one standard error either way, or more on few folds.
_ONE_ERROR = 0.6827


def _measured(interval: Interval) -> Prediction:
    return Prediction(interval.mean, (interval.high - interval.low) / 2, is_measured=True)


def _improved(start: Prediction, gain: Gain, chance: float) -> Prediction:
    errors = 1 - start.score
    spread = np.hypot(start.standard_error * (1 - gain.mean), gain.deviation * errors)
    score = max(chance, start.score + gain.mean * errors)
    return Prediction(score, float(spread), is_measured=False)
