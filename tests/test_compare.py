"""Strategies on the same folds: fitted once, scored on what they said, told apart or not."""

import shutil
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pandas as pd
import pytest
from imblearn.under_sampling import RandomUnderSampler
from matplotlib import pyplot as plt
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import ShuffleSplit, StratifiedGroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skdr import (
    FineTunedCNNClassifier,
    LeakageWarning,
    PretrainedFeatureExtractor,
    as_image_column,
)
from skdr.model_selection import StrategyComparisonDisplay, compare_strategies
from skdr.model_selection._intervals import corrected_interval
from skdr.model_selection.comparison import _compare
from skdr.model_selection.comparison._folds import fit_fold
from tests.with_keras import tiny_network


class Constant(ClassifierMixin, BaseEstimator):
    """Says one class of all."""

    def __init__(self, k=0, fails_on=()):
        self.k = k
        self.fails_on = fails_on

    def fit(self, X, y):
        if X[0, 0].sum() in self.fails_on:
            raise MemoryError("no room")
        self.classes_, self.counts_ = np.unique(y, return_counts=True)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.k])


@pytest.fixture
def fits(monkeypatch):
    """Count the fits."""
    done = []

    def noted(*args):
        done.append(args)
        return fit_fold(*args)

    monkeypatch.setattr(_compare, "fit_fold", noted)
    return done


@pytest.fixture
def data(coloured):
    X, y = coloured
    return {"X": X, "y": y, "groups": np.arange(60) // 2 % 30, "cv": 3, "random_state": 0}


def svm(layer="last", **kwargs):
    extractor = PretrainedFeatureExtractor(
        tiny_network, weights=None, layer=layer, image_size=16, random_state=0
    )
    return make_pipeline(extractor, SVC(kernel="linear", **kwargs))


def logistic():
    return make_pipeline(svm()[0], LogisticRegression())


def test_scores_are_those_of_cross_validate(data):
    transfer = FineTunedCNNClassifier(
        tiny_network, weights=None, trainable="head", image_size=16, random_state=0, head_epochs=3
    )
    scoring = {"accuracy": "accuracy", "loss": "neg_log_loss"}
    found = compare_strategies(**data, strategies={"transfer": transfer}, scoring=scoring)
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    X, y, groups = as_image_column(data["X"]), data["y"], data["groups"]
    expected = cross_validate(transfer, X, y, groups=groups, cv=folds, scoring=scoring)
    for metric in scoring:
        np.testing.assert_allclose(
            found.scores[metric]["transfer"], expected[f"test_{metric}"], rtol=1e-5
        )


def test_decision_values_serve_where_there_are_no_probabilities(data):
    found = compare_strategies(**data, strategies={"svm": svm()}, scoring="roc_auc_ovr")
    assert found.probabilities("svm") is None
    with pytest.warns(UserWarning, match="No score for 'svm' in fold 0"):
        assert np.isnan(found.scores["roc_auc_ovr"]["svm"]).all()


def test_patients_are_on_one_side(data):
    found = compare_strategies(**data, strategies={"a": Constant()}, scoring="accuracy")
    for train, test in found.splits:
        assert not set(data["groups"][train]) & set(data["groups"][test])


def test_copies_of_an_image_in_two_folds_are_told(data):
    data = {**data, "X": data["X"].copy(), "groups": None}
    data["X"][31] = data["X"][4]
    splits = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]
    with pytest.warns(LeakageWarning, match=r"2 of 60 images .* same image: X\[4, 31\]"):
        compare_strategies(
            **{**data, "cv": splits}, strategies={"a": Constant()}, scoring="accuracy"
        )


def test_patients_in_two_folds_are_told(data):
    splits = [(np.arange(1, 60), np.arange(1))]
    with pytest.warns(LeakageWarning, match=r"1 of 60 images .* same patient: X\[0\]"):
        compare_strategies(
            **{**data, "cv": splits}, strategies={"a": Constant()}, scoring="accuracy"
        )


