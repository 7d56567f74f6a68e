"""What comparison and advice say: the same names, nothing impossible, no package needed for it."""

import re
import sys
import warnings
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
from imblearn.under_sampling import RandomUnderSampler
from matplotlib import pyplot as plt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    make_scorer,
)
from sklearn.model_selection import ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from skdr import PretrainedFeatureExtractor
from skdr.model_selection import (
    StrategyAdvice,
    StrategyComparison,
    compare_strategies,
    make_strategies,
    recommend_strategy,
)
from skdr.model_selection._intervals import Interval, on_few_folds
from skdr.model_selection.advice._decision import PredictedScore
from tests.test_advice import evidence_of
from tests.with_keras import tiny_network

X = np.random.default_rng(0).integers(0, 256, size=(24, 10, 10, 3), dtype=np.uint8)
WORDS = np.array(["quince", "rowan"])[np.arange(24) % 2]


class SaysFirst(ClassifierMixin, BaseEstimator):
    """Is right about as many images as one tells it, counted over a whole fold."""

    def __init__(self, share=1.0, fails=False):
        self.share = share
        self.fails = fails

    def fit(self, X, y):
        if self.fails:
            raise MemoryError("no room")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.arange(len(X)) < self.share * len(X)).astype(int)]


def compared(**settings):
    defaults = {
        "y": WORDS,
        "strategies": {"none": SaysFirst(0.0), "half": SaysFirst(0.5)},
        "cv": [(np.arange(4, 24), np.arange(4)), (np.arange(20), np.arange(20, 24))],
        "scoring": "accuracy",
    }
    return compare_strategies(X, **{**defaults, **settings})


@pytest.fixture(scope="module")
def comparison():
    """Two folds, of which one is easy and one is hard: the t interval is far too wide."""
    y = np.r_[np.full(12, "quince"), np.full(12, "rowan")]
    splits = [(np.r_[2:22], np.r_[0:2]), (np.r_[0:11, 13:24], np.r_[11:13])]
    strategies = {"none": SaysFirst(0.0), "all": SaysFirst(1.0)}
    return compared(y=y, cv=splits, strategies=strategies)


@pytest.fixture(scope="module")
def advice():
    strategies = make_strategies(tiny_network, image_size=8, random_state=0)
    return recommend_strategy(X, WORDS, strategies=strategies, cv=2, random_state=0)


