"""Scores with one column per grade of the scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array


def check_columns(y_score: ArrayLike, labels: Sequence[Any], name: str) -> NDArray[np.float64]:
    """Return scores with one finite column per grade."""
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
    """Return probabilities with one column per grade and rows that sum to one."""
    probabilities = check_columns(y_proba, labels, name)
    # Single precision and rounded files are no reason to refuse.
    if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            f"The rows of {name} are no probabilities: they must not be negative, and sum to 1."
        )
    return probabilities
