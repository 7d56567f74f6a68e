"""Where to cut a score into grades.

Ascending cuts turn ascending scores into ascending grades. Many metrics are then
a sum over the images: each adds the worth of the grade that it gets. Dynamic
programming finds the best cuts for such a sum exactly. Quadratic weighted kappa is
one minus the ratio of two such sums. For any other metric, the best of these
solutions is improved one cut at a time.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
#: From counts of each distinct score (row) and true grade (column) to positions.
Search = Callable[[Floats], Positions]

_N_CANDIDATES = 100


def counts_by_score(
    score: Floats, ranks: NDArray[np.intp], weights: Floats | None, n_grades: int
) -> tuple[Floats, Floats]:
    """Return the distinct scores, ascending, and the weight of each true grade there."""
    scores, row = np.unique(score, return_inverse=True)
    counts = np.zeros((len(scores), n_grades))
    np.add.at(counts, (row, ranks), 1.0 if weights is None else weights)
    return scores, counts


def cut_values(scores: Floats, positions: Positions) -> Floats:
    """Return values between distinct scores; the next grade begins at each value."""
    ends = np.concatenate([[-np.inf], scores, [np.inf]])
    below, above = ends[positions], ends[positions + 1]
    middle = below / 2 + above / 2
    # There is no number between neighbouring floating-point numbers.
    return np.where((middle > below) | np.isinf(below), middle, above)


def best_for_accuracy(counts: Floats) -> Positions:
    """Return the cuts with the highest accuracy."""
    return _best_of_sum(counts)


def best_for_balanced_accuracy(counts: Floats) -> Positions:
    """Return the cuts with the highest mean recall of the grades."""
    totals = counts.sum(axis=0)
    return _best_of_sum(np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0))


def best_for_kappa(counts: Floats) -> Positions:
    """Return the cuts with the highest quadratic weighted kappa.

    Kappa is ``1 - ratio`` with ``ratio = cost / cost_by_chance``. The cuts with
    the least ``cost - ratio * cost_by_chance`` have a lower ratio than the cuts
    before, until the lowest is reached (W. Dinkelbach, "On nonlinear fractional
    programming", 1967).
    """
    grades = np.arange(counts.shape[1])
    cost = np.subtract.outer(grades, grades) ** 2.0
    of_row = counts @ cost  # what it costs to give a row each grade
    by_chance = counts.sum(axis=1, keepdims=True) * (counts.sum(axis=0) @ cost / counts.sum())
    best = positions = _best_of_sum(-of_row)
    lowest = np.inf
    while True:
        given = assigned(positions, len(counts))[:, None]
        costs, chances = (np.take_along_axis(m, given, axis=1).sum() for m in (of_row, by_chance))
        if costs / chances >= lowest:
            return best
        lowest, best = costs / chances, positions
        positions = _best_of_sum(lowest * by_chance - of_row)


def best_for_scores(score_of: Callable[[Positions], float]) -> Search:
    """Return a search that improves any function of the positions, one cut at a time."""

    def search(counts: Floats) -> Positions:
        starts = [
            best_for_kappa(counts),
            best_for_balanced_accuracy(counts),
            best_for_accuracy(counts),
            _as_frequent(counts),
        ]
        n_steps = min(len(counts), _N_CANDIDATES)
        candidates = np.linspace(0, len(counts), n_steps + 1).round().astype(np.intp)
        return _climb(max(starts, key=score_of), candidates, score_of)

    return search


def assigned(positions: Positions, n_scores: int) -> NDArray[np.intp]:
    """Return the grade that cuts give to each distinct score."""
    return np.searchsorted(positions, np.arange(n_scores), side="right")


def _best_of_sum(worth: Floats) -> Positions:
    """Return the cuts for which the sum over rows of ``worth[row, grade]`` is highest."""
    n_grades = worth.shape[1]
    reached = np.vstack([np.zeros(n_grades), worth.cumsum(axis=0)])
    best, starts = reached[:, 0], []
    for grade in range(1, n_grades):
        # What the rows before each row gain from lower grades, compared with this grade.
        head_start = best - reached[:, grade]
        highest = np.maximum.accumulate(head_start)
        is_first = np.append(True, head_start[1:] > highest[:-1])
        starts.append(np.maximum.accumulate(np.where(is_first, np.arange(len(best)), 0)))
        best = reached[:, grade] + highest
    positions = [len(worth)]
    for start in reversed(starts):
        positions.insert(0, start[positions[0]])
    return np.array(positions[:-1], dtype=np.intp)


def _as_frequent(counts: Floats) -> Positions:
    """Return cuts that predict each grade as often as it is true."""
    passed = np.append(0, counts.sum(axis=1).cumsum())
    return np.searchsorted(passed, counts.sum(axis=0).cumsum()[:-1]).clip(max=len(counts))


def _climb(
    positions: Positions, candidates: Positions, score_of: Callable[[Positions], float]
) -> Positions:
    """Move one cut at a time to where the score is highest, until none moves."""
    best, improved = score_of(positions), True
    while improved:
        improved = False
        for k in range(len(positions)):
            below = positions[k - 1] if k else 0
            above = positions[k + 1] if k + 1 < len(positions) else candidates[-1]
            for candidate in candidates[(candidates >= below) & (candidates <= above)]:
                trial = positions.copy()
                trial[k] = candidate
                score = score_of(trial)
                if score > best:
                    best, positions, improved = score, trial, True
    return positions
