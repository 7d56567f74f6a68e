"""The scale of grades, and grades as positions on it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d

GRADES = (0, 1, 2, 3, 4)
GRADE_NAMES = ("none", "mild", "moderate", "severe", "proliferative")
REFERABLE_FROM = 2


def as_ranks(grades: ArrayLike, labels: Sequence[Any], name: str) -> NDArray[np.intp]:
    """Return the position on the scale of each grade."""
    position = {label: i for i, label in enumerate(np.asarray(labels).tolist())}
    found = np.asarray(column_or_1d(grades)).tolist()
    ranks = np.array([position.get(grade, -1) for grade in found], dtype=np.intp)
    if (ranks < 0).any():
        unknown = list(dict.fromkeys(g for g in found if g not in position))
        raise ValueError(f"{name} holds {unknown}, not in labels={list(position)}.")
    return ranks


def rank_of(grade: Any, labels: Sequence[Any], name: str) -> int:
    """Return the position on the scale of one grade, a parameter of some name."""
    scale = np.asarray(labels).tolist()
    if grade not in scale:
        raise ValueError(f"{name}={np.asarray(grade).tolist()!r} is not in labels={scale}.")
    return scale.index(grade)


def check_columns(y_score: ArrayLike, labels: Sequence[Any], name: str) -> NDArray[np.float64]:
    """Return scores with one finite column a grade."""
    score = check_array(y_score, dtype=np.float64, input_name=name)
    if score.shape[1] != len(labels):
        scale = np.asarray(labels).tolist()
        raise ValueError(
            f"{name} has {score.shape[1]} columns and labels={scale} has {len(scale)}."
        )
    return score


def check_probabilities(
    y_proba: ArrayLike, labels: Sequence[Any], name: str
) -> NDArray[np.float64]:
    """Return probabilities with one column a grade and rows that sum to one."""
    probabilities = check_columns(y_proba, labels, name)
    # Single precision and rounded files are no reason to refuse.
    if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            f"The rows of {name} are no probabilities: they must not be negative, and sum to 1."
        )
    return probabilities
