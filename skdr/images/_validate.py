"""The X of an estimator, checked as scikit-learn wants it and turned into images."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skdr.images._decode import VALUE_RANGE
from skdr.images._source import ImageSource, as_image_source, holds_flat_rows


def validate_images(
    estimator: BaseEstimator,
    X: Any,
    *,
    reset: bool,
    image_shape: tuple[int, ...] | None = None,
    image_column: str | None = None,
    value_range: tuple[float, float] = VALUE_RANGE,
) -> ImageSource:
    """Find the images in X; where X is 2-D numeric, its columns are those that `fit` saw.

    Parameters
    ----------
    estimator : estimator
        It gets `n_features_in_` and `feature_names_in_` where X has columns.
    X : array-like, DataFrame or sequence
    reset : bool
        Whether the estimator is being fitted.
    image_shape, image_column, value_range
        See `as_image_source`.

    Returns
    -------
    source : ImageSource

    Raises
    ------
    ValueError
        If X holds no images, or other columns than before.
    ImageDecodeError
        If X names files that do not exist.
    """
    low, high = value_range
    if not low < high:
        raise ValueError(f"value_range={value_range!r} must be (low, high), low < high.")
    if hasattr(X, "__array__") and not hasattr(X, "shape"):
        X = np.asarray(X)
    if holds_flat_rows(X):
        X = validate_data(estimator, X, reset=reset, dtype=[np.float64, np.float32, np.uint8])
    elif reset:
        for attribute in ("n_features_in_", "feature_names_in_"):
            estimator.__dict__.pop(attribute, None)
    source = as_image_source(
        X,
        image_shape=None if image_shape is None else tuple(image_shape),
        image_column=image_column,
        value_range=(low, high),
    )
    if len(source) == 0:
        raise ValueError("Found array with 0 sample(s): X holds no images.")
    return source
