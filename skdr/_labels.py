"""Labels, groups and weights: one for each image, none of them missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from skdr._missing import MISSING_TEXTS, is_missing

_MAX_LISTED = 5


def check_labels(y: ArrayLike) -> NDArray[Any]:
    """Return class labels as an array.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Numbers or strings.

    Returns
    -------
    labels : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If a label is missing, if numbers and strings are mixed, or if labels are continuous.
    """
    objects = _untyped(y)
    if missing := _missing_positions(y, objects):
        raise ValueError(
            f"y has no label (None or NaN) at positions {listed(missing)}; leave these images out, "
            "or give them a class of their own."
        )
    if mixed := _mixed_types(objects):
        raise ValueError(
            f"y mixes {mixed}; give labels of one type, such as [str(label) for label in y]."
        )
    labels = column_or_1d(y, warn=True)
    if len(objects) and not isinstance(objects[0], str):  # pandas makes floats of such numbers
        labels = np.asarray(objects.tolist())
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
        _check_whole(labels)
    check_classification_targets(labels)
    return labels


def encode_labels(y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes, sorted, and the position among them of each label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        As `check_labels` takes them.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,)
    """
    return np.unique(check_labels(y), return_inverse=True)


def check_groups(groups: ArrayLike, name: str = "groups") -> NDArray[Any]:
    """Return the group of each image, such as its patient, as an array.

    Parameters
    ----------
    groups : array-like of shape (n_samples,)
    name : str, default="groups"
        Their name in messages.

    Returns
    -------
    groups : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If the group of an image is missing: all images without a patient would count as one's.
    """
    column = column_or_1d(groups)
    if missing := without_group(column):
        raise ValueError(
            f"{name} holds no patient at positions {listed(missing)}; give each of these images a "
            "patient of its own, or leave it out."
        )
    return column


def without_group(groups: NDArray[Any]) -> list[int]:
    """Return the positions of images whose group is missing."""
    return [i for i, group in enumerate(groups) if str(group) in MISSING_TEXTS]


def check_lengths(**lengths: int) -> None:
    """Raise if inputs that belong to the same images differ in length.

    Parameters
    ----------
    **lengths : int
        By the name of each input in messages.
    """
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"Lengths differ: {found}. Give one entry for each image, in one order.")


def check_weights(sample_weight: ArrayLike | None, n_samples: int) -> NDArray[np.float64]:
    """Return the weight of each image as an array; None gives each the weight 1.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
    n_samples : int

    Returns
    -------
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If there is not one weight per image, or weights are not finite, negative or all zero.
    """
    if sample_weight is None:
        return np.ones(n_samples)
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}!")
    assert_all_finite(weights, input_name="sample_weight")
    if (weights < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def _missing_positions(y: Any, objects: NDArray[Any]) -> list[int]:
    """Return where labels are None, NaN, NaT or NA."""
    if isinstance(y, np.ndarray) and y.dtype.kind == "f":
        return np.flatnonzero(np.isnan(y)).tolist()
    if isinstance(y, np.ndarray) and y.dtype.kind == "U":  # NumPy's text of NaN
        return np.flatnonzero(y == "nan").tolist()
    return [i for i, label in enumerate(objects) if is_missing(label)]


def listed(items: Sequence[Any]) -> str:
    """Return the first few of some items as text, and how many more there are."""
    more = f" and {len(items) - _MAX_LISTED} more" if len(items) > _MAX_LISTED else ""
    return ", ".join(str(item) for item in items[:_MAX_LISTED]) + more


def _check_whole(labels: NDArray[np.floating]) -> None:
    """Raise if numbers are continuous."""
    between = labels[labels % 1 != 0].tolist()
    if between:
        raise ValueError(
            f"Unknown label type: y holds {between[0]!r}: continuous numbers are no class labels. "
            "Give each image the label of a class, for instance by numpy.digitize."
        )


def _untyped(y: Any) -> NDArray[Any]:
    """Return labels as they are given; an empty array if they are an array of one type.

    NumPy would turn numbers and NaN among strings into strings.
    """
    is_typed = isinstance(y, np.ndarray) and y.dtype != object
    objects = np.empty((), dtype=object) if is_typed else np.asarray(y, dtype=object)
    return objects.ravel() if objects.ndim else np.empty(0, dtype=object)


def _mixed_types(labels: NDArray[Any]) -> str:
    """Return which types are mixed in labels, as text; empty if they are not mixed."""
    is_text = [isinstance(label, str) for label in labels]
    if all(is_text) or not any(is_text):
        return ""
    text, other = labels[is_text.index(True)], labels[is_text.index(False)]
    return f"strings such as {str(text)!r} with {type(other).__name__} such as {other!r}"
