"""Agreement and referral on the grades 0-4 of diabetic retinopathy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import cohen_kappa_score, make_scorer, roc_auc_score

GRADES = (0, 1, 2, 3, 4)
REFERABLE_FROM = 2


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
    for name, grades in (("y_true", y_true), ("y_pred", y_pred)):
        unknown = np.setdiff1d(np.asarray(grades), np.asarray(labels))
        if len(unknown):
            raise ValueError(f"{name} holds {unknown.tolist()}, not in labels={list(labels)}.")
    return float(
        cohen_kappa_score(
            y_true, y_pred, labels=list(labels), weights="quadratic", sample_weight=sample_weight
        )
    )


def referable_roc_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    labels: Sequence[Any] = GRADES,
    referable_from: Any = REFERABLE_FROM,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the area under the ROC curve of telling referable from other images.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades; those of at least `referable_from` are to be referred.
    y_score : array-like of shape (n_samples,) or (n_samples, n_labels)
        A score that rises with the grade, or one column a grade as
        ``predict_proba`` or ``decision_function`` gives: the score is then
        the sum over referable grades less the sum over the others.
    labels : sequence, default=(0, 1, 2, 3, 4)
        The grade of each column of `y_score`.
    referable_from : grade, default=2
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    auc : float

    Raises
    ------
    ValueError
        If `y_score` has not one column a label.

    Examples
    --------
    >>> from skdr.metrics import referable_roc_auc
    >>> referable_roc_auc([0, 1, 2, 4], [0.1, 0.6, 0.4, 0.9])
    0.75
    """
    score = np.asarray(y_score, dtype=float)
    if score.ndim == 2:
        if score.shape[1] != len(labels):
            raise ValueError(
                f"y_score has {score.shape[1]} columns and labels={list(labels)} has {len(labels)}."
            )
        signs = np.where(np.asarray(labels) >= referable_from, 1.0, -1.0)
        score = score @ signs
    referable = np.asarray(y_true) >= referable_from
    return float(roc_auc_score(referable, score, sample_weight=sample_weight))


def _score_referable(estimator: Any, X: Any, y: ArrayLike) -> float:
    has_probabilities = hasattr(estimator, "predict_proba")
    score = estimator.predict_proba(X) if has_probabilities else estimator.decision_function(X)
    return referable_roc_auc(y, score, labels=estimator.classes_)


#: Scorer of `quadratic_weighted_kappa` over the grades 0-4.
quadratic_weighted_kappa_scorer = make_scorer(quadratic_weighted_kappa)

#: Scorer of `referable_roc_auc` over the classes that the classifier knows, grades in 0-4.
referable_roc_auc_scorer = _score_referable
