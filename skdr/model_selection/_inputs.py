"""What comparison and advice take: labelled images with rows, and a sampler before a strategy."""

from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from numpy.typing import ArrayLike, NDArray

from skdr._labels import check_groups, check_labels
from skdr.images import as_image_column, holds_flat_rows


def check_labelled_images(
    X: Any, y: ArrayLike, groups: ArrayLike | None
) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
    """Return images as samplers and splitters take them, their labels and patients.

    Parameters
    ----------
    X : array-like, DataFrame or sequence of n_samples images
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,) or None

    Returns
    -------
    X : array or DataFrame with n_samples rows
    y : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,) or None

    Raises
    ------
    ValueError
        If lengths differ, y is no class labels, or an image has no patient.
    """
    X, labels = _with_rows(X), check_labels(y)
    patients = None if groups is None else check_groups(groups)
    lengths = {"X": len(X), "y": len(labels)}
    if patients is not None:
        lengths["groups"] = len(patients)
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Lengths differ: {lengths}.")
    return X, labels, patients


def behind(sampler: Any, strategy: Any) -> Any:
    """Return a strategy behind a sampler, which then sees training images only."""
    if sampler is None:
        return strategy
    return Pipeline([("sampler", sampler), ("strategy", strategy)])


def _with_rows(X: Any) -> Any:
    if hasattr(X, "iloc"):
        return X
    if holds_flat_rows(X):
        return np.asarray(X)
    return as_image_column(X)
