"""From what is measured to what is recommended."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdr.model_selection._intervals import Interval, corrected_interval
from skdr.model_selection.advice._evidence import Evidence

# From the cheapest to fit to the most expensive.
COST_ORDER = ("frozen_svm", "transfer", "fine_tune", "scratch")
# The textbook gives no numbers. Data are large with as many images per class as ImageNet, ...
_LARGE = 1000
# ... and similar if pretrained features avoid half of the errors that random features make.
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
    """What only training networks can measure, as it was measured on other data sets.

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
class PredictedScore:
    """The balanced accuracy that a strategy would have, and how sure that is.

    Attributes
    ----------
    estimate, standard_error : float
    is_measured : bool
        Whether it was cross-validated rather than inferred.
    """

    estimate: float
    standard_error: float
    is_measured: bool

    @property
    def low(self) -> float:
        """One standard error below the estimate, and not below 0."""
        return max(0.0, self.estimate - self.standard_error)

    @property
    def high(self) -> float:
        """One standard error above the estimate, and not above 1."""
        return min(1.0, self.estimate + self.standard_error)

    def __str__(self) -> str:
        return str(Interval(self.estimate, self.low, self.high))


@dataclass(frozen=True)
class Decision:
    """What is recommended.

    Attributes
    ----------
    best, runner_up : str
        The recommended strategy, and the one to try next.
    verdict : {"clear", "cannot tell", "no signal"}
        Whether the strategy is better than the runner-up by more than the
        standard error of their difference; ``"no signal"`` where nothing that
        was measured beats guessing.
    """

    best: str
    runner_up: str
    verdict: str


def predict_scores(
    evidence: Evidence, experience: Experience = EXPERIENCE
) -> dict[str, PredictedScore]:
    """Return the predicted score of each strategy, in the order of their cost."""
    frozen = _measured(evidence.pretrained[evidence.best_layer], evidence)
    transfer = _measured(evidence.transfer, evidence)
    best_random = max(evidence.random.values(), key=lambda scores: float(scores.mean()))
    random = _measured(best_random, evidence)
    return {
        "frozen_svm": frozen,
        "transfer": transfer,
        "fine_tune": _improved(transfer, experience.fine_tune, evidence.chance),
        "scratch": _improved(random, experience.scratch, evidence.chance),
    }


def decide(predicted: Mapping[str, PredictedScore], chance: float) -> Decision:
    """Return the cheapest strategy within one standard error of the best.

    Parameters
    ----------
    predicted : mapping of str to PredictedScore
        In the order of their cost.
    chance : float
        The score of guessing.

    Returns
    -------
    decision : Decision
    """
    by_score = sorted(predicted, key=lambda name: -predicted[name].estimate)
    if not any(
        p.estimate - 2 * p.standard_error > chance for p in predicted.values() if p.is_measured
    ):
        cheapest, next_cheapest, *_ = predicted
        return Decision(cheapest, next_cheapest, "no signal")
    highest = predicted[by_score[0]]
    within = highest.estimate - highest.standard_error
    best = next(name for name, p in predicted.items() if p.estimate >= within)
    runner_up = next(name for name in by_score if name != best)
    ours, theirs = predicted[best], predicted[runner_up]
    error = np.hypot(ours.standard_error, theirs.standard_error)
    verdict = "clear" if ours.estimate - theirs.estimate > error else "cannot tell"
    return Decision(best, runner_up, verdict)


def textbook_scenario(evidence: Evidence) -> tuple[str, str, str]:
    """Return the size and similarity in the textbook's words, and what it recommends."""
    per_class = evidence.n_images / len(evidence.n_by_class)
    size = "large" if per_class >= _LARGE else "small"
    similarity = "similar" if evidence.similarity >= _SIMILAR else "different"
    return size, similarity, _SCENARIOS[size, similarity]


# At this confidence an interval reaches one standard error either way, or more on few folds.
_ONE_ERROR = 0.6827


def _measured(scores: NDArray[np.float64], evidence: Evidence) -> PredictedScore:
    interval = corrected_interval(scores, evidence.test_share, _ONE_ERROR)
    return PredictedScore(interval.estimate, (interval.high - interval.low) / 2, is_measured=True)


def _improved(start: PredictedScore, gain: Gain, chance: float) -> PredictedScore:
    errors = 1 - start.estimate
    spread = np.hypot(start.standard_error * (1 - gain.mean), gain.deviation * errors)
    score = max(chance, start.estimate + gain.mean * errors)
    return PredictedScore(score, float(spread), is_measured=False)
