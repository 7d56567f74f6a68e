"""Metrics of graded disease, as functions and as scorers."""

from skdr.metrics._grading import (
    quadratic_weighted_kappa,
    quadratic_weighted_kappa_scorer,
    referable_roc_auc,
    referable_roc_auc_scorer,
)

__all__ = [
    "quadratic_weighted_kappa",
    "quadratic_weighted_kappa_scorer",
    "referable_roc_auc",
    "referable_roc_auc_scorer",
]