def test_an_image_without_a_patient_is_refused(data):
    patients = [None, *data["groups"][1:]]
    with pytest.raises(ValueError, match="no patient at positions 0"):
        compare_strategies(**{**data, "groups": patients}, strategies={"a": Constant()})


def test_frames_of_numbers_are_told_apart_in_a_folder(data, tmp_path):
    """Where no column is known to hold images, all of the frame is compared."""

    class Sum(Constant):
        def predict(self, X):
            return self.classes_[(X["a"].to_numpy() > 0).astype(int)]

        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

    settings = {**data, "strategies": {"a": Sum()}, "scoring": "accuracy", "folder": tmp_path}
    scores = []
    for shift in (0, 1000):
        frame = pd.DataFrame({"a": np.arange(60) - 30 + shift, "b": 0})
        found = compare_strategies(**{**settings, "X": frame})
        scores.append(found.predictions("a").tolist())
    assert scores[0] != scores[1]


def test_sampler_works_inside_the_training_folds_only(data):
    rare = np.flatnonzero((data["y"] > 0) | (np.arange(60) < 30))
    X, y, groups = (data[name][rare] for name in ("X", "y", "groups"))

    class Balanced(Constant):
        def fit(self, X, y):
            assert len(set(np.unique(y, return_counts=True)[1])) == 1
            return super().fit(X, y)

    found = compare_strategies(
        X, y, groups=groups, cv=3, random_state=0, strategies={"a": Balanced()},
        sampler=RandomUnderSampler(random_state=0), scoring="accuracy",
    )  # fmt: skip
    assert sum(len(test) for _, test in found.splits) == len(y)
    assert len(found.predictions("a")) == len(y)


def test_out_of_fold_probabilities(data):
    found = compare_strategies(**data, strategies={"a": logistic()}, scoring="accuracy")
    probabilities = found.probabilities("a")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(found.predictions("a"), probabilities.argmax(axis=1))
    train, test = found.splits[1]
    X = as_image_column(data["X"])
    expected = logistic().fit(X[train], data["y"][train]).predict_proba(X[test])
    np.testing.assert_allclose(probabilities[test], expected, atol=1e-6)


def test_single_precision_does_not_pass_for_a_wrong_sum(data, recwarn):
    """As probabilities of float32 add up to 1, to float32's rounding, so do those returned."""
    found = compare_strategies(**data, strategies={"lr": logistic()}, scoring="neg_log_loss")
    from_all = log_loss(data["y"], found.probabilities("lr"))
    assert from_all == pytest.approx(-found.interval("lr").estimate, abs=1e-6)
    assert not [str(w.message) for w in recwarn if "sum to one" in str(w.message)]


def test_labels_may_be_names(data):
    names = np.array(["rose", "daisy", "tulip"])[data["y"]]
    found = compare_strategies(
        **{**data, "y": names}, strategies={"a": logistic()}, scoring="accuracy"
    )
    assert np.mean(found.predictions("a") == names) > 0.9


def test_class_that_a_training_fold_lacks_has_probability_zero(coloured):
    X, y = coloured[0], np.r_[np.zeros(30), np.ones(28), 2, 2].astype(int)
    splits = [(np.arange(58), np.arange(58, 60)), (np.arange(2, 60), np.arange(2))]
    found = compare_strategies(X, y, cv=splits, strategies={"a": logistic()}, scoring="accuracy")
    assert (found.results["a", 0].known == [0, 1]).all()
    with pytest.raises(ValueError, match="no prediction for 56 of 60 images"):
        found.probabilities("a")


