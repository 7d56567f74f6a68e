"""The report of all metrics, and the displays."""

import sys

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression

from skdr.metrics import (
    GradeConfusionDisplay,
    GradingReport,
    ReliabilityDisplay,
    bootstrap_interval,
    quadratic_weighted_kappa,
    referable_reliability_curve,
    referable_sensitivity,
)

rng = np.random.default_rng(0)
Y = rng.integers(5, size=100)
P = 0.5 * rng.dirichlet(np.ones(5), size=100) + 0.5 * np.eye(5)[Y]
GRADES = P.argmax(axis=1)
PATIENTS = np.arange(100) // 2
SETTINGS = {"n_resamples": 50, "random_state": 0}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_intervals_are_those_of_each_metric():
    report = GradingReport.from_predictions(Y, y_proba=P, groups=PATIENTS, **SETTINGS)
    alone = bootstrap_interval(quadratic_weighted_kappa, Y, GRADES, groups=PATIENTS, **SETTINGS)
    in_report = report.intervals["quadratic weighted kappa"]
    assert (in_report.estimate, in_report.low) == (alone.estimate, alone.low)


def test_predicted_grades_need_not_be_the_most_probable():
    report = GradingReport.from_predictions(Y, Y, y_proba=P, **SETTINGS)
    assert report.intervals["accuracy"].estimate == 1.0


def test_grades_alone_leave_out_what_needs_probabilities():
    report = GradingReport.from_predictions(Y, GRADES, **SETTINGS)
    assert report.reliability is None
    assert not any("AUC" in name or "Brier" in name for name in report.intervals)


def test_scores_give_the_auc_alone():
    report = GradingReport.from_predictions(Y, GRADES, y_score=Y, **SETTINGS)
    assert report.intervals["referable ROC AUC"].estimate == 1.0
    assert "referable Brier score" not in report.intervals


def test_referral_at_a_threshold():
    report = GradingReport.from_predictions(Y, y_proba=P, threshold=0.2, **SETTINGS)
    expected = referable_sensitivity(Y, P, threshold=0.2)
    assert report.intervals["referable sensitivity"].estimate == expected


def test_threshold_needs_probabilities():
    with pytest.raises(ValueError, match="give y_proba too"):
        GradingReport.from_predictions(Y, GRADES, threshold=0.2)


def test_report_needs_predictions():
    with pytest.raises(ValueError, match="Give y_pred, y_proba or both"):
        GradingReport.from_predictions(Y)


def test_report_of_an_estimator():
    model = LogisticRegression(max_iter=500).fit(P, Y)
    report = GradingReport.from_estimator(model, P, Y, **SETTINGS)
    assert report.intervals["accuracy"].estimate == model.score(P, Y)


def test_report_of_a_scale_of_words():
    words = np.array(["none", "mild", "severe"])
    y = words[np.arange(60) % 3]
    report = GradingReport.from_predictions(y, y, labels=words, referable_from="severe", **SETTINGS)
    assert report.intervals["referable sensitivity"].estimate == 1.0
    assert report.intervals["recall of severe"].estimate == 1.0


def test_text_says_what_was_resampled():
    text = str(GradingReport.from_predictions(Y, GRADES, groups=PATIENTS, **SETTINGS))
    assert text.startswith("100 images of 50 patients; 95% intervals by resampling patients.")
    assert "recall of 4 proliferative" in text


def test_text_marks_what_is_undefined_in_some_resamples():
    y = np.array([0] * 19 + [4])
    text = str(GradingReport.from_predictions(y, y, n_resamples=200, random_state=0))
    line = next(line for line in text.splitlines() if line.startswith("recall of 4"))
    assert line.endswith("*")
    assert "* Undefined in some resamples" in text


def test_html_escapes_labels():
    labels = ["<b>", "&"]
    report = GradingReport.from_predictions(
        ["<b>", "&"] * 5, ["<b>", "&"] * 5, labels=labels, referable_from="&", **SETTINGS
    )
    html = report._repr_html_()
    assert "<b>" not in html
    assert "recall of &lt;b&gt;" in html


def test_frame_has_a_row_a_metric():
    report = GradingReport.from_predictions(Y, y_proba=P, **SETTINGS)
    frame = report.to_frame()
    assert list(frame.columns) == ["estimate", "low", "high", "undefined"]
    assert frame.loc["accuracy", "estimate"] == (Y == GRADES).mean()
    assert len(frame) == len(report.intervals)


def test_frame_without_pandas_names_the_extra(monkeypatch):
    report = GradingReport.from_predictions(Y, GRADES, **SETTINGS)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skdr\[dataframes\]"):
        report.to_frame()