@pytest.fixture(params=["comparison", "advice"])
def found(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


# One vocabulary


def test_estimator_is_the_best_strategy_unfitted(found):
    assert found.estimator is found.strategies[found.best]
    assert not hasattr(found.estimator, "classes_")


def test_frame_has_a_row_a_strategy(found):
    frame = found.to_frame()
    assert (frame.index.name, list(frame.index)) == ("strategy", list(found.strategies))


def test_frame_has_the_ends_of_intervals_beside_scores(found):
    metric = next(iter(found.to_frame().columns))
    row = found.to_frame().loc[found.best]
    assert row[f"{metric} low"] <= row[metric] <= row[f"{metric} high"]


def test_text_begins_with_the_conclusion_and_ends_with_reasons(found):
    lines = str(found).splitlines()
    assert lines[0] == found.conclusion
    assert lines[-len(found.reasons) :] == found.reasons


@pytest.mark.parametrize("kind", [StrategyComparison, StrategyAdvice])
def test_no_name_ends_as_those_of_fitted_estimators_do(kind):
    assert not [name for name in vars(kind) if name.endswith("_") and not name.startswith("_")]


def test_repr_is_short(found):
    assert len(repr(found)) < 200
    assert repr(found).startswith(type(found).__name__)


def test_comparison_has_its_strategies_behind_the_sampler():
    found = compared(sampler=RandomUnderSampler(random_state=0), cv=2)
    assert [name for name, _ in found.estimator.steps] == ["sampler", "strategy"]


# No pandas


class NotInstalled:
    """Finds no pandas."""

    def find_spec(self, name, *args):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def no_pandas(monkeypatch):
    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(sys, "meta_path", [NotInstalled(), *sys.meta_path])


def test_text_needs_no_pandas(found, monkeypatch):
    with_pandas = str(found), found._repr_html_()
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert (str(found), found._repr_html_()) == with_pandas


def test_page_needs_no_pandas(found, no_pandas, tmp_path):
    found.to_html(tmp_path / "page.html")
    assert "data:image/png;base64," in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_evidence_needs_no_pandas(advice, no_pandas):
    lines = str(advice.evidence).splitlines()
    assert [line.split()[0] for line in lines] == ["layer", *advice.evidence.pretrained]


def test_comparison_needs_no_pandas(no_pandas):
    assert "highest accuracy" in str(compared(cv=2, sampler=RandomUnderSampler(random_state=0)))


def test_frames_need_pandas_and_say_so(found, no_pandas):
    with pytest.raises(ImportError, match=r'to_frame needs pandas: pip install "skdr\['):
        found.to_frame()


# Nothing impossible


def test_interval_stays_within_what_the_metric_can_be(comparison):
    interval = comparison.interval("none")
    assert (interval.low, interval.high) == (0, 1)


def test_difference_stays_within_the_width_of_the_metric(comparison):
    gap = comparison.difference("none", "all")
    assert (gap.low, gap.high) == (-1, 1)


def test_no_number_in_the_text_is_impossible(found):
    table = str(found._table())
    numbers = [float(n) for n in re.findall(r"(?<![\w+-])\d\.\d{3}", table)]
    assert numbers
    assert all(0 <= n <= 1 for n in numbers)


def test_axes_hardly_leave_what_the_metric_can_be(comparison):
    low, high = comparison.plot().axes_[0].get_xlim()
    assert -0.05 < low <= 0
    assert 1 <= high < 1.05


def test_axes_of_advice_hardly_leave_what_the_metric_can_be(advice):
    by_layer, by_size, by_strategy = advice.plot().axes_
    ends = [*by_layer.get_ylim(), *by_size.get_ylim(), *by_strategy.get_xlim()]
    assert min(ends) > -0.05
    assert max(ends) < 1.05


def test_what_twice_the_images_bring_is_at_most_what_is_missing():
    fold = np.array([-0.01, 0.0, 0.01])
    gain = evidence_of(curve={50: 0.5 + fold, 100: 0.7 + fold, 200: 0.95 + fold}).doubling_gain
    assert (gain.estimate, gain.high) == (pytest.approx(0.05), pytest.approx(0.05))


def test_predicted_score_stays_within_0_and_1():
    assert str(PredictedScore(0.95, 0.2, True)) == "0.950 [0.750, 1.000]"


def test_bounds_do_not_change_what_is_decided():
    wide = np.array([0.2, 0.9, 1.0])
    evidence = evidence_of(pretrained={"block1": wide, "last": wide})
    advice = StrategyAdvice(evidence, {})
    assert advice.predicted_scores["frozen_svm"].standard_error > 0.25


def test_metric_of_no_limits_is_left_alone():
    found = compared(scoring={"points": make_scorer(lambda y_true, y_pred: len(y_true) + 3.0)})
    assert found.interval("half").estimate == 7.0


@pytest.mark.parametrize("n_folds", [2, 3])
def test_few_folds_are_told(n_folds):
    (said,) = on_few_folds(n_folds)
    assert said.startswith(f"{n_folds} folds hardly tell how much scores vary")


@pytest.mark.parametrize("n_folds", [1, 4, 5, 10])
def test_enough_folds_need_no_words(n_folds):
    assert on_few_folds(n_folds) == []


def test_both_tell_of_few_folds(found):
    assert found.reasons[-1].startswith("2 folds hardly tell")


def test_one_fold_has_no_interval():
    found = compared(cv=[(np.arange(20), np.arange(20, 24))])
    assert found.conclusion == "none has the highest accuracy, 0.500 in one fold."


def test_unknown_interval_is_not_printed_as_nan():
    assert str(Interval(np.nan, np.nan, np.nan)) == "-"


# No best


def test_no_best_where_every_strategy_fails_somewhere():
    with pytest.warns(UserWarning, match="fits failed"):
        found = compared(strategies={"a": SaysFirst(fails=True), "b": SaysFirst()}, scoring="f1")
    with pytest.warns(UserWarning, match="No score for 'b' in fold 0 and 1 more by f1: pos_label"):
        assert found.conclusion == "No strategy has a score by f1 in every fold: none is best."
    assert found.reasons[1] == "b has no score by f1 in some folds and is not compared."
    with pytest.raises(ValueError, match="none is best"):
        found.estimator  # noqa: B018


def test_page_without_a_best_strategy(tmp_path):
    with pytest.warns(UserWarning, match="No score"):
        compared(scoring="f1").to_html(tmp_path / "page.html")
    assert "none is best" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_page_of_images_that_no_fold_tests(tmp_path):
    found = compared(cv=ShuffleSplit(2, test_size=4, random_state=0))
    found.to_html(tmp_path / "page.html")
    assert "Worst mistakes" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_page_of_rows_that_are_no_pictures(tmp_path):
    rows = np.random.default_rng(0).random((24, 30))
    found = compare_strategies(rows, WORDS, strategies={"a": SaysFirst()}, cv=2, scoring="accuracy")
    found.to_html(tmp_path / "page.html")
    assert "Worst mistakes" not in (tmp_path / "page.html").read_text(encoding="utf-8")


# Words


def test_page_calls_classes_classes(comparison, monkeypatch, tmp_path):
    labels = []
    save = plt.Figure.savefig
    monkeypatch.setattr(
        plt.Figure,
        "savefig",
        lambda self, *args, **kw: (
            labels.extend(axis.get_ylabel() for axis in self.axes),
            save(self, *args, **kw),
        ),
    )
    comparison.to_html(tmp_path / "page.html")
    assert "True class" in labels
    assert not [label for label in labels if "grade" in label]


def test_labels_print_as_plain_values(found, tmp_path):
    found.to_html(tmp_path / "page.html")
    shown = str(found) + repr(found) + (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "np." not in shown


def test_failure_names_plain_values():
    class Strange(SaysFirst):
        def predict(self, X):
            return np.full(len(X), np.array(["zinnia"]))

    with pytest.raises(RuntimeError, match=r"predicted 'zinnia', .* of \['quince', 'rowan'\]"):
        compared(strategies={"a": Strange()})


# Warnings


def lines_of_warnings(caught):
    return {(Path(w.filename).name, w.lineno) for w in caught}


def this_line():
    frame = sys._getframe(1)
    return Path(__file__).name, frame.f_lineno


def test_warning_of_a_comparison_points_at_the_line_that_compares():
    strategies = {"a": SaysFirst(fails=True), "b": SaysFirst()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compare_strategies(X, WORDS, strategies=strategies, cv=2, scoring="accuracy"); line = this_line()  # noqa: E501, E702  # fmt: skip
    assert lines_of_warnings(caught) == {line}


def test_warning_of_a_score_points_at_the_line_that_asks_for_it():
    found = compared(scoring="f1")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        str(found); line = this_line()  # noqa: E702  # fmt: skip
    assert lines_of_warnings(caught) == {line}


def test_warning_within_cross_validation_points_at_the_line_that_cross_validates():
    rows = np.random.default_rng(0).random((24, 30))
    extractor = PretrainedFeatureExtractor(tiny_network, weights=None, image_size=8)
    pipeline = make_pipeline(extractor, LogisticRegression())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_val_score(pipeline, rows, WORDS, cv=2); line = this_line()  # noqa: E702  # fmt: skip
    assert lines_of_warnings([w for w in caught if "no square image" in str(w.message)]) == {line}