def test_one_failure_loses_nothing_else(data):
    parts = np.arange(60).reshape(3, 20)
    splits = [(np.setdiff1d(np.arange(60), part), part) for part in parts]
    splits[2] = (splits[2][0][::-1], splits[2][1])
    data["cv"] = splits
    strategies = {"weak": Constant(fails_on=[data["X"][39].sum()]), "svm": svm()}
    with pytest.warns(
        UserWarning, match=r"fits failed \(weak\), the first with MemoryError: no room"
    ):
        found = compare_strategies(**data, strategies=strategies, scoring="accuracy")
    frame = found.folds_to_frame()
    assert frame["error"].tolist() == ["", "", "MemoryError: no room", "", "", ""]
    assert found.best == "svm"
    assert "weak failed in some folds and is not compared." in found.reasons


def test_failure_of_all_is_raised_with_its_traceback(data):
    with pytest.raises(RuntimeError, match=r"(?s)Every fit failed.*in fit.*no room"):
        compare_strategies(**data, strategies={"a": Constant(fails_on=range(10**7))})


@pytest.mark.parametrize(
    ("change", "match"),
    [({"y": np.zeros(59)}, "Lengths differ"), ({"groups": np.zeros(3)}, "Lengths differ"),
     ({"strategies": {}}, "strategies is empty"), ({"y": np.linspace(0, 1, 60)}, "continuous"),
     ({"scoring": ["accuracy", "acuracy"]}, "'acuracy'"),
     ({"scoring": {"accuracy": accuracy_score}}, "metric function rather than a scorer"),
     ({"scoring": []}, "scoring is empty")],
)  # fmt: skip
def test_bad_input_is_told_before_any_fit(data, fits, change, match):
    with pytest.raises(ValueError, match=match):
        compare_strategies(**{**data, "strategies": {"a": Constant()}, **change})
    assert not fits


def test_metrics_may_be_a_list(data):
    names = ["balanced_accuracy", "accuracy"]
    found = compare_strategies(**data, strategies={"a": Constant()}, scoring=names)
    assert (found.metric, list(found.scores)) == ("balanced_accuracy", names)


def test_finished_fits_are_not_done_again(data, fits, tmp_path):
    strategies = {"a": Constant(), "b": Constant(k=1)}
    first = compare_strategies(**data, strategies=strategies, folder=tmp_path, scoring="accuracy")
    again = compare_strategies(
        **data, strategies=strategies, folder=tmp_path, scoring="balanced_accuracy"
    )
    assert len(fits) == 6
    np.testing.assert_array_equal(first.predictions("b"), again.predictions("b"))


