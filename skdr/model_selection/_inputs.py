"""What comparison and advice take: labelled images with rows, strategies, their patients."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdr._labels import check_groups, check_labels, check_lengths
from skdr.images import ImageForm, ImageSource, as_image_column, holds_flat_rows, image_forms


def check_labelled_images(
    X: Any, y: ArrayLike, groups: ArrayLike | None
) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
    """Return images as splitters take them, their labels and patients.

    Parameters
    ----------
    X : array-like, DataFrame or sequence of n_samples images
    y : array-like of shape (n_samples,)
    groups : array-like of shape (n_samples,) or None

    Returns
    -------
    X : array of shape (n_samples, n_columns) or DataFrame
    y : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,) or None

    Raises
    ------
    ValueError
        If lengths differ, y does not hold labels of at least two classes, or
        an image has no patient.
    """
    if y is None:
        raise ValueError("y is None; give a label for each image.")
    labels = check_labels(np.ravel(y) if np.shape(y)[1:] == (1,) else y)
    if labels.dtype == object:
        labels = np.asarray(labels.tolist())
    X = with_rows(X)
    patients = None if groups is None else check_groups(groups)
    check_lengths(
        X=len(X), y=len(labels), **({} if patients is None else {"groups": len(patients)})
    )
    classes = np.unique(labels).tolist()
    if len(classes) < 2:
        what = f"has one class, {classes[0]!r}" if classes else "holds no labels"
        raise ValueError(f"y {what}; give images of at least two classes.")
    return X, labels, patients


def with_rows(X: Any) -> Any:
    """Return images in a form that has rows: a DataFrame, 2-D numbers or one column."""
    if _is_pandas_frame(X):
        return X
    if holds_flat_rows(X):
        return np.asarray(X)
    return X if hasattr(X, "columns") else as_image_column(X)


def samplers_take(X: Any) -> bool:
    """Whether the samplers of imbalanced-learn take X as it is."""
    return _is_pandas_frame(X) or (isinstance(X, np.ndarray) and X.ndim == 2)


def check_strategies(strategies: Any) -> None:
    """Raise an error for whatever is not a strategy."""
    if not isinstance(strategies, Mapping):
        raise TypeError(
            f"strategies is a {type(strategies).__name__}; give a mapping of names to estimators, "
            'such as {"transfer": FineTunedCNNClassifier(trainable="head")}.'
        )
    if not strategies:
        raise ValueError("strategies is empty; give a name and an estimator for each.")
    for name, strategy in strategies.items():
        if not isinstance(name, str):
            raise TypeError(
                f"strategies has {name!r} as a name; names must be strings, as {str(name)!r} is."
            )
        if isinstance(strategy, type):
            raise TypeError(
                f"strategies[{name!r}] is the class {strategy.__name__}; give an instance of it, "
                f"{strategy.__name__}(...)."
            )
        lacking = [m for m in ("fit", "predict", "get_params") if not hasattr(strategy, m)]
        if lacking:
            raise TypeError(
                f"strategies[{name!r}] is a {type(strategy).__name__} without {lacking[0]}; give "
                "a classifier, or a pipeline that ends with one."
            )


def images_in(X: Any, strategies: Mapping[str, Any]) -> ImageSource | None:
    """Return the images in X; None where no strategy says which column of a frame holds them."""
    form = image_form(strategies)
    if form is None and hasattr(X, "columns"):
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Rows of .* numbers are no square image")
        return (form or ImageForm()).source(X)


def image_form(strategies: Mapping[str, Any]) -> ImageForm | None:
    """Return how strategies find the images in X, by the first one that says it."""
    found = _image_forms(strategies)
    return next((form for form in found if form.says_where), found[0] if found else None)


def image_columns(strategies: Mapping[str, Any]) -> set[str]:
    """Return the columns of X in which any of the strategies finds images."""
    columns = (form.image_column for form in _image_forms(strategies))
    return {column for column in columns if column is not None}


def _image_forms(strategies: Mapping[str, Any]) -> list[ImageForm]:
    return [form for strategy in strategies.values() for form in image_forms(strategy)]


def _is_pandas_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "iloc")
