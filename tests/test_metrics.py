"""Metrics against values worked out by hand and scikit-learn's own."""

import pickle

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, cohen_kappa_score, recall_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.svm import LinearSVC

from skdr.metrics import (
    GradingScorer,
    grade_brier_score,
    grade_calibration_error,
    grade_recalls,
    grade_recalls_scorer,
    grading_scorer,
    make_grading_scorer,
    neg_grade_brier_scorer,
    neg_grade_calibration_error_scorer,
    neg_referable_brier_scorer,
    neg_referable_calibration_error_scorer,
    quadratic_weighted_kappa,
    quadratic_weighted_kappa_scorer,
    referable_brier_score,
    referable_calibration_error,
    referable_reliability_curve,
    referable_roc_auc,
    referable_roc_auc_scorer,
    referable_sensitivity,
    referable_sensitivity_scorer,
    referable_specificity,
    referable_specificity_scorer,
    referable_threshold,
)


def kappa_by_hand(y_true, y_pred, n_grades):
    observed = np.zeros((n_grades, n_grades))
    np.add.at(observed, (y_true, y_pred), 1)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    weights = np.subtract.outer(np.arange(n_grades), np.arange(n_grades)) ** 2
    return 1 - (weights * observed).sum() / (weights * expected).sum()


def test_kappa_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 5, size=(2, 100))
    expected = kappa_by_hand(y_true, y_pred, 5)
    assert quadratic_weighted_kappa(y_true, y_pred) == pytest.approx(expected)


def test_kappa_keeps_its_scale_where_a_grade_is_missing():
    y_true, y_pred = np.array([0, 1, 2, 4, 4, 0]), np.array([0, 2, 2, 4, 2, 1])
    fixed = quadratic_weighted_kappa(y_true, y_pred)
    assert fixed == pytest.approx(kappa_by_hand(y_true, y_pred, 5))
    assert fixed != pytest.approx(cohen_kappa_score(y_true, y_pred, weights="quadratic"))


def test_kappa_refuses_grades_off_the_scale():
    with pytest.raises(ValueError, match=r"y_pred holds \[5\]"):
        quadratic_weighted_kappa([0, 1], [0, 5])


def test_referable_auc_of_probabilities():
    rng = np.random.default_rng(0)
    y, P = rng.integers(0, 5, size=50), rng.dirichlet(np.ones(5), size=50)
    expected = roc_auc_score(y >= 2, P[:, 2:].sum(axis=1))
    assert referable_roc_auc(y, P) == pytest.approx(expected)
    assert referable_roc_auc(y, P[:, 2:].sum(axis=1)) == pytest.approx(expected)


def test_referable_auc_needs_a_column_a_label():
    with pytest.raises(ValueError, match="y_score has 3 columns"):
        referable_roc_auc([0, 2], np.zeros((2, 3)))
    P = np.array([[0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
    assert referable_roc_auc([0, 2], P, labels=[0, 1, 2]) == 1.0


def test_recalls_are_fixed_to_the_scale():
    recalls = grade_recalls([0, 0, 1, 2, 4], [0, 1, 1, 1, 4])
    np.testing.assert_array_equal(recalls, [0.5, 1, 0, np.nan, 1])


def test_recalls_follow_the_order_of_the_labels():
    labels = ["none", "mild", "severe"]
    recalls = grade_recalls(["mild", "mild", "none"], ["mild", "none", "none"], labels=labels)
    np.testing.assert_array_equal(recalls, [1, 0.5, np.nan])


def test_threshold_for_sensitivity_is_the_most_specific_that_reaches_it():
    # Referable: 0.3, 0.7, 0.8, 0.9; three of four are found from 0.7 on.
    y, score = [0, 0, 2, 1, 3, 4, 2], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9]
    assert referable_threshold(y, score, min_sensitivity=0.75) == 0.7
    assert referable_threshold(y, score, min_sensitivity=0.76) == 0.3


def test_threshold_for_specificity_is_the_most_sensitive_that_reaches_it():
    y, score = [0, 0, 2, 1, 3, 4, 2], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9]
    assert referable_threshold(y, score, min_specificity=2 / 3) == 0.3
    assert referable_threshold(y, score, min_specificity=1) == 0.7


def test_threshold_refers_nobody_where_nothing_is_specific_enough():
    assert referable_threshold([2, 0], [0.1, 0.9], min_specificity=1) == np.inf


@pytest.mark.parametrize("target", ["min_sensitivity", "min_specificity"])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.95])
def test_threshold_reaches_its_target_where_it_is_chosen(target, share):
    rng = np.random.default_rng(0)
    y, score = rng.integers(5, size=300), rng.random(300).round(2)
    threshold = referable_threshold(y, score, **{target: share})
    reached = {
        "min_sensitivity": referable_sensitivity,
        "min_specificity": referable_specificity,
    }[target]
    assert reached(y, score, threshold=threshold) >= share