def test_interrupted_comparison_goes_on(data, fits, tmp_path, monkeypatch):
    arguments = {**data, "folder": tmp_path, "scoring": "accuracy"}
    arguments["strategies"] = {"a": Constant(), "b": Constant(k=1)}
    noted = _compare.fit_fold

    def interrupted(*args):
        if len(fits) == 4:
            raise KeyboardInterrupt
        return noted(*args)

    monkeypatch.setattr(_compare, "fit_fold", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare_strategies(**arguments)
    monkeypatch.setattr(_compare, "fit_fold", noted)
    compare_strategies(**arguments)
    assert len(fits) == 6


def test_fits_that_are_lost_with_a_process_are_done_again(data, fits, monkeypatch):
    in_parallel = _compare._Fits._in_parallel

    def dies_after_two(self, jobs, n_jobs):
        yield from in_parallel(self, jobs[:2], n_jobs)
        if len(jobs) > 2:
            raise BrokenProcessPool("killed")

    monkeypatch.setattr(_compare._Fits, "_in_parallel", dies_after_two)
    strategies = {"a": Constant(), "b": Constant(k=1)}
    died = "A process died.*; {} fits that were not finished"
    with (
        pytest.warns(UserWarning, match=died.format(4)),
        pytest.warns(UserWarning, match=died.format(2)),
    ):
        found = compare_strategies(**data, strategies=strategies, scoring="accuracy")
    assert len(fits) == 6
    assert list(found.results) == [(name, fold) for name in strategies for fold in range(3)]


def test_fit_that_kills_every_process_is_given_up(data, monkeypatch):
    deaths = []

    def dies(self, jobs, n_jobs):
        deaths.append(jobs)
        yield from ()
        raise BrokenProcessPool("killed")

    monkeypatch.setattr(_compare._Fits, "_in_parallel", dies)
    with pytest.warns(UserWarning, match="A process died"), pytest.raises(BrokenProcessPool):
        compare_strategies(**data, strategies={"a": Constant()}, scoring="accuracy")
    assert len(deaths) == 3


@pytest.mark.parametrize("change", ["image", "label", "strategy", "split"])
def test_whatever_changes_is_done_again(data, fits, change, tmp_path):
    strategies = {"a": Constant()}
    arguments = {**data, "folder": tmp_path, "scoring": "accuracy"}
    compare_strategies(**arguments, strategies=strategies)
    if change == "image":
        arguments["X"] = data["X"].copy()
        arguments["X"][7] += 1
    elif change == "label":
        arguments["y"] = np.roll(data["y"], 1)
    elif change == "split":
        arguments["random_state"] = 1
    else:
        strategies = {"a": Constant(k=1)}
    compare_strategies(**arguments, strategies=strategies)
    assert len(fits) == 6


def test_damaged_file_is_done_again_with_a_warning(data, fits, tmp_path):
    arguments = {**data, "strategies": {"a": Constant()}, "folder": tmp_path, "scoring": "accuracy"}
    compare_strategies(**arguments)
    next(iter(tmp_path.glob("*.npz"))).write_bytes(b"PK something else")
    with pytest.warns(UserWarning, match="is damaged"):
        compare_strategies(**arguments)
    assert len(fits) == 4


def test_full_disk_costs_no_fit(data, fits, full_disk, tmp_path):
    arguments = {**data, "strategies": {"a": Constant()}, "scoring": "accuracy"}
    kept_nowhere = compare_strategies(**arguments).predictions("a")
    fits.clear()
    with full_disk(100), pytest.warns(UserWarning, match="A fit is not kept in .*File too large"):
        found = compare_strategies(**arguments, folder=tmp_path)
    np.testing.assert_array_equal(found.predictions("a"), kept_nowhere)
    assert len(fits) == 3
    assert not list(tmp_path.iterdir())


def test_two_jobs_say_what_one_says(data):
    alone, together = (
        compare_strategies(**data, strategies={"a": logistic()}, n_jobs=n, scoring="accuracy")
        for n in (1, 2)
    )
    np.testing.assert_allclose(together.probabilities("a"), alone.probabilities("a"), atol=1e-5)


def test_interval_is_that_of_nadeau_and_bengio():
    values = np.array([0.5, 0.6, 0.7, 0.6, 0.5])
    error = values.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    low, high = stats.t.interval(0.95, 4, values.mean(), error)
    found = corrected_interval(values, 0.25)
    assert (found.estimate, found.low, found.high) == pytest.approx((values.mean(), low, high))


def test_differences_are_paired(data):
    cv = ShuffleSplit(6, test_size=0.3, random_state=0)
    strategies = {"svm": svm(), "same": svm(), "constant": Constant()}
    settings = {**data, "groups": None, "cv": cv}
    found = compare_strategies(**settings, strategies=strategies, scoring="accuracy")
    same = found.difference("svm", "same")
    assert (same.low, same.high) == (0, 0)
    assert found.difference("svm", "constant").low > 0
    assert any("svm is better than constant" in said for said in found.reasons)
    assert any("svm and same cannot be told apart" in said for said in found.reasons)


def test_grades_have_the_metrics_of_grading(data):
    grades = np.arange(60) % 5
    found = compare_strategies(
        **{**data, "y": grades, "groups": None}, strategies={"a": logistic()}
    )
    assert list(found.scoring) == ["balanced accuracy", "quadratic kappa", "referable AUC"]


def test_tables(data):
    found = compare_strategies(
        **data, strategies={"<a>": Constant(), "svm": svm()}, scoring="accuracy"
    )
    assert list(found.folds_to_frame().columns) == [
        "strategy", "fold", "accuracy", "fit_seconds", "predict_seconds", "n_train", "n_test",
        "error",
    ]  # fmt: skip
    assert list(found.to_frame().index) == ["<a>", "svm"]
    assert "svm has the highest accuracy" in str(found)
    assert "<a>" not in found._repr_html_()


def test_plot_shows_every_fold(data):
    found = compare_strategies(
        **data, strategies={"a": Constant(), "svm": svm()}, scoring="accuracy"
    )
    display = found.plot()
    assert isinstance(display, StrategyComparisonDisplay)
    drawn = [line.get_xdata() for line in display.axes_[0].lines if len(line.get_xdata()) == 3]
    np.testing.assert_array_equal(drawn, list(found.scores["accuracy"].values()))
    plt.close(display.figure_)


@pytest.fixture
def both_eyes(data, tmp_path):
    """Return paths in two columns, and how to compare a model on them."""
    from PIL import Image

    paths = [str(tmp_path / f"{i}.png") for i in range(60)]
    for path, image in zip(paths, data["X"], strict=True):
        Image.fromarray(image).save(path)
    frame = pd.DataFrame({"eye": paths, "fellow": np.roll(paths, 3), "age": np.arange(60)})

    def compare(frame):
        probes = {column: logistic() for column in ("eye", "fellow")}
        for column, probe in probes.items():
            probe[0].set_params(image_column=column)
        strategies = {"both": VotingClassifier(list(probes.items()), voting="soft")}
        return compare_strategies(
            frame, data["y"], strategies=strategies, cv=2, scoring="accuracy",
            sampler=RandomUnderSampler(random_state=0), folder=tmp_path / "fits", random_state=0,
        )  # fmt: skip

    return frame, compare


def test_frame_of_paths_and_more(both_eyes):
    frame, compare = both_eyes
    assert compare(frame).interval("both").estimate > 0.8


@pytest.mark.parametrize("column", ["eye", "fellow", "age"])
def test_any_column_that_changes_is_looked_at(both_eyes, fits, column):
    frame, compare = both_eyes
    compare(frame)
    compare(frame.copy())
    assert len(fits) == 2
    compare(frame.assign(**{column: np.roll(frame[column], 1)}))
    assert len(fits) == 4


def test_file_of_any_column_that_changes_is_looked_at(both_eyes, fits):
    frame, compare = both_eyes
    frame["fellow"] = [shutil.copy(path, f"{path}.copy.png") for path in frame["fellow"]]
    compare(frame)
    shutil.copy(frame["fellow"][0], frame["fellow"][7])
    compare(frame)
    assert len(fits) == 4


@pytest.fixture
def page(data, tmp_path):
    def write(**change):
        arguments = {"strategies": {"<b>a": Constant(), "svm": svm()}, "scoring": "accuracy"}
        compare_strategies(**{**data, **arguments, **change}).to_html(tmp_path / "page.html")
        return (tmp_path / "page.html").read_text(encoding="utf-8")

    return write


def test_page_escapes_names_and_loads_nothing(page, data):
    names = np.array(["<i>rose", "daisy", "tulip"])[data["y"]]
    text = page(y=names)
    assert "&lt;b&gt;a" in text
    assert "<b>a" not in text
    assert "<i>rose" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert text.count("data:image/png;base64,") >= 3


def test_page_shows_reliability_of_grades(page):
    text = page(y=np.arange(60) % 5, groups=None, strategies={"a": logistic()})
    assert "Reliability of a" in text
    assert "Worst mistakes of a" in text


def test_page_shows_errors(page, data):
    broken = Constant(fails_on=range(10**7))
    with pytest.warns(UserWarning, match="fits failed"):
        text = page(strategies={"broken": broken, "svm": svm()})
    assert "MemoryError: no room" in text
