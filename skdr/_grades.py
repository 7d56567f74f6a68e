"""The grades of diabetic retinopathy, and labels as positions on a scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

GRADES = (0, 1, 2, 3, 4)
GRADE_NAMES = ("none", "mild", "moderate", "severe", "proliferative")
REFERABLE_FROM = 2


def are_grades(labels: ArrayLike) -> bool:
    """Whether labels (a scale, or the sorted ones that occur) are the grades 0 to 4."""
    return np.asarray(labels).tolist() == list(GRADES)


def as_ranks(labels: ArrayLike, scale: Sequence[Any] | NDArray[Any], name: str) -> NDArray[np.intp]:
    """Return the position on a scale of each label.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
    scale : sequence
        All possible labels, in their order.
    name : str
        The name of the labels in messages.

    Returns
    -------
    ranks : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If a label is not on the scale.
    """
    position = {label: i for i, label in enumerate(np.asarray(scale).tolist())}
    found = np.asarray(column_or_1d(labels)).tolist()
    ranks = np.array([position.get(label, -1) for label in found], dtype=np.intp)
    if (ranks < 0).any():
        unknown = list(dict.fromkeys(label for label in found if label not in position))
        raise ValueError(f"{name} holds {unknown}, not in labels={list(position)}.")
    return ranks


def rank_of(grade: Any, scale: Sequence[Any], name: str) -> int:
    """Return the position of one grade on a scale; `name` is its parameter, for the error."""
    labels = np.asarray(scale).tolist()
    if grade not in labels:
        raise ValueError(f"{name}={np.asarray(grade).tolist()!r} is not in labels={labels}.")
    return labels.index(grade)