@pytest.mark.parametrize("targets", [{}, {"min_sensitivity": 0.9, "min_specificity": 0.9}])
def test_threshold_needs_one_target(targets):
    with pytest.raises(ValueError, match="either min_sensitivity or min_specificity"):
        referable_threshold([0, 2], [0.1, 0.9], **targets)


def test_threshold_needs_referable_and_other_images():
    with pytest.raises(ValueError, match="referable and other grades"):
        referable_threshold([2, 3], [0.1, 0.9], min_sensitivity=0.9)


def test_sensitivity_and_specificity_count_scores_at_the_threshold_as_referred():
    y, score = [0, 1, 2, 3, 4], [0.5, 0.4, 0.5, 0.4, 0.6]
    assert referable_sensitivity(y, score, threshold=0.5) == pytest.approx(2 / 3)
    assert referable_specificity(y, score, threshold=0.5) == 0.5


def test_sensitivity_is_undefined_without_referable_images():
    assert np.isnan(referable_sensitivity([0, 1], [0.5, 0.4], threshold=0.5))
    assert np.isnan(referable_specificity([3, 2], [0.5, 0.4], threshold=0.5))


def test_sensitivity_of_probabilities_and_of_predicted_grades():
    y, P = [0, 2, 3], [[0.9, 0.1, 0, 0, 0], [0.2, 0.5, 0.3, 0, 0], [0, 0.1, 0.5, 0.4, 0]]
    assert referable_sensitivity(y, P, threshold=0.25) == 1.0
    assert referable_sensitivity(y, np.argmax(P, axis=1), threshold=2) == 0.5


def test_referable_is_told_by_the_order_of_the_labels():
    labels = ["none", "mild", "severe"]
    auc = referable_roc_auc(
        ["none", "severe", "mild"], [0.1, 0.5, 0.9], labels=labels, referable_from="mild"
    )
    assert auc == 1.0
    with pytest.raises(ValueError, match=r"referable_from=2 is not in labels=\['none'"):
        referable_roc_auc(["none"], [0.1], labels=labels)


def test_grade_brier_score_is_that_of_scikit_learn():
    pytest.importorskip("sklearn", minversion="1.7")
    rng = np.random.default_rng(0)
    y, P, weights = rng.integers(5, size=50), rng.dirichlet(np.ones(5), 50), rng.random(50)
    expected = brier_score_loss(y, P, labels=range(5), sample_weight=weights)
    assert grade_brier_score(y, P, sample_weight=weights) == pytest.approx(expected)


def test_grade_brier_score_of_certain_errors_is_two():
    assert grade_brier_score([0, 1], [[0, 1], [1, 0]], labels=[0, 1]) == 2.0


def test_probabilities_must_sum_to_one():
    with pytest.raises(ValueError, match="rows of y_proba are no probabilities"):
        grade_brier_score([0, 1], [[0.5, 0.1], [0.5, 0.5]], labels=[0, 1])
    with pytest.raises(ValueError, match=r"outside of 0..1"):
        referable_brier_score([0, 2], [0.5, 1.2])


def test_reliability_curve_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, probability = rng.integers(5, size=500), rng.random(500) * 0.7
    curve = referable_reliability_curve(y, probability, n_bins=10)
    observed, predicted = calibration_curve(y >= 2, probability, n_bins=10)
    np.testing.assert_allclose(curve.observed[:7], observed)
    np.testing.assert_allclose(curve.predicted[:7], predicted)
    assert np.isnan(curve.observed[7:]).all()
    assert curve.weight.sum() == 500


