"""A second fit builds and traces nothing, and shares nothing but that with the first."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    clear_feature_cache,
    clear_networks,
)
from skdr.runtime import _frozen, _trainable
from skdr.runtime._pool import NetworkPool
from tests.with_keras import tiny_network

SETTINGS = {"image_size": 16, "random_state": 0, "batch_size": 16}
CLASSIFIERS = {
    "transfer": lambda **kwargs: FineTunedCNNClassifier(
        tiny_network, **{**SETTINGS, "trainable": "head", "head_epochs": 5, **kwargs}
    ),
    "fine_tuned": lambda **kwargs: FineTunedCNNClassifier(
        tiny_network, **{**SETTINGS, "trainable": 1, "head_epochs": 5, "epochs": 2, **kwargs}
    ),
    "scratch": lambda **kwargs: ScratchCNNClassifier(
        tiny_network, **{**SETTINGS, "epochs": 3, **kwargs}
    ),
}


# Of a network with weights of its own only the head is drawn.
WEIGHTS_AT_HAND = tiny_network((16, 16, 3))


@pytest.fixture(autouse=True)
def forget():
    clear_networks()
    clear_feature_cache()  # features that are known already need no network


@pytest.fixture
def compilations(monkeypatch):
    """Count how often a network is compiled to be trained."""
    names, plain_compile = [], keras.Model.compile

    def counted(self, *args, **kwargs):
        names.append(self.name)
        return plain_compile(self, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "compile", counted)
    return names


@pytest.fixture(params=CLASSIFIERS.values(), ids=CLASSIFIERS)
def make(request):
    return request.param


@pytest.fixture
def traces(monkeypatch):
    """Count how often Python runs through a layer: building and tracing do, running does not."""
    n_calls = []
    plain_call = keras.layers.Conv2D.call

    def call(self, inputs):
        n_calls.append(self.name)
        return plain_call(self, inputs)

    monkeypatch.setattr(keras.layers.Conv2D, "call", call)
    return n_calls


def test_step_of_training_is_traced_once_a_phase(make, coloured, monkeypatch):
    n_traces = []
    plain_step = keras.Model.train_step

    def train_step(self, data):
        n_traces.append(self.name)
        return plain_step(self, data)

    monkeypatch.setattr(keras.Model, "train_step", train_step)
    model = make(metrics=["accuracy", keras.metrics.AUC()]).fit(*coloured)
    assert len(n_traces) == len(set(model.history_["phase"]))


def test_second_fit_builds_and_traces_nothing(make, coloured, traces):
    X, y = coloured
    make().fit(X, y).predict(X)
    n_first = len(traces)
    make().fit(X[:40], y[:40]).predict(X)
    assert n_first > 0
    assert len(traces) == n_first


def test_rates_and_epochs_need_no_other_network(make, coloured, traces):
    X, y = coloured
    make().fit(X, y).predict(X)
    n_first = len(traces)
    other = make(learning_rate=1e-2, epochs=4, warmup_epochs=0.5, class_weight="balanced")
    other.fit(X, y).predict(X)
    assert len(traces) == n_first


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: ScratchCNNClassifier(image_size=16, epochs=1, random_state=seed),
        lambda seed: FineTunedCNNClassifier(
            WEIGHTS_AT_HAND, image_size=16, hidden_layer_sizes=(5,), trainable=1, random_state=seed
        ),
    ],
    ids=["scratch", "fine_tuned"],
)
def test_another_seed_draws_weights_and_compiles_nothing(make, coloured, compilations):
    X, y = coloured
    alone = make(1).fit(X, y).predict_proba(X)
    clear_networks()
    first = make(0).fit(X, y)
    predicted = first.predict_proba(X)
    compilations.clear()
    second = make(1).fit(X, y)
    np.testing.assert_array_equal(second.predict_proba(X), alone)
    assert not compilations
    assert second.weights_hash_ != first.weights_hash_
    np.testing.assert_array_equal(first.predict_proba(X), predicted)


CHANGES = {
    "learning_rate": {"learning_rate": 0.01},
    "optimizer": {"optimizer": "sgd"},
    "optimizer object": {"optimizer": keras.optimizers.SGD(momentum=0.9)},
    "loss": {"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.2)},
    "dropout": {"dropout": 0.5},
    "hidden layers": {"hidden_layer_sizes": (5,)},
    "pooling": {"pooling": "max"},
    "augmentation": {"augmentation": keras.layers.RandomFlip()},
    "warm-up": {"warmup_epochs": 2.0},
    "seed": {"random_state": 1},
    "size": {"image_size": 20},
    "preprocess": {"preprocess": np.flipud},
    "class_weight": {"class_weight": {0: 1, 1: 5, 2: 1}},
    "early stopping": {"early_stopping": True},
}


@pytest.fixture(scope="module")
def pool_after_usual_fit(coloured):
    """Return a pool of networks in which a fit with the usual settings left its own."""
    pools = {}

    def pool_of(make):
        if make not in pools:
            pools[make] = NetworkPool()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_trainable, "NETWORKS", pools[make])
                make().fit(*coloured)
        return pools[make]

    return pool_of


# Transfer is the first half of fine-tuning.
@pytest.mark.parametrize(
    "make", [CLASSIFIERS["fine_tuned"], CLASSIFIERS["scratch"]], ids=["fine_tuned", "scratch"]
)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_result_is_that_of_a_network_of_its_own(
    make, coloured, change, pool_after_usual_fit, monkeypatch
):
    X, y = coloured
    alone = make(**change).fit(X, y).predict_proba(X)
    monkeypatch.setattr(_trainable, "NETWORKS", pool_after_usual_fit(make))
    make(**change).fit(X[10:], y[10:])
    np.testing.assert_array_equal(make(**change).fit(X, y).predict_proba(X), alone)


@pytest.mark.parametrize("weights", [None, "imagenet"])
def test_network_that_draws_its_weights_is_kept_for_one_seed(weights, coloured):
    def features(seed):
        extractor = PretrainedFeatureExtractor(
            tiny_network, weights=weights, image_size=16, random_state=seed
        )
        return extractor.fit_transform(coloured[0])

    alone = features(1)
    clear_networks()
    assert not np.array_equal(features(0), alone)
    np.testing.assert_array_equal(features(1), alone)


def test_later_fits_leave_earlier_ones_as_they_are(make, coloured):
    X, y = coloured[0][:, :16, :16], coloured[1]
    first = make().fit(X, y)
    before = first.predict_proba(X)
    second = make().fit(X, (y + 1) % 3)
    np.testing.assert_array_equal(first.predict_proba(X), before)
    assert not np.array_equal(second.predict_proba(X), before)
    np.testing.assert_allclose(first.model_.predict(X.astype(float), verbose=0), before, atol=1e-5)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_nothing_of_a_fit_outlives_the_classifier(make, coloured, early_stopping):
    model = make(early_stopping=early_stopping).fit(*coloured)
    model.predict(coloured[0])
    gone = [weakref.ref(model), weakref.ref(model._fitted.architecture.network)]
    del model
    clear_networks()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


class Smoothed(keras.losses.Loss):
    """The user's own, with a parameter that its config does not tell."""

    def __init__(self, smoothing):
        super().__init__()
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        return keras.losses.categorical_crossentropy(y_true, y_pred, label_smoothing=self.smoothing)


