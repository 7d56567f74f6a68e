"""A head without hidden layers is scikit-learn's logistic regression, on standardised features."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from skdr._damped import damped_statistics
from skdr.datasets import make_fundus_images
from tests.with_keras import tiny_network

NETWORK = {"backbone": tiny_network, "image_size": 24, "random_state": 0}
DICTIONARY = {0: 3.0, 1: 0.5}


def digits():
    data = load_digits()
    return (data.images[:200, ..., None] * 15.9).astype(np.uint8), data.target[:200]


def retinas():
    data = make_fundus_images(100, image_size=24, random_state=0)
    return data.images, data.target


def two_colours(coloured):
    X, y = coloured
    return X[y < 2], y[y < 2]


@pytest.fixture(params=["coloured", "two_colours", "digits", "retinas"])
def labelled(request, coloured):
    return {
        "coloured": lambda: coloured,
        "two_colours": lambda: two_colours(coloured),
        "digits": digits,
        "retinas": retinas,
    }[request.param]()


def standardised_features(X, counts):
    features = PretrainedFeatureExtractor(**NETWORK).fit_transform(X)
    mean, variance = damped_statistics(features, counts)
    return (features - mean) / np.sqrt(variance)


def transfer(**kwargs):
    return FineTunedCNNClassifier(**{**NETWORK, "trainable": "head", **kwargs})


@pytest.mark.parametrize("C", [0.005, 0.1, 10])
@pytest.mark.parametrize("class_weight", [None, "balanced", DICTIONARY])
@pytest.mark.parametrize("weighted", [False, True])
def test_is_logistic_regression(C, class_weight, weighted, labelled):
    X, y = labelled
    sample_weight = np.random.default_rng(0).uniform(0.1, 4, len(y)) if weighted else None
    counts = np.ones(len(y)) if sample_weight is None else sample_weight
    features = standardised_features(X, counts)
    reference = LogisticRegression(C=C, class_weight=class_weight, max_iter=10_000)
    expected = reference.fit(features, y, sample_weight).predict_proba(features)
    classifier = transfer(C=C, class_weight=class_weight).fit(X, y, sample_weight)
    probabilities = classifier.predict_proba(X)
    assert log_loss(y, probabilities) == pytest.approx(log_loss(y, expected), rel=0.01)
    assert np.allclose(probabilities, expected, atol=0.05)


@pytest.mark.parametrize("C", [0.005, 0.05])
def test_trained_in_epochs_it_reaches_the_same(C, labelled):
    X, y = labelled
    solved = transfer(C=C).fit(X, y).predict_proba(X)
    trained = transfer(C=C, head_epochs=300, head_learning_rate=5e-3).fit(X, y).predict_proba(X)
    assert log_loss(y, trained) == pytest.approx(log_loss(y, solved), rel=0.01)


def test_seed_and_batches_do_not_matter(coloured):
    X, y = coloured
    network = tiny_network((24, 24, 3))
    one = transfer(backbone=network).fit(X, y)
    changed = {"batch_size": 7, "head_learning_rate": 10.0, "random_state": 1}
    other = transfer(backbone=network, **changed).fit(X, y)
    assert np.allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-5)


def test_history_of_a_solved_head(coloured):
    X, y = coloured
    classifier = transfer(C=0.1).fit(X, y)
    history = classifier.history_
    assert history["phase"] == ["head"]
    assert history["epoch"] == [1]
    assert np.isnan(history["learning_rate"]).all()
    assert history["accuracy"] == [pytest.approx(classifier.score(X, y))]
    assert history["loss"] == [pytest.approx(log_loss(y, classifier.predict_proba(X)), rel=1e-4)]
    assert classifier.n_iter_ == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"hidden_layer_sizes": [4]},
        {"dropout": 0.5},
        {"loss": "categorical_focal_crossentropy"},
        {"early_stopping": True, "n_iter_no_change": 100},
        {"callbacks": [keras.callbacks.Callback()]},
        {"augmentation": "natural"},
        {"head_epochs": 50},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_is_trained_in_epochs_where_something_asks_for_them(asked, coloured):
    assert transfer(**asked).fit(*coloured).n_iter_ == 50


def test_augmentation_begins_with_the_layers_below_the_head(coloured):
    n_varied = []

    class Counted(keras.layers.Layer):
        def call(self, images):
            n_varied.append(1)
            return images

    X, y = coloured
    settings = {"trainable": 1, "epochs": 1, "augmentation": Counted(), "C": 0.02}
    plain = transfer().fit(X, y).history_
    assert not n_varied
    varied = transfer(**settings).fit(X, y).history_
    assert n_varied
    assert varied["phase"] == ["head", "fine_tune"]
    assert varied["loss"][0] == pytest.approx(plain["loss"][0], rel=1e-5)