def test_calibration_error_by_hand():
    # Bin 0.5-0.75: 0.7 twice, half right; bin 0.75-1: 0.8 once, right.
    P = [[0.7, 0.3], [0.3, 0.7], [0.8, 0.2]]
    error = grade_calibration_error([0, 0, 0], P, labels=[0, 1], n_bins=4)
    assert error == pytest.approx((2 * 0.2 + 0.2) / 3)


def test_weights_are_repetitions():
    rng = np.random.default_rng(0)
    y, p, weights = rng.integers(5, size=60), rng.integers(5, size=60), rng.integers(4, size=60)
    P, rows = rng.dirichlet(np.ones(5), 60), np.repeat(np.arange(60), weights)
    for metric, predicted in [
        (quadratic_weighted_kappa, p),
        (grade_recalls, p),
        (referable_roc_auc, P),
        (grade_brier_score, P),
        (referable_brier_score, P),
        (grade_calibration_error, P),
        (referable_calibration_error, P),
    ]:
        weighted = metric(y, predicted, sample_weight=weights)
        np.testing.assert_allclose(weighted, metric(y[rows], predicted[rows]), err_msg=metric)


rng = np.random.default_rng(0)
Y, GRADES = rng.integers(5, size=(2, 80))
P, WEIGHTS = rng.dirichlet(np.ones(5), 80).round(2), rng.random(80)
P[:, 4] = np.abs(1 - P[:, :4].sum(axis=1))
REFERABLE, P_REFERABLE = Y >= 2, P[:, 2:].sum(axis=1)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            lambda w: quadratic_weighted_kappa(Y, GRADES, sample_weight=w),
            lambda w: cohen_kappa_score(Y, GRADES, weights="quadratic", sample_weight=w),
        ),
        (
            lambda w: grade_recalls(Y, GRADES, sample_weight=w),
            lambda w: recall_score(Y, GRADES, average=None, sample_weight=w),
        ),
        (
            lambda w: referable_roc_auc(Y, P_REFERABLE.round(1), sample_weight=w),
            lambda w: roc_auc_score(REFERABLE, P_REFERABLE.round(1), sample_weight=w),
        ),
        (
            lambda w: referable_sensitivity(Y, P, threshold=0.6, sample_weight=w),
            lambda w: recall_score(REFERABLE, P_REFERABLE >= 0.6, sample_weight=w),
        ),
        (
            lambda w: referable_specificity(Y, P, threshold=0.6, sample_weight=w),
            lambda w: recall_score(~REFERABLE, P_REFERABLE < 0.6, sample_weight=w),
        ),
        (
            lambda w: referable_brier_score(Y, P, sample_weight=w),
            lambda w: brier_score_loss(REFERABLE, P_REFERABLE, sample_weight=w),
        ),
    ],
    ids=["kappa", "recalls", "AUC", "sensitivity", "specificity", "Brier"],
)
def test_metric_is_that_of_scikit_learn(ours, theirs, weights):
    np.testing.assert_allclose(ours(weights), theirs(weights), rtol=1e-12)


def test_calibration_error_is_the_distance_of_scikit_learns_curve_from_the_diagonal():
    observed, predicted = calibration_curve(REFERABLE, P_REFERABLE, n_bins=1)
    error = referable_calibration_error(Y, P, n_bins=1)
    assert error == pytest.approx(abs(observed - predicted)[0])


def test_kappa_of_a_single_grade_is_undefined_with_a_warning():
    with pytest.warns(UndefinedMetricWarning, match="are the same one"):
        assert np.isnan(quadratic_weighted_kappa([1, 1], [1, 1]))


def test_auc_without_referable_images_is_undefined_with_a_warning():
    with pytest.warns(UndefinedMetricWarning, match="or none is"):
        assert np.isnan(referable_roc_auc([0, 1], [0.1, 0.2]))


@pytest.mark.parametrize(
    ("metric", "predicted"),
    [
        (quadratic_weighted_kappa, [0, 1]),
        (referable_roc_auc, [0.1, 0.2]),
        (grade_calibration_error, np.eye(5)[:2]),
    ],
)
def test_images_and_weights_that_do_not_match_are_refused(metric, predicted):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        metric([0, 3, 4], predicted)
    with pytest.raises(ValueError, match="sample_weight"):
        metric([0, 3], predicted, sample_weight=[1])
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        metric([0, 3], predicted, sample_weight=[1, np.nan])


