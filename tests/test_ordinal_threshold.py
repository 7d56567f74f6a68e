"""Cut points: the best there are, tuned on images that the model did not see."""

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    ShuffleSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdr import FineTunedCNNClassifier, as_image_column
from skdr.metrics import GradingReport, quadratic_weighted_kappa, referable_roc_auc_scorer
from skdr.model_selection import OrdinalThresholdClassifier
from skdr.model_selection._cut_points import (
    assigned,
    best_for_accuracy,
    best_for_balanced_accuracy,
    best_for_kappa,
    best_for_scores,
    counts_by_score,
    cut_values,
)
from tests.with_keras import tiny_network


@parametrize_with_checks(
    [
        OrdinalThresholdClassifier(LogisticRegression(), cv=2),
        OrdinalThresholdClassifier(DecisionTreeRegressor(random_state=0), cv=2),
    ]
)
def test_estimator_passes_check(estimator, check):
    check(estimator)


def kappa(y_true, y_pred, sample_weight=None):
    return quadratic_weighted_kappa(y_true, y_pred, sample_weight=sample_weight, labels=range(4))


SEARCHES = [
    (best_for_kappa, kappa),
    (best_for_accuracy, accuracy_score),
    (best_for_balanced_accuracy, balanced_accuracy_score),
]


@pytest.mark.parametrize(("search", "metric"), SEARCHES, ids=["kappa", "accuracy", "balanced"])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_no_cut_points_are_better(search, metric, seed):
    rng = np.random.default_rng(seed)
    ranks = rng.permutation(np.append(np.arange(4), rng.integers(4, size=20)))
    score = (ranks + rng.normal(0, 1.5, 24)).round(0)  # rounded: scores tie
    weights = rng.integers(1, 4, size=24).astype(float)
    scores, counts = counts_by_score(score, ranks, weights, 4)
    row = np.searchsorted(scores, score)

    def value(positions):
        return metric(ranks, assigned(np.array(positions), len(scores))[row], sample_weight=weights)

    best = max(map(value, combinations_with_replacement(range(len(scores) + 1), 3)))
    assert value(search(counts)) == pytest.approx(best)


def test_search_for_any_score_is_no_worse_than_its_starts():
    rng = np.random.default_rng(0)
    ranks = rng.choice(4, size=300, p=[0.7, 0.1, 0.1, 0.1])
    scores, counts = counts_by_score(ranks + rng.normal(0, 1, 300), ranks, None, 4)
    order = np.argmax(counts, axis=1)

    def macro_f1(positions):
        return f1_score(order, assigned(positions, len(scores)), average="macro")

    found = macro_f1(best_for_scores(macro_f1)(counts))
    starts = [search(counts) for search, _ in SEARCHES]
    assert found > max(map(macro_f1, starts))


def test_cuts_lie_between_scores():
    scores = np.array([1.0, 2.0, 4.0])
    cuts = cut_values(scores, np.array([0, 1, 2, 3]))
    np.testing.assert_array_equal(cuts, [-np.inf, 1.5, 3, np.inf])


def test_cut_between_neighbouring_numbers_separates_them():
    scores = np.array([1.0, np.nextafter(1.0, 2)])
    assert scores[0] < cut_values(scores, np.array([1]))[0] <= scores[1]


