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
from skdr.metrics._displays import GradeConfusionDisplay, ReliabilityDisplay
from skdr.metrics._grading import grade_recalls, quadratic_weighted_kappa
from skdr.metrics._referable import (
    referable_probability,
    referable_roc_auc,
    referable_sensitivity,
    referable_specificity,
    referable_threshold,
)
from skdr.metrics._report import GradingReport
from skdr.metrics._scorers import (
    GradingScorer,
    grade_recalls_scorer,
    grading_scorer,
    make_grading_scorer,
    neg_grade_brier_scorer,
    neg_grade_calibration_error_scorer,
    neg_referable_brier_scorer,
    neg_referable_calibration_error_scorer,
    quadratic_weighted_kappa_scorer,
    referable_roc_auc_scorer,
    referable_sensitivity_scorer,
    referable_specificity_scorer,
)

__all__ = [
    "BootstrapInterval",
    "GradeConfusionDisplay",
    "GradingReport",
    "GradingScorer",
    "ReliabilityCurve",
    "ReliabilityDisplay",
    "bootstrap_difference",
    "bootstrap_interval",
    "grade_brier_score",
    "grade_calibration_error",
    "grade_recalls",
    "grade_recalls_scorer",
    "grade_reliability_curve",
    "grading_scorer",
    "make_grading_scorer",
    "neg_grade_brier_scorer",
    "neg_grade_calibration_error_scorer",
    "neg_referable_brier_scorer",
    "neg_referable_calibration_error_scorer",
    "quadratic_weighted_kappa",
    "quadratic_weighted_kappa_scorer",
    "referable_brier_score",
    "referable_calibration_error",
    "referable_probability",
    "referable_reliability_curve",
    "referable_roc_auc",
    "referable_roc_auc_scorer",
    "referable_sensitivity",
    "referable_sensitivity_scorer",
    "referable_specificity",
    "referable_specificity_scorer",
    "referable_threshold",
]
