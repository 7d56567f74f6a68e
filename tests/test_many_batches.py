"""Training from features takes many batches in one call, and comes to the same."""

import keras
import numpy as np
import pytest

from skdr import FineTunedCNNClassifier, clear_networks
from skdr.runtime import _many_batches
from tests.with_keras import on_tensorflow, tiny_network

SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=3, decay_rate=0.9)


class CountsBatches(keras.callbacks.Callback):
    seen: list[int] = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def transfer(**params):
    settings = {"weights": None, "image_size": 16, "random_state": 0, "head_epochs": 4, "C": 1.0}
    return FineTunedCNNClassifier(
        tiny_network, trainable="head", **{"batch_size": 16, **settings, **params}
    )


def assert_same_training(found, expected, X):
    assert found.history_.keys() == expected.history_.keys()
    for name, values in found.history_.items():
        if name != "phase":
            np.testing.assert_allclose(values, expected.history_[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True, "validation_fraction": 0.5},
        {"head_learning_rate": SCHEDULE},
        {"hidden_layer_sizes": (8,), "dropout": 0.5},
        {"class_weight": {0: 1, 1: 2, 2: 5}},
    ],
    ids=["plain", "early stopping", "schedule", "dropout", "class weights"],
)
@pytest.mark.parametrize("max_bytes", [2**24, 2 * 16 * 64], ids=["all at once", "two at once"])
def test_result_is_that_of_batch_after_batch(params, max_bytes, coloured, monkeypatch):
    monkeypatch.setattr(_many_batches, "_MAX_BYTES", max_bytes)
    X, y = coloured
    found = transfer(**params).fit(X, y)
    each = transfer(**params, callbacks=[CountsBatches()]).fit(X, y)
    assert_same_training(found, each, X)


def test_callback_sees_each_batch(coloured, monkeypatch):
    monkeypatch.setattr(CountsBatches, "seen", [])
    transfer(callbacks=[CountsBatches()]).fit(*coloured)
    assert CountsBatches.seen == [0, 1, 2, 3] * 4


@on_tensorflow
def test_other_batch_size_compiles_nothing(coloured, monkeypatch):
    X, y = coloured
    clear_networks()
    transfer().fit(X, y)
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "compile", None)
        second = transfer(batch_size=20).fit(X, y)
    clear_networks()
    assert_same_training(second, transfer(batch_size=20).fit(X, y), X)


@on_tensorflow
def test_features_that_fill_much_memory_are_not_copied_at_once():
    assert _many_batches.batches_at_once((1280,), 32) == 2**24 // (32 * 1280 * 4)
    assert _many_batches.batches_at_once((2**26,), 32) == 1
    assert _many_batches.batches_at_once((8, 8, 3), 2) == 1  # images
