"""Between which numbers metrics lie: known of those of scikit-learn, imbalanced-learn and skdr."""

import numpy as np
import pytest
from imblearn.metrics import geometric_mean_score
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    get_scorer,
    make_scorer,
)

from skdr.metrics import (
    make_grading_scorer,
    neg_grade_brier_scorer,
    quadratic_weighted_kappa_scorer,
    referable_roc_auc_scorer,
    referable_sensitivity,
)
from skdr.metrics._ranges import UNBOUNDED, metric_range
from skdr.metrics._scorers import grading_metrics


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        ("accuracy", (0, 1)),
        ("balanced_accuracy", (0, 1)),
        ("roc_auc_ovr_weighted", (0, 1)),
        ("f1_macro", (0, 1)),
        ("precision_weighted", (0, 1)),
        ("recall_macro", (0, 1)),
        ("jaccard_macro", (0, 1)),
        ("average_precision", (0, 1)),
        ("top_k_accuracy", (0, 1)),
        ("matthews_corrcoef", (-1, 1)),
        ("neg_brier_score", (-2, 0)),
        ("neg_log_loss", (-np.inf, 0)),
        (quadratic_weighted_kappa_scorer, (-1, 1)),
        (referable_roc_auc_scorer, (0, 1)),
        (neg_grade_brier_scorer, (-2, 0)),
        (make_grading_scorer(referable_sensitivity, threshold=0.3), (0, 1)),
        (make_scorer(geometric_mean_score), (0, 1)),
        (make_scorer(average_precision_score, response_method="predict_proba"), (0, 1)),
        (make_scorer(balanced_accuracy_score, adjusted=True), (-1, 1)),
        (make_scorer(accuracy_score, normalize=False), (0, np.inf)),
        (make_scorer(lambda y_true, y_pred: 7.0), (-np.inf, np.inf)),
        (lambda estimator, X, y: 7.0, (-np.inf, np.inf)),
    ],
)
def test_range_of_a_metric(scorer, expected):
    found = metric_range(get_scorer(scorer) if isinstance(scorer, str) else scorer)
    assert found == expected


def test_name_of_somebody_elses_function_tells_nothing():
    def accuracy_score(y_true, y_pred):
        return 100.0

    assert metric_range(make_scorer(accuracy_score)) == (-np.inf, np.inf)


def test_every_metric_of_a_report_has_a_range():
    metrics = grading_metrics(n_grades=5, referable_from=2, threshold=0.5)
    ranges = {name: metric_range(make_scorer(metric)) for name, (metric, _) in metrics.items()}
    del ranges["recall"]  # one number a grade, which no scorer of one metric returns
    assert UNBOUNDED not in ranges.values(), ranges