def test_metric_of_no_images_is_refused():
    with pytest.raises(ValueError, match="y_true is empty"):
        grade_recalls([], [])


def test_auc_refuses_scores_that_are_no_numbers():
    with pytest.raises(ValueError, match="y_score contains NaN"):
        referable_roc_auc([0, 3], [0.1, np.nan])


@pytest.fixture(scope="module")
def graded():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 5
    X = y[:, None] + rng.normal(0, 1, (200, 3))
    return X, y


SCORERS = {
    "kappa": quadratic_weighted_kappa_scorer,
    "auc": referable_roc_auc_scorer,
    "sensitivity": referable_sensitivity_scorer,
    "specificity": referable_specificity_scorer,
    "grade_brier": neg_grade_brier_scorer,
    "referable_brier": neg_referable_brier_scorer,
    "grade_calibration": neg_grade_calibration_error_scorer,
    "referable_calibration": neg_referable_calibration_error_scorer,
    "at_30%": make_grading_scorer(referable_sensitivity, threshold=0.3),
}


def test_scorers_work_in_cross_validation(graded):
    scores = cross_validate(LogisticRegression(), *graded, cv=3, scoring=SCORERS)
    for name in SCORERS:
        assert np.isfinite(scores[f"test_{name}"]).all(), name


def test_scorers_of_errors_are_negative(graded):
    model = LogisticRegression().fit(*graded)
    expected = -grade_brier_score(graded[1], model.predict_proba(graded[0]))
    assert neg_grade_brier_scorer(model, *graded) == pytest.approx(expected)


def test_scorer_fills_in_a_grade_missing_from_training(graded):
    X, y = graded
    model = LogisticRegression().fit(X[y != 4], y[y != 4])
    P = np.column_stack([model.predict_proba(X), np.zeros(len(X))])
    assert neg_grade_brier_scorer(model, X, y) == pytest.approx(-grade_brier_score(y, P))


def test_scorer_of_auc_takes_decision_values(graded):
    assert referable_roc_auc_scorer(LinearSVC().fit(*graded), *graded) > 0.8


def test_scorers_pickle(graded):
    model = LogisticRegression().fit(*graded)
    for name, scorer in {**SCORERS, "all": grading_scorer}.items():
        copy = pickle.loads(pickle.dumps(scorer))
        assert copy(model, *graded) == scorer(model, *graded), name


def test_recalls_scorer_gives_one_score_a_grade(graded):
    scores = cross_validate(LogisticRegression(), *graded, cv=3, scoring=grade_recalls_scorer)
    assert {f"test_recall_{grade}" for grade in range(5)} <= set(scores)


def test_grading_scorer_agrees_with_each_scorer(graded):
    model = LogisticRegression().fit(*graded)
    scores = grading_scorer(model, *graded)
    assert scores["quadratic_weighted_kappa"] == SCORERS["kappa"](model, *graded)
    assert scores["referable_roc_auc"] == SCORERS["auc"](model, *graded)
    assert scores["referable_sensitivity"] == SCORERS["sensitivity"](model, *graded)
    assert scores["neg_grade_brier_score"] == SCORERS["grade_brier"](model, *graded)
    assert scores["recall_3"] == grade_recalls_scorer(model, *graded)["recall_3"]


def test_grid_search_chooses_by_one_score_of_all(graded):
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [1e-6, 1.0]},
        scoring=grading_scorer,
        refit="quadratic_weighted_kappa",
    )
    assert search.fit(*graded).best_params_ == {"C": 1.0}


def test_grading_scorer_refers_at_its_threshold(graded):
    model = LogisticRegression().fit(*graded)
    scores = GradingScorer(threshold=0.3)(model, *graded)
    assert scores["referable_sensitivity"] == SCORERS["at_30%"](model, *graded)


def test_grading_scorer_without_probabilities_leaves_them_undefined(graded):
    scores = grading_scorer(LinearSVC().fit(*graded), *graded)
    undefined = {name for name, score in scores.items() if np.isnan(score)}
    assert undefined == {
        f"neg_{of}_{error}"
        for of in ("grade", "referable")
        for error in ("brier_score", "calibration_error")
    }
