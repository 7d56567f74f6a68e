"""scikit-learn's callbacks see the phases and epochs of a fit, inside a grid too."""

import importlib.util

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from tests.with_keras import tiny_network

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has no callbacks yet")


class Listener:
    """Notes what it is told, and asks to stop after tasks of some name."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.ended, self.fitted, self.torn_down = [], [], [], 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.ended.append(context.task_name)
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
        return context.task_name == self.stop_after


def fine_tuned(**settings):
    return FineTunedCNNClassifier(
        tiny_network, image_size=24, trainable=1, head_epochs=3, head_learning_rate=0.02,
        epochs=2, C=1.0, random_state=0, **settings,
    )  # fmt: skip


def scratch(**settings):
    return ScratchCNNClassifier(
        tiny_network, image_size=24, epochs=3, learning_rate=0.02, random_state=0, **settings
    )


def test_phases_and_epochs_are_told_in_order(coloured):
    listener = Listener()
    fine_tuned().set_callbacks(listener).fit(*coloured)
    assert listener.begun == ["fit", "head", *["epoch"] * 3, "fine_tune", *["epoch"] * 2]
    assert listener.ended == [*["epoch"] * 3, "head", *["epoch"] * 2, "fine_tune", "fit"]


def test_epochs_are_told_inside_a_grid_over_a_pipeline(coloured):
    listener = Listener()
    pipeline = Pipeline([("nothing", FunctionTransformer()), ("net", scratch())])
    search = GridSearchCV(pipeline, {"net__epochs": [1, 2]}, cv=2, error_score="raise")
    with pytest.warns(UserWarning, match="FunctionTransformer does not support callbacks"):
        search.set_callbacks(listener).fit(*coloured)
    refitted = search.best_params_["net__epochs"]
    assert listener.ended.count("epoch") == 2 * (1 + 2) + refitted
    assert listener.torn_down == 1


def test_extractor_takes_callbacks_in_a_pipeline(coloured, recwarn):
    listener = Listener()
    pipeline = make_pipeline(
        PretrainedFeatureExtractor(tiny_network, image_size=24), LogisticRegression()
    )
    pipeline.set_callbacks(listener).fit(*coloured)
    assert not [w for w in recwarn if "does not support callbacks" in str(w.message)]
    assert len(listener.begun) == len(listener.ended)


def test_asked_to_stop_after_an_epoch_a_phase_ends(coloured):
    classifier = fine_tuned().set_callbacks(Listener("epoch")).fit(*coloured)
    assert classifier.history_["phase"] == ["head", "fine_tune"]


def test_asked_to_stop_after_a_phase_no_other_begins(coloured):
    classifier = fine_tuned().set_callbacks(Listener("head")).fit(*coloured)
    assert classifier.history_["phase"] == ["head"] * 3


def test_estimator_of_an_epoch_predicts_as_training_then_stood(coloured):
    listener = Listener()
    classifier = scratch().set_callbacks(listener).fit(*coloured)
    shorter = scratch().set_params(epochs=1).fit(*coloured)
    X = coloured[0]
    for fitted, expected in [(listener.fitted[-1], classifier), (listener.fitted[0], shorter)]:
        np.testing.assert_allclose(
            fitted.predict_proba(X), expected.predict_proba(X), rtol=1e-4, atol=1e-6
        )


def test_callbacks_change_nothing(coloured):
    told = fine_tuned().set_callbacks(Listener()).fit(*coloured)
    alone = fine_tuned().fit(*coloured)
    assert told.history_ == alone.history_


def test_failed_fit_is_torn_down(coloured):
    listener = Listener()
    with pytest.raises(ValueError, match="diverged"):
        scratch(optimizer=keras.optimizers.SGD()).set_params(learning_rate=1e30).set_callbacks(
            listener
        ).fit(*coloured)
    assert listener.torn_down == 1


def test_scoring_monitor_draws_a_learning_curve(coloured):
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    scratch().set_callbacks(monitor).fit(*coloured)
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "epoch", "neg_log_loss"].to_numpy()
    assert len(scores) == 3
    assert scores[2] > scores[0]


@pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="rich draws the bars")
def test_progress_bar_shows_the_phases_inside_a_grid(coloured, capsys):
    search = GridSearchCV(fine_tuned(), {"C": [1.0]}, cv=2).set_callbacks(
        callback.ProgressBar(max_propagation_depth=None)
    )
    search.fit(*coloured)
    shown = capsys.readouterr().out
    assert "FineTunedCNNClassifier - fine_tune" in shown
