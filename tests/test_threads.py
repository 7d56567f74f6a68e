"""Threads that fit and predict at once neither wait for each other nor change what comes out."""

import asyncio
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import Future

import joblib
import keras
import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    clear_feature_cache,
    clear_networks,
    feature_cache_info,
)
from skdr.exceptions import ImageDecodeError
from skdr.features._frozen_features import FrozenFeatures
from skdr.networks import build_backbone
from skdr.runtime import _forward
from skdr.runtime._forward import ForwardPass
from skdr.runtime._keras_internals import keras_seed
from skdr.runtime._stateless import Stateless
from tests.with_keras import tiny_network

SETTINGS = {"image_size": 16, "random_state": 0, "batch_size": 16}
LONG = 60  # seconds: what takes so long waits forever


def fine_tuned(**kwargs):
    settings = {**SETTINGS, "trainable": 1, "head_epochs": 3, "epochs": 2, **kwargs}
    return FineTunedCNNClassifier(tiny_network, **settings)


def scratch(**kwargs):
    return ScratchCNNClassifier(tiny_network, **{**SETTINGS, "epochs": 2, **kwargs})


def extractor(**kwargs):
    return PretrainedFeatureExtractor(tiny_network, **{**SETTINGS, **kwargs})


def until_a_thread_waits_in(function, innermost="wait"):
    """Return when another thread stands in a function, in one that it calls to wait."""
    for _ in range(100 * LONG):
        for thread, frame in sys._current_frames().items():
            names = [each.f_code.co_name for each, _ in traceback.walk_stack(frame)]
            if thread != threading.get_ident() and function in names and names[0] == innermost:
                return
        time.sleep(0.01)
    raise AssertionError(f"no thread waits in {function}")


def begin(function, *args):
    """Call a function in a thread, which keeps nobody waiting if it never ends."""
    future = Future()

    def run():
        try:
            future.set_result(function(*args))
        except BaseException as exc:
            future.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return future


