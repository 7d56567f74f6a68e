"""Intervals over patients, against the loop, the normal distribution and by construction."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
)

from skdr.metrics import (
    _bootstrap,
    bootstrap_difference,
    bootstrap_interval,
    grade_brier_score,
    grade_calibration_error,
    grade_recalls,
    quadratic_weighted_kappa,
    referable_brier_score,
    referable_calibration_error,
    referable_roc_auc,
    referable_sensitivity,
    referable_specificity,
)
from skdr.metrics._weighted import _PREPARE

rng = np.random.default_rng(0)
Y = rng.choice(5, size=120, p=[0.5, 0.1, 0.2, 0.1, 0.1])
GRADES = (Y + rng.integers(-1, 2, size=120)).clip(0, 4)
P = rng.dirichlet(np.ones(5), size=120).round(2)  # rounded: scores tie
P[:, 4] = 1 - P[:, :4].sum(axis=1)
P = np.abs(P)
PATIENTS = np.arange(120) // 2
SCALE = {"labels": [0, 1, 2, 3, 4, 5]}

METRICS = {
    "accuracy": (accuracy_score, GRADES),
    "balanced accuracy": (balanced_accuracy_score, GRADES),
    "absolute error": (mean_absolute_error, GRADES),
    "kappa": (quadratic_weighted_kappa, GRADES),
    "kappa on another scale": (partial(quadratic_weighted_kappa, **SCALE), GRADES),
    "recalls": (grade_recalls, GRADES),
    "AUC": (referable_roc_auc, P),
    "AUC of scores that tie": (referable_roc_auc, GRADES),
    "AUC from grade 3": (partial(referable_roc_auc, referable_from=3), P),
    "sensitivity": (partial(referable_sensitivity, threshold=0.5), P),
    "specificity": (partial(referable_specificity, threshold=0.5), P),
    "grade Brier": (grade_brier_score, P),
    "referable Brier": (referable_brier_score, P),
    "grade calibration": (grade_calibration_error, P),
    "referable calibration in 5": (partial(referable_calibration_error, n_bins=5), P),
}


def hidden(metric):
    """Hide which metric it is, so that it is called once a resample."""
    return lambda y_true, y_pred: metric(y_true, y_pred)


def test_every_metric_with_a_form_of_its_own_is_tested_here():
    tested = {getattr(metric, "func", metric) for metric, _ in METRICS.values()}
    assert tested == set(_PREPARE)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_all_resamples_together_agree_with_the_loop(name):
    metric, y_pred = METRICS[name]
    settings = {"groups": PATIENTS, "n_resamples": 50, "random_state": 0}
    together = bootstrap_interval(metric, Y, y_pred, **settings)
    loop = bootstrap_interval(hidden(metric), Y, y_pred, **settings)
    np.testing.assert_allclose(together.distribution, loop.distribution, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The metric is undefined")
def test_resamples_without_a_grade_agree_with_the_loop():
    y, y_pred = np.array([0, 0, 0, 1, 3, 0, 2, 1]), np.array([0, 1, 0, 1, 3, 0, 1, 1])
    settings = {"n_resamples": 50, "random_state": 0}
    for metric in (grade_recalls, partial(referable_sensitivity, threshold=2)):
        together = bootstrap_interval(metric, y, y_pred, **settings)
        loop = bootstrap_interval(hidden(metric), y, y_pred, **settings)
        np.testing.assert_array_equal(together.distribution, loop.distribution)


def test_keywords_that_a_metric_lacks_here_go_to_the_metric():
    counted = bootstrap_interval(
        partial(accuracy_score, normalize=False), Y, GRADES, n_resamples=20, random_state=0
    )
    assert counted.estimate == (Y == GRADES).sum()


def test_any_metric_is_called_on_the_rows_drawn():
    def score(y_true, y_pred):
        assert len(y_true) == len(y_pred) == len(Y)
        return f1_score(y_true, y_pred, average="macro")

    interval = bootstrap_interval(score, Y, GRADES, n_resamples=20, random_state=0)
    assert interval.low <= interval.estimate <= interval.high


def test_patients_are_drawn_whole():
    def both_eyes_are_drawn(rows, _):
        counts = np.bincount(rows, minlength=120)
        return np.array_equal(counts[::2], counts[1::2]) and len(rows) == 120

    rows = np.arange(120)
    interval = bootstrap_interval(both_eyes_are_drawn, rows, rows, groups=PATIENTS, n_resamples=20)
    assert interval.distribution.all()


def test_spread_of_accuracy_is_that_of_the_binomial_distribution():
    y, y_pred = np.zeros(400), np.arange(400) % 4 == 0
    interval = bootstrap_interval(accuracy_score, y, y_pred, n_resamples=4000, random_state=0)
    expected = np.sqrt(0.25 * 0.75 / 400)
    assert interval.distribution.std() == pytest.approx(expected, rel=0.05)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * expected, rel=0.05)


def test_two_equal_eyes_tell_no_more_than_one():
    y, y_pred = np.zeros(200), np.arange(200) % 4 == 0
    settings = {"n_resamples": 500, "random_state": 0}
    one = bootstrap_interval(accuracy_score, y, y_pred, **settings)
    both = bootstrap_interval(
        accuracy_score,
        np.repeat(y, 2),
        np.repeat(y_pred, 2),
        groups=np.repeat(np.arange(200), 2),
        **settings,
    )
    assert (both.low, both.high) == (one.low, one.high)


def test_intervals_do_not_depend_on_how_many_resamples_fit_in_memory(monkeypatch):
    first = bootstrap_interval(accuracy_score, Y, GRADES, n_resamples=50, random_state=0)
    monkeypatch.setattr(_bootstrap, "_CHUNK", 1000)
    second = bootstrap_interval(accuracy_score, Y, GRADES, n_resamples=50, random_state=0)
    np.testing.assert_array_equal(first.distribution, second.distribution)


def test_difference_is_on_the_same_resamples():
    settings = {"groups": PATIENTS, "n_resamples": 50, "random_state": 0}
    shifted = (GRADES + 1).clip(max=4)
    difference = bootstrap_difference(quadratic_weighted_kappa, Y, GRADES, shifted, **settings)
    first, other = (
        bootstrap_interval(quadratic_weighted_kappa, Y, y_pred, **settings)
        for y_pred in (GRADES, shifted)
    )
    assert difference.estimate == first.estimate - other.estimate
    np.testing.assert_array_equal(difference.distribution, first.distribution - other.distribution)


def test_equal_predictions_do_not_differ():
    difference = bootstrap_difference(referable_roc_auc, Y, P, P, n_resamples=20)
    assert (difference.estimate, difference.low, difference.high) == (0, 0, 0)


def test_undefined_resamples_are_counted_in_a_warning():
    y = np.array([0] * 19 + [4])
    with pytest.warns(UserWarning, match=r"undefined in \d+ of 200 resamples"):
        interval = bootstrap_interval(
            partial(referable_sensitivity, threshold=2), y, y, n_resamples=200, random_state=0
        )
    assert interval.low == interval.high == 1


def test_grade_without_images_is_undefined_without_a_warning(recwarn):
    y = np.repeat([0, 1, 2, 3], 30)
    interval = bootstrap_interval(grade_recalls, y, y, n_resamples=20, random_state=0)
    np.testing.assert_array_equal(interval.low, [1, 1, 1, 1, np.nan])
    assert not recwarn


def test_one_patient_is_refused():
    with pytest.raises(ValueError, match="at least two patients"):
        bootstrap_interval(accuracy_score, Y, GRADES, groups=np.zeros(120))


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        bootstrap_interval(accuracy_score, Y, GRADES, groups=np.zeros(7))


def test_no_resamples_are_refused():
    with pytest.raises(ValueError, match="n_resamples=0 must be at least 1"):
        bootstrap_interval(accuracy_score, Y, GRADES, n_resamples=0)


def test_confidence_level_must_be_a_share():
    with pytest.raises(ValueError, match="confidence_level=95 must be between 0 and 1"):
        bootstrap_interval(accuracy_score, Y, GRADES, confidence_level=95)


@pytest.mark.parametrize("missing", [None, np.nan, "", "nan"])
def test_image_without_a_patient_is_named(missing):
    groups = np.array(["a", missing, "b", missing], dtype=object)
    with pytest.raises(ValueError, match=r"no patient for 2 images, the first groups\[1\]"):
        bootstrap_interval(accuracy_score, [0, 1, 0, 1], [0, 1, 1, 1], groups=groups)
