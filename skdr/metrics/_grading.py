"""Agreement on the grades 0-4 of diabetic retinopathy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import cohen_kappa_score, recall_score

from skdr.metrics._scale import GRADES, as_ranks


def quadratic_weighted_kappa(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute Cohen's kappa with quadratic weights over a fixed scale of grades.

    The scale is fixed because the weight of a disagreement depends on it:
    where a grade is missing from a test fold, kappa over the grades found
    there is another number.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_pred : array-like of shape (n_samples,)
        Predicted grades.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale, in its order.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    kappa : float
        1 is full agreement, 0 what chance gives.

    Raises
    ------
    ValueError
        If a grade is not on the scale.

    References
    ----------
    .. [1] J. Cohen, "Weighted kappa", Psychological Bulletin 70(4), 1968.

    Examples
    --------
    >>> from skdr.metrics import quadratic_weighted_kappa
    >>> round(quadratic_weighted_kappa([0, 1, 2, 2, 4], [0, 1, 2, 3, 3]), 3)
    0.872
    """
    return float(
        cohen_kappa_score(
            as_ranks(y_true, labels, "y_true"),
            as_ranks(y_pred, labels, "y_pred"),
            labels=np.arange(len(labels)),
            weights="quadratic",
            sample_weight=sample_weight,
        )
    )


def grade_recalls(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Compute the share of the images of each grade that are graded right.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades.
    y_pred : array-like of shape (n_samples,)
        Predicted grades.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The full scale.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    recalls : ndarray of shape (n_labels,)
        In the order of `labels`; NaN for a grade of which there is no image.

    Raises
    ------
    ValueError
        If a grade is not on the scale.

    See Also
    --------
    sklearn.metrics.balanced_accuracy_score : The mean over the grades present.

    Examples
    --------
    >>> from skdr.metrics import grade_recalls
    >>> grade_recalls([0, 0, 1, 2, 4], [0, 1, 1, 1, 4])
    array([0.5, 1. , 0. , nan, 1. ])
    """
    return recall_score(
        as_ranks(y_true, labels, "y_true"),
        as_ranks(y_pred, labels, "y_pred"),
        labels=np.arange(len(labels)),
        average=None,
        sample_weight=sample_weight,
        zero_division=np.nan,
    )