def test_losses_of_own_classes_are_told_apart(make, coloured):
    X, y = coloured
    gentle = make(loss=Smoothed(0.0)).fit(X, y).predict_proba(X)
    assert not np.array_equal(make(loss=Smoothed(0.9)).fit(X, y).predict_proba(X), gentle)


def test_network_that_callbacks_have_seen_is_not_kept(make, coloured):
    class Spoil(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.layers[-1].activation = keras.activations.linear

    X, y = coloured
    alone = make().fit(X, y).predict_proba(X)
    make(callbacks=[Spoil()]).fit(X, y)
    np.testing.assert_array_equal(make().fit(X, y).predict_proba(X), alone)


def test_threads_do_not_meet(make, coloured):
    X, y = coloured
    labels = [(y + shift) % 3 for shift in range(3)] * 2
    alone = [make().fit(X, shifted).predict_proba(X) for shifted in labels[:3]] * 2
    with ThreadPoolExecutor(3) as pool:
        together = pool.map(lambda shifted: make().fit(X, shifted).predict_proba(X), labels)
    for got, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(got, expected)


class OfBytes:
    def __init__(self, n_bytes):
        self.n_bytes = n_bytes


def test_pool_keeps_what_was_used_last_up_to_a_size(monkeypatch):
    monkeypatch.setattr("skdr.runtime._pool._COMPILED_BYTES", 10)
    pool = NetworkPool(max_bytes=100)
    first, second, third, larger = OfBytes(30), OfBytes(30), OfBytes(30), OfBytes(95)
    pool.put("first", first)
    pool.put("second", second)
    assert pool.get("first") is first
    pool.put("third", third)
    assert pool.get("second") is None
    assert pool.get("first") is first
    assert pool.take("third") is third
    assert pool.take("third") is None
    pool.put("larger", larger)
    assert pool.get("larger") is None
    assert pool.get("first") is first
    pool.clear()
    assert len(pool) == 0


def test_few_networks_are_kept(coloured, monkeypatch):
    pool = NetworkPool(max_bytes=2**28)  # four times what an empty network is counted as
    monkeypatch.setattr(_trainable, "NETWORKS", pool)
    monkeypatch.setattr(_frozen, "NETWORKS", pool)
    for size in range(16, 22):
        CLASSIFIERS["transfer"](image_size=size).fit(*coloured)
    assert 1 <= len(pool) <= 3


def test_nothing_is_kept_after_clear_networks(make, coloured, compilations):
    make().fit(*coloured)
    compilations.clear()
    make().fit(*coloured)
    assert not compilations
    clear_networks()
    make().fit(*coloured)
    assert compilations
