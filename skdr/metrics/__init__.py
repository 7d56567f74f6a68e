"""Metrics of graded disease, as functions and as scorers."""

from skdr.metrics._bootstrap import BootstrapInterval, bootstrap_difference, bootstrap_interval
from skdr.metrics._calibration import (
    ReliabilityCurve,
    grade_brier_score,
    grade_calibration_error,
    grade_reliability_curve,
    referable_brier_score,
    referable_calibration_error,
    referable_reliability_curve,
)
from skdr.metrics._grading import grade_recalls, quadratic_weighted_kappa
from skdr.metrics._referable import (
    referable_probability,
    referable_roc_auc,
    referable_sensitivity,
    referable_specificity,
    referable_threshold,
)

__all__ = [
    "BootstrapInterval",
    "ReliabilityCurve",
    "bootstrap_difference",
    "bootstrap_interval",
    "grade_brier_score",
    "grade_calibration_error",
    "grade_recalls",
    "grade_reliability_curve",
    "quadratic_weighted_kappa",
    "referable_brier_score",
    "referable_calibration_error",
    "referable_probability",
    "referable_reliability_curve",
    "referable_roc_auc",
    "referable_sensitivity",
    "referable_specificity",
    "referable_threshold",
]
