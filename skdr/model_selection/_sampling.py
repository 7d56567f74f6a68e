"""A sampler before a strategy, for images in any form."""

from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone

from skdr._sklearn import safe_indexing
from skdr.model_selection._inputs import samplers_take, with_rows


def with_sampler(sampler: Any, strategy: Any, X: Any) -> Any:
    """Return a strategy behind a sampler that sees training images only.

    Parameters
    ----------
    sampler : imbalanced-learn sampler or None
    strategy : estimator
    X : array-like, DataFrame or sequence of images
        In the form that the strategy is to be fitted on.

    Returns
    -------
    strategy : estimator
    """
    if sampler is None:
        return strategy
    taken = sampler if samplers_take(X) else RowSampler(sampler)
    return Pipeline([("sampler", taken), ("strategy", strategy)])


def check_sampler(sampler: Any) -> None:
    """Raise an error for whatever is not a sampler."""
    if isinstance(sampler, type):
        raise TypeError(
            f"sampler is the class {sampler.__name__}; give an instance of it, "
            f"{sampler.__name__}(...)."
        )
    if sampler is not None and not hasattr(sampler, "fit_resample"):
        raise TypeError(
            f"sampler is a {type(sampler).__name__}, which has no fit_resample; give a sampler of "
            "imbalanced-learn, such as RandomUnderSampler(random_state=0)."
        )


class RowSampler(BaseEstimator):
    """A sampler of imbalanced-learn that takes images in every form that estimators take.

    Samplers take 2-D arrays and DataFrames of pandas; images in other forms are
    passed to them as one column.

    Parameters
    ----------
    sampler : imbalanced-learn sampler
    """

    def __init__(self, sampler: Any):
        self.sampler = sampler

    def fit_resample(self, X: Any, y: ArrayLike) -> tuple[Any, NDArray[Any]]:
        """Resample images and labels.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
        y : array-like of shape (n_samples,)

        Returns
        -------
        X : array or DataFrame of the images that were drawn
        y : ndarray of shape (n_drawn,)

        Raises
        ------
        TypeError
            If the sampler makes up new rows although rows are images in a frame.
        """
        self.sampler_ = clone(self.sampler)
        rows = with_rows(X)
        holds_images = hasattr(rows, "columns")
        table = _as_objects(rows) if holds_images else rows
        resampled, labels = self.sampler_.fit_resample(table, y)
        drawn = getattr(self.sampler_, "sample_indices_", None)
        if drawn is not None and hasattr(X, "columns"):
            return safe_indexing(X, drawn), labels
        if holds_images:
            raise TypeError(
                f"{type(self.sampler).__name__} makes up rows, which images cannot be; give a "
                "sampler that draws from the images, such as RandomUnderSampler."
            )
        return resampled, labels


def _as_objects(frame: Any) -> NDArray[Any]:
    """Return the columns of a frame, whatever they hold, as those of an array."""
    table = np.empty((len(frame), len(frame.columns)), dtype=object)
    for i, name in enumerate(frame.columns):
        table[:, i] = frame[name].to_list()
    return table