def in_threads(function, arguments, n_threads=8):
    """Call a function for each of some arguments, from threads that begin together."""
    barrier = threading.Barrier(n_threads)

    def call_for(share):
        barrier.wait(LONG)
        return [function(argument) for argument in share]

    shares = [begin(call_for, arguments[i::n_threads]) for i in range(n_threads)]
    results = [share.result(LONG) for share in shares]
    return [results[i % n_threads][i // n_threads] for i in range(len(arguments))]


def one_by_one(X):
    return [X[i : i + 1] for i in range(24)]


@pytest.fixture(autouse=True)
def forget():
    clear_networks()
    clear_feature_cache()


@pytest.fixture
def compiled(monkeypatch):
    """List the networks that were compiled to be run."""
    names = []
    plain = _forward.compile_with_keras

    def compile_network(network):
        names.append(network.name)
        time.sleep(0.05)  # time for another thread to come by
        return plain(network)

    monkeypatch.setattr(_forward, "compile_with_keras", compile_network)
    return names


# Predictions


@pytest.mark.parametrize(("trainable", "n_networks"), [(1, 1), ("head", 2)])
def test_threads_compile_a_classifier_once(trainable, n_networks, coloured, compiled):
    classifier = fine_tuned(trainable=trainable, cache=None).fit(*coloured)
    loaded = pickle.loads(pickle.dumps(classifier))
    compiled.clear()
    in_threads(loaded.predict_proba, one_by_one(coloured[0]))
    assert len(compiled) == n_networks  # with "head", that of the features too


def test_classifiers_of_one_configuration_are_compiled_once(coloured, compiled):
    X, y = coloured
    classifiers = [scratch().fit(X, (y + shift) % 3) for shift in range(3)]
    compiled.clear()
    in_threads(lambda classifier: classifier.predict(X), classifiers * 8)
    assert len(compiled) == 1


def test_threads_compile_an_extractor_once(coloured, compiled):
    fitted = extractor(cache=None).fit(coloured[0])
    in_threads(fitted.transform, one_by_one(coloured[0]))
    assert len(compiled) == 1


@pytest.mark.parametrize("make", [fine_tuned, scratch])
def test_classifiers_predict_together_what_they_predict_in_turn(make, coloured):
    X, y = coloured
    classifiers = [make().fit(X, (y + shift) % 3) for shift in range(3)]
    calls = [(classifier, image) for image in one_by_one(X) for classifier in classifiers]
    in_turn = [classifier.predict_proba(image) for classifier, image in calls]
    together = in_threads(lambda call: call[0].predict_proba(call[1]), calls)
    np.testing.assert_array_equal(together, in_turn)


@pytest.mark.parametrize("cache", ["memory", None])
def test_pipelines_predict_together_what_they_predict_in_turn(cache, coloured):
    pipeline = make_pipeline(extractor(cache=cache), LogisticRegression()).fit(*coloured)
    images = one_by_one(coloured[0])
    in_turn = [pipeline.predict_proba(image) for image in images]
    clear_feature_cache()
    np.testing.assert_array_equal(in_threads(pipeline.predict_proba, images), in_turn)


def test_few_threads_run_networks_and_always_the_same(coloured):
    seen = set()

    def compiler(network):
        return lambda batch: (seen.add(threading.get_ident()), batch[:, 0, 0])[1]

    forward = ForwardPass(build_backbone(tiny_network, None, (8, 8)), compiler=compiler)
    in_threads(lambda batch: forward([batch]), [np.zeros((2, 8, 8, 3))] * 64, n_threads=16)
    assert 1 <= len(seen) <= 4


def test_event_loop_predicts_in_its_threads(coloured):
    classifier = scratch().fit(*coloured)
    images = one_by_one(coloured[0])

    async def serve():
        loop = asyncio.get_running_loop()
        waiting = [loop.run_in_executor(None, classifier.predict_proba, x) for x in images]
        return await asyncio.wait_for(asyncio.gather(*waiting), LONG)

    expected = [classifier.predict_proba(image) for image in images]
    np.testing.assert_array_equal(asyncio.run(serve()), expected)


# Fits


class Pause(keras.callbacks.Callback):
    """Stops training after an epoch until it may go on."""

    def __init__(self):
        super().__init__()
        self.has_come, self.may_go_on = threading.Event(), threading.Event()

    def __deepcopy__(self, memo):
        return self

    def on_epoch_end(self, epoch, logs=None):
        self.has_come.set()
        assert self.may_go_on.wait(LONG)


@pytest.mark.parametrize("make", [fine_tuned, scratch])
def test_prediction_waits_for_no_fit_of_the_same_configuration(make, coloured):
    X, y = coloured
    first, pause = make().fit(X, y), Pause()
    fit = begin(make(callbacks=[pause]).fit, X, (y + 1) % 3)
    assert pause.has_come.wait(LONG)
    during = begin(first.predict_proba, X).result(LONG)
    assert not fit.done()
    pause.may_go_on.set()
    fit.result(LONG)
    np.testing.assert_array_equal(first.predict_proba(X), during)


def test_predictions_during_a_fit_compile_once(coloured, compiled):
    X, y = coloured
    first, pause = scratch().fit(X, y), Pause()
    fit = begin(scratch(callbacks=[pause]).fit, X, (y + 1) % 3)
    assert pause.has_come.wait(LONG)
    compiled.clear()
    in_threads(first.predict_proba, one_by_one(X))
    assert len(compiled) == 1
    pause.may_go_on.set()
    fit.result(LONG)


@pytest.mark.parametrize("make", [fine_tuned, scratch])
def test_prediction_changes_no_fit_that_goes_on(make, coloured):
    X, y = coloured
    alone, pause = Pause(), Pause()
    alone.may_go_on.set()
    expected = make(callbacks=[alone]).fit(X, (y + 1) % 3).predict_proba(X)
    first = make().fit(X, y)
    fit = begin(make(callbacks=[pause]).fit, X, (y + 1) % 3)
    assert pause.has_come.wait(LONG)
    first.predict_proba(X)
    pause.may_go_on.set()
    np.testing.assert_array_equal(fit.result(LONG).predict_proba(X), expected)


def test_classifier_and_extractor_are_built_in_two_threads(coloured):
    def build_a_classifier():
        with keras_seed(0):  # as a fit has it while it builds
            is_building.set()
            until_a_thread_waits_in("keras_seed", "keras_seed")
            extractor(image_size=20).fit(coloured[0])

    is_building = threading.Event()
    classifier = begin(build_a_classifier)
    assert is_building.wait(LONG)
    begin(extractor().fit, coloured[0]).result(LONG)
    classifier.result(LONG)


def test_folds_in_threads_predict_what_they_predict_in_turn(coloured):
    classifier = fine_tuned(trainable="head")
    in_turn = cross_val_predict(classifier, *coloured, cv=3, method="predict_proba")
    with joblib.parallel_config(backend="threading", n_jobs=2):
        together = cross_val_predict(classifier, *coloured, cv=3, method="predict_proba")
    np.testing.assert_array_equal(together, in_turn)


def test_voting_classifier_fits_in_threads(coloured):
    X, y = coloured
    members = [("fine", fine_tuned()), ("head", fine_tuned(trainable="head")), ("own", scratch())]
    in_turn = VotingClassifier(members, voting="soft").fit(X, y).predict_proba(X)
    with joblib.parallel_config(backend="threading"):
        together = VotingClassifier(members, voting="soft", n_jobs=2).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(together, in_turn)


# What `preprocess` may call


@pytest.mark.parametrize("folder", [None, "features"])
def test_preprocess_may_ask_for_features_of_another_network(folder, coloured, tmp_path):
    cache = "memory" if folder is None else tmp_path / folder
    other = extractor(image_size=20, cache=cache).fit(coloured[0])

    def lightened(image):
        return image + np.uint8(other.transform(image[np.newaxis]).mean() > 0)

    nested = extractor(preprocess=lightened, cache=cache)
    expected = extractor(cache=None).fit_transform([lightened(image) for image in coloured[0]])
    clear_feature_cache(cache)
    found = begin(nested.fit_transform, coloured[0]).result(LONG)
    np.testing.assert_array_equal(found, expected)


def test_preprocess_may_predict_with_another_classifier(coloured):
    X, y = coloured
    other = fine_tuned().fit(X, y)

    def lightened(image):
        return image + np.uint8(other.predict(image[np.newaxis])[0])

    nested = fine_tuned(preprocess=lightened)
    found = begin(lambda: nested.fit(X, y).predict_proba(X)).result(LONG)
    np.testing.assert_array_equal(found, nested.fit(X, y).predict_proba(X))


# Features that several threads ask for


class Gate:
    """A `preprocess` that lets images pass once it is opened."""

    def __init__(self):
        self.has_come, self.is_open, self.images = threading.Event(), threading.Event(), []

    def __call__(self, image):
        self.images.append(image.tobytes())
        self.has_come.set()
        assert self.is_open.wait(LONG)
        return image


@pytest.fixture
def gate(monkeypatch):
    """A gate, and an extractor behind it: the features are kept as if there were none."""
    gate = Gate()
    monkeypatch.setattr(FrozenFeatures, "fingerprint", lambda self, layer, value_range: layer)
    return gate, extractor(preprocess=gate).fit(np.zeros((1, 16, 16, 3)))


def test_other_images_are_computed_meanwhile(gate, coloured):
    gate, waiting = gate
    free = extractor().fit(coloured[0])
    first = begin(waiting.transform, coloured[0][:4])
    assert gate.has_come.wait(LONG)
    begin(free.transform, coloured[0][4:8]).result(LONG)
    assert not first.done()
    gate.is_open.set()
    first.result(LONG)


def test_the_same_images_are_computed_once(gate, coloured):
    gate, waiting = gate
    first = begin(waiting.transform, coloured[0][:4])
    assert gate.has_come.wait(LONG)
    second = begin(waiting.transform, coloured[0][2:6])
    while coloured[0][4].tobytes() not in gate.images:  # it begins with what the first leaves out
        time.sleep(0.01)
    gate.is_open.set()
    np.testing.assert_array_equal(first.result(LONG)[2:], second.result(LONG)[:2])
    assert len(gate.images) == 6
    assert feature_cache_info().misses == 6
    assert feature_cache_info().hits == 2


def test_who_waited_for_what_failed_computes_it(gate, coloured):
    gate, waiting = gate
    first = begin(waiting.transform, coloured[0][:4])
    assert gate.has_come.wait(LONG)
    second = begin(extractor().fit(coloured[0]).transform, coloured[0][:4])
    until_a_thread_waits_in("computing")
    gate.is_open.wait = lambda seconds: False
    gate.is_open.set()
    with pytest.raises(ImageDecodeError, match="preprocess failed"):
        first.result(LONG)
    assert second.result(LONG).shape == (4, 16)


def test_hits_and_misses_of_threads_are_all_counted(coloured):
    fitted = extractor().fit(coloured[0])
    in_threads(fitted.transform, one_by_one(coloured[0]) * 4)
    assert feature_cache_info().misses == 24
    assert feature_cache_info().hits == 72


# Interruptions


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
@pytest.mark.parametrize("cache", ["memory", None])
def test_nothing_is_held_after_an_error(error, cache, coloured, monkeypatch):
    fitted = extractor(cache=cache).fit(coloured[0])
    expected = extractor(cache=None).fit_transform(coloured[0])

    def fail(self, batch, weights=None):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Stateless, "__call__", fail)
        with pytest.raises(error):
            fitted.transform(coloured[0])
    found = begin(fitted.transform, coloured[0]).result(LONG)
    np.testing.assert_array_equal(found, expected)


@pytest.fixture
def interruptible():
    """Have this process be interrupted by Ctrl-C: one that a shell runs behind it ignores that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="Windows interrupts no wait")
def test_waiting_thread_can_be_interrupted(gate, coloured, interruptible):
    gate, waiting = gate
    first = begin(waiting.transform, coloured[0][:4])
    assert gate.has_come.wait(LONG)

    def interrupt():
        until_a_thread_waits_in("computing")
        os.kill(os.getpid(), signal.SIGINT)

    begin(interrupt)
    with pytest.raises(KeyboardInterrupt):
        waiting.transform(coloured[0][:4])
    gate.is_open.set()
    np.testing.assert_array_equal(waiting.transform(coloured[0][:4]), first.result(LONG))