class Memoriser(ClassifierMixin, BaseEstimator):
    """Knows the grade of each row it was trained on, and nothing of any other."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.grades_ = dict(zip(map(str, X), y, strict=True))
        return self

    def predict_proba(self, X):
        first = self.classes_[0]
        return np.array([self.classes_ == self.grades_.get(str(row), first) for row in X], float)


def test_no_row_counts_with_a_model_that_was_trained_on_it():
    X, y = [f"{i}.png" for i in range(60)], np.arange(60) % 3
    classifier = OrdinalThresholdClassifier(Memoriser()).fit(X, y)
    assert Memoriser().fit(X, y).predict_proba(X).argmax(axis=1).tolist() == y.tolist()
    assert classifier.best_score_ == 0.0


class KnowsPatients(Memoriser):
    """Knows the grade of each patient of its training rows, ``patient/eye``."""

    def fit(self, X, y):
        return super().fit([row.split("/")[0] for row in X], y)

    def predict_proba(self, X):
        return super().predict_proba([row.split("/")[0] for row in X])


def test_no_patient_counts_with_a_model_that_was_trained_on_it():
    patients = np.repeat(np.arange(60), 2)
    X, y = [f"{p}/{i % 2}" for i, p in enumerate(patients)], patients % 3
    shuffled = np.random.default_rng(0).permutation(120)
    X, y, patients = [X[i] for i in shuffled], y[shuffled], patients[shuffled]
    by_image = OrdinalThresholdClassifier(KnowsPatients()).fit(X, y)
    by_patient = OrdinalThresholdClassifier(KnowsPatients()).fit(X, y, groups=patients)
    assert by_image.best_score_ > 0.5
    assert by_patient.best_score_ == 0.0


@pytest.fixture(scope="module")
def graded():
    rng = np.random.default_rng(0)
    y = rng.choice(5, size=400, p=[0.7, 0.06, 0.14, 0.05, 0.05])
    return np.column_stack([y + rng.normal(0, 1, 400), rng.normal(0, 1, 400)]), y


@pytest.mark.parametrize("model", [LogisticRegression(), LinearRegression()], ids=["proba", "reg"])
def test_kappa_on_other_images_is_higher_than_of_the_most_probable_grade(graded, model):
    X, y = graded
    X = X + np.random.default_rng(1).normal(0, 1.5, X.shape)  # hard enough to hedge
    plain = cross_val_predict(LogisticRegression(), X, y)
    cut = cross_val_predict(OrdinalThresholdClassifier(model), X, y)
    assert quadratic_weighted_kappa(y, cut) > quadratic_weighted_kappa(y, plain) + 0.02


def test_best_score_is_that_of_the_out_of_fold_predictions(graded):
    X, y = graded
    classifier = OrdinalThresholdClassifier(LinearRegression(), cv=GroupKFold(4))
    groups = np.arange(400) // 2
    classifier.fit(X, y, groups=groups)
    out_of_fold = cross_val_predict(LinearRegression(), X, y, cv=GroupKFold(4), groups=groups)
    grades = np.searchsorted(classifier.thresholds_, out_of_fold, side="right")
    assert classifier.best_score_ == pytest.approx(quadratic_weighted_kappa(y, grades))


def test_expected_grade_is_cut(graded):
    X, y = graded
    classifier = OrdinalThresholdClassifier(LogisticRegression()).fit(X, y)
    expected = LogisticRegression().fit(X, y).predict_proba(X) @ np.arange(5)
    np.testing.assert_allclose(classifier.predict_expected_grade(X), expected)
    grades = np.searchsorted(classifier.thresholds_, expected, side="right")
    np.testing.assert_array_equal(classifier.predict(X), grades)


@pytest.mark.parametrize("labels", [list("abcde"), [1, 2, 4, 8, 16], [-2.0, 0.0, 1.0, 5.0, 6.0]])
@pytest.mark.parametrize("model", [LogisticRegression(), LinearRegression()], ids=["proba", "reg"])
def test_labels_are_any_that_sort(graded, labels, model):
    X, y = graded
    plain = OrdinalThresholdClassifier(model).fit(X, y)
    named = OrdinalThresholdClassifier(model).fit(X, np.array(labels)[y])
    np.testing.assert_array_equal(named.classes_, labels)
    np.testing.assert_array_equal(named.predict(X), np.array(labels)[plain.predict(X)])


def test_scorer_object_finds_what_the_name_finds(graded):
    named = OrdinalThresholdClassifier(LinearRegression(), scoring="accuracy").fit(*graded)
    scorer = make_scorer(accuracy_score)
    climbed = OrdinalThresholdClassifier(LinearRegression(), scoring=scorer).fit(*graded)
    assert climbed.best_score_ == named.best_score_


def test_scoring_of_probabilities_is_refused(graded):
    classifier = OrdinalThresholdClassifier(LinearRegression(), scoring="neg_log_loss")
    with pytest.raises(ValueError, match="'neg_log_loss' is no score of predicted grades"):
        classifier.fit(*graded)


def test_grade_may_be_missing_from_a_fold():
    X = np.arange(21.0)[:, None]
    y = np.array([0] * 10 + [1] * 10 + [2])
    with pytest.warns(UserWarning, match="least populated class"):
        classifier = OrdinalThresholdClassifier(LogisticRegression()).fit(X, y)
    assert set(classifier.predict(X)) <= {0, 1, 2}


def test_splits_may_overlap_and_leave_out_rows(graded):
    X, y = graded
    cv = ShuffleSplit(3, test_size=0.3, random_state=0)
    classifier = OrdinalThresholdClassifier(LinearRegression(), cv=cv).fit(X, y)
    assert classifier.best_score_ > 0.5


def test_classifier_without_probabilities_is_refused(graded):
    with pytest.raises(TypeError, match="wrap it in CalibratedClassifierCV"):
        OrdinalThresholdClassifier(LinearSVC()).fit(*graded)


def test_weights_that_the_model_does_not_take_are_refused(graded):
    classifier = OrdinalThresholdClassifier(KNeighborsClassifier())
    with pytest.raises(ValueError, match="fit of KNeighborsClassifier takes none"):
        classifier.fit(*graded, sample_weight=np.ones(400))


def test_one_grade_is_refused(graded):
    with pytest.raises(ValueError, match=r"y has one class, 0\."):
        OrdinalThresholdClassifier(LinearRegression()).fit(graded[0], np.zeros(400, int))


def test_patients_reach_both_splitters_by_metadata_routing(graded):
    X, y = graded
    groups = np.arange(400) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = OrdinalThresholdClassifier(LinearRegression()).set_fit_request(groups=True)
        search = GridSearchCV(classifier, {"scoring": ["accuracy"]}, cv=GroupKFold(3))
        search.fit(X, y, groups=groups)
    expected = OrdinalThresholdClassifier(LinearRegression(), scoring="accuracy")
    expected.fit(X, y, groups=groups)
    np.testing.assert_array_equal(search.best_estimator_.thresholds_, expected.thresholds_)


def test_referable_auc_is_that_of_the_expected_grade(graded):
    classifier = OrdinalThresholdClassifier(LinearRegression())
    scores = cross_validate(classifier, *graded, scoring=referable_roc_auc_scorer)
    assert (scores["test_score"] > 0.8).all()


def test_report_has_its_auc(graded):
    classifier = OrdinalThresholdClassifier(LinearRegression()).fit(*graded)
    report = GradingReport.from_estimator(classifier, *graded, n_resamples=20, random_state=0)
    assert report.intervals["referable ROC AUC"].estimate > 0.8


@pytest.mark.parametrize("kind", ["array", "list", "column", "frame"])
def test_images_in_any_form(coloured, kind):
    images, y = coloured
    X = {
        "array": images,
        "list": list(images),
        "column": as_image_column(images),
        "frame": pd.DataFrame({"image": list(images)}),
    }[kind]
    network = FineTunedCNNClassifier(
        tiny_network,
        weights=None,
        trainable="head",
        head_epochs=20,
        head_learning_rate=0.01,
        C=1.0,
        image_size=16,
        random_state=0,
    )
    classifier = OrdinalThresholdClassifier(network, cv=2).fit(X, y)
    assert classifier.predict(X).shape == (60,)


def test_named_grades_are_cut_in_the_order_of_the_scale(graded):
    X, y = graded
    names = np.array(["none", "mild", "moderate", "severe", "proliferative"])
    numbers = OrdinalThresholdClassifier(LogisticRegression(max_iter=500)).fit(X, y)
    named = OrdinalThresholdClassifier(LogisticRegression(max_iter=500), labels=names)
    np.testing.assert_array_equal(named.fit(X, names[y]).predict(X), names[numbers.predict(X)])


def test_grade_that_nobody_has_keeps_its_place_on_the_scale(graded):
    X, y = graded
    some = y != 3
    model = OrdinalThresholdClassifier(LogisticRegression(max_iter=500), labels=[0, 1, 2, 3, 4])
    model.fit(X[some], y[some])
    assert len(model.thresholds_) == 4
    assert model.predict_expected_grade(X[y == 4]).max() > 3


def test_grade_off_the_scale_is_refused(graded):
    X, y = graded
    with pytest.raises(ValueError, match=r"y holds \[4\], not in labels"):
        OrdinalThresholdClassifier(LogisticRegression(), labels=[0, 1, 2, 3]).fit(X, y)
