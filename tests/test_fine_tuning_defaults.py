"""What "auto" stands for in fine-tuning, and how the learning rate goes."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from skdr import FineTunedCNNClassifier, ScratchCNNClassifier
from tests.with_keras import tiny_network

SETTINGS = {"weights": None, "image_size": 24, "random_state": 0}


def fine_tuned(**kwargs):
    return FineTunedCNNClassifier(tiny_network, **{**SETTINGS, **kwargs})


@pytest.mark.parametrize(("trainable", "epochs", "C"), [("head", 3, 0.02), (1, 3, 0.001)])
def test_penalty_is_weaker_for_a_head_alone(trainable, epochs, C, coloured):
    X, y = coloured
    settings = {"trainable": trainable, "epochs": epochs}
    chosen = fine_tuned(**settings).fit(X, y)
    fixed = fine_tuned(**settings, C=C).fit(X, y)
    assert np.array_equal(chosen.predict_proba(X), fixed.predict_proba(X))


def test_no_epochs_leave_a_head_alone(coloured):
    X, y = coloured
    none = fine_tuned(trainable=1, epochs=0).fit(X, y)
    assert np.array_equal(
        none.predict_proba(X), fine_tuned(trainable="head").fit(X, y).predict_proba(X)
    )


@pytest.mark.parametrize(("n_images", "epochs"), [(12, 30), (60, 30), (100, 20), (600, 5)])
def test_fewer_images_get_more_epochs(n_images, epochs):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (n_images, 16, 16, 3)).astype(np.uint8)
    classifier = fine_tuned(trainable=1, image_size=16).fit(X, np.arange(n_images) % 2)
    assert classifier.history_["phase"].count("fine_tune") == epochs


def steps_of(make, X, y, **settings):
    """Return how far the weights move in each step of training."""
    positions = []

    class Follow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            positions.append(self.model.get_layer("classes").get_weights()[0])

    # Steps along the sign of the gradient are as long as the learning rate.
    sign = keras.optimizers.Lion(weight_decay=None)
    make(callbacks=[Follow()], optimizer=sign, batch_size=20, **settings).fit(X, y)
    return np.array([np.abs(b - a).max() for a, b in pairwise(positions)])


def scratch(**kwargs):
    return ScratchCNNClassifier(tiny_network, image_size=24, random_state=0, **kwargs)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_learning_rate_rises_and_falls(schedule, coloured):
    X, y = coloured
    settings = {"epochs": 4, "warmup_epochs": 1, "learning_rate": 1e-3, "schedule": schedule}
    steps = steps_of(scratch, X, y, **settings)  # three steps an epoch, without the first one
    n_warmup, n_falling = 3, 10
    number = np.arange(2, 13)
    expected = np.minimum(1, number / n_warmup)
    if schedule == "cosine":
        fallen = np.clip((number - n_warmup) / n_falling, 0, 1)
        expected = expected * (1 + np.cos(np.pi * fallen)) / 2
    assert np.allclose(steps, 1e-3 * expected, rtol=1e-2)


def test_a_schedule_of_keras_is_left_as_it_is(coloured):
    X, y = coloured
    halves = keras.optimizers.schedules.PiecewiseConstantDecay([5], [1e-3, 5e-4])
    steps = steps_of(scratch, X, y, epochs=4, warmup_epochs=0, learning_rate=halves)
    assert np.allclose(steps[:5], 1e-3, rtol=1e-2)
    assert np.allclose(steps[5:], 5e-4, rtol=1e-2)