def test_plot_without_matplotlib_names_the_extra(monkeypatch):
    report = GradingReport.from_predictions(Y, GRADES, **SETTINGS)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'GradeConfusionDisplay needs .* "skdr\[plots\]"'):
        report.confusion.plot()


def test_confusion_shows_shares_of_the_true_grade_and_counts():
    display = GradeConfusionDisplay.from_predictions([0, 0, 0, 0, 2], [0, 0, 0, 1, 2])
    np.testing.assert_array_equal(display.confusion_matrix[0], [3, 1, 0, 0, 0])
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts[:3] == ["75%\n(3)", "25%\n(1)", "0"]
    assert texts[5:10] == ["-"] * 5  # no image of grade 1


def test_confusion_names_the_grades():
    display = GradeConfusionDisplay.from_predictions([0, 1], [0, 1])
    names = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert names == ["0 none", "1 mild", "2 moderate", "3 severe", "4 proliferative"]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [((0, 1, 2, 3, 4), "grade"), (["rose", "tulip"], "class"), ([0, 1], "class")],
)
def test_confusion_calls_grades_alone_grades(labels, kind):
    display = GradeConfusionDisplay.from_predictions(labels, labels, labels=labels)
    shown = display.ax_.get_xlabel(), display.ax_.get_ylabel()
    assert shown == (f"Predicted {kind}", f"True {kind}")


def test_report_of_a_scale_of_words_calls_them_grades():
    words = ["none", "mild", "severe"]
    report = GradingReport.from_predictions(
        words * 5, words * 5, labels=words, referable_from="severe", **SETTINGS
    )
    assert report.confusion.plot().ax_.get_ylabel() == "True grade"


def test_reliability_calls_classes_classes():
    y, labels = np.array(["rose", "tulip"])[Y % 2], ["rose", "tulip"]
    proba = np.column_stack([P[:, 0], 1 - P[:, 0]])
    display = ReliabilityDisplay.from_predictions(
        y, proba, event="grade", labels=labels, **SETTINGS
    )
    assert display.ax_.get_xlabel() == "Mean probability of the predicted class"


def test_intervals_stay_within_what_metrics_can_be():
    """Percentiles of resamples cannot leave it, nor can those of the reliability curve."""
    report = GradingReport.from_predictions(Y[:8], y_proba=P[:8], n_resamples=200, random_state=0)
    shares = {n: i for n, i in report.intervals.items() if "error" not in n and "Brier" not in n}
    assert all(i.low >= -1 and i.high <= 1 for i in shares.values() if np.isfinite(i.estimate))
    low, high = report.reliability.low, report.reliability.high
    assert np.nanmin(low) >= 0
    assert np.nanmax(high) <= 1


def test_table_needs_no_pandas(monkeypatch):
    report = GradingReport.from_predictions(Y, GRADES, **SETTINGS)
    with_pandas = str(report), report._repr_html_()
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert (str(report), report._repr_html_()) == with_pandas


def test_labels_of_numpy_print_as_plain_values():
    labels = list(np.array(["none", "mild"]))
    with pytest.raises(ValueError, match=r"y_proba has 3 columns and labels=\['none', 'mild'\]"):
        GradingReport.from_predictions(labels, y_proba=np.full((2, 3), 1 / 3), labels=labels)


def test_confusion_needs_a_name_for_each_grade():
    with pytest.raises(ValueError, match="names 2 grades and there are 5"):
        GradeConfusionDisplay.from_predictions([0, 1], [0, 1], display_labels=["no", "yes"])


def test_displays_draw_on_the_axes_given():
    model = LogisticRegression(max_iter=500).fit(P, Y)
    figure, axes = plt.subplots(1, 2)
    confusion = GradeConfusionDisplay.from_estimator(model, P, Y, ax=axes[0])
    reliability = ReliabilityDisplay.from_estimator(model, P, Y, ax=axes[1], **SETTINGS)
    assert (confusion.ax_, reliability.ax_) == tuple(axes)
    assert figure.axes == list(axes)


def test_reliability_holds_the_curve_and_its_intervals():
    display = ReliabilityDisplay.from_predictions(Y, P, groups=PATIENTS, **SETTINGS)
    expected = referable_reliability_curve(Y, P)
    np.testing.assert_array_equal(display.curve.observed, expected.observed)
    filled = expected.weight > 0
    assert (display.low[filled] <= expected.observed[filled]).all()
    assert (display.high[filled] >= expected.observed[filled]).all()


def test_reliability_of_an_unknown_event_is_refused():
    with pytest.raises(ValueError, match="event='severe' must be 'referable' or 'grade'"):
        ReliabilityDisplay.from_predictions(Y, P, event="severe")
