"""The X of an estimator, checked as scikit-learn wants it and turned into images."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skdr.images._find import holds_flat_rows, with_shape
from skdr.images._form import ImageForm
from skdr.images._source import ImageSource


def validate_images(
    estimator: BaseEstimator,
    X: Any,
    *,
    reset: bool,
    form: ImageForm | None = None,
) -> ImageSource:
    """Find the images in X; a 2-D numeric X must have the columns that `fit` saw.

    Parameters
    ----------
    estimator : estimator
        `n_features_in_` and `feature_names_in_` are set on it where X has columns.
    X : array-like, DataFrame or sequence
    reset : bool
        Whether the estimator is being fitted; the first bytes of every file
        are looked at then.
    form : ImageForm or None, default=None
        How the images are found in X; None leaves all to the defaults.

    Returns
    -------
    source : ImageSource

    Raises
    ------
    ValueError, TypeError
        If X holds no images, or its columns or the form of its images differ
        from those in `fit`.
    ImageDecodeError
        If X names files that do not exist, or that are no images.
    """
    X, form = with_shape(X), form or ImageForm()
    if holds_flat_rows(X, form.image_column):
        if not reset and form.image_shape is None:
            _check_rows_were_fitted(estimator, X)
        X = validate_data(estimator, X, reset=reset, dtype=[np.float64, np.float32, np.uint8])
    elif reset:
        for attribute in ("n_features_in_", "feature_names_in_"):
            estimator.__dict__.pop(attribute, None)
    source = form.source(X, check_headers=reset)
    if len(source) == 0:
        raise ValueError("Found array with 0 sample(s): X holds no images.")
    if reset:
        estimator._form_of_images = source.form
    elif _form_in_fit(estimator) == "strips" and not source.is_strip:
        raise ValueError(
            f"X holds images, and this {type(estimator).__name__} was fitted on rows of numbers "
            "that are no pictures. Fit it on images, or on rows with image_shape=."
        )
    return source


def _check_rows_were_fitted(estimator: BaseEstimator, X: Any) -> None:
    if _form_in_fit(estimator) == "images":
        shape = np.shape(X)
        raise ValueError(
            f"X of shape {shape} is one grey image, or rows of {shape[-1]} numbers, and this "
            f"{type(estimator).__name__} was fitted on images. Put a single image in a list: "
            f"[image]. Reshape rows of pixels: X.reshape(-1, height, width)."
        )


def _form_in_fit(estimator: BaseEstimator) -> str | None:
    """Return the form of the images in `fit`; None where nothing was fitted."""
    return getattr(estimator, "_form_of_images", None)
