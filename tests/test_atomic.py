"""A fit that fails or is interrupted leaves the estimator as it was before."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skdr import (
    FineTunedCNNClassifier,
    ImageDecodeError,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
)
from skdr.model_selection import OrdinalThresholdClassifier
from skdr.preprocessing import RetinaCrop
from tests.with_keras import tiny_network

FLOWERS = ["daisy", "rose", "tulip"]
LETTERS = ["a", "b", "c"]
COMMON = {"image_size": 16, "random_state": 0}


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def head_only():
    return FineTunedCNNClassifier(
        tiny_network, weights=None, trainable="head", head_epochs=3, **COMMON
    )


def fine_tuned():
    return FineTunedCNNClassifier(tiny_network, weights=None, head_epochs=3, epochs=3, **COMMON)


def scratch():
    return ScratchCNNClassifier(epochs=3, **COMMON)


classifiers = pytest.mark.parametrize("make", [head_only, fine_tuned, scratch])


@pytest.fixture
def files(coloured, tmp_path):
    """Twelve files, the last of which is broken, and what stands in them."""
    images, y = coloured[0][:12], coloured[1][:12]
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    with open(paths[-1], "r+b") as file:
        file.truncate(200)
    return paths, y


@classifiers
def test_broken_file_leaves_classifier_as_it_was(make, coloured, files):
    X, y = coloured
    classifier = make().fit(X, np.array(FLOWERS)[y])
    before, said = vars(classifier).copy(), classifier.predict_proba(X)
    with pytest.raises(ImageDecodeError):
        classifier.fit(files[0], np.array(LETTERS)[files[1]])
    assert vars(classifier) == before
    np.testing.assert_array_equal(classifier.predict_proba(X), said)


@classifiers
def test_interruption_leaves_classifier_as_it_was(make, coloured):
    X, y = coloured
    classifier = make().fit(X, np.array(FLOWERS)[y])
    said = classifier.predict(X)
    classifier.set_params(callbacks=[Interrupt()])
    before = vars(classifier).copy()
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X[::-1], np.array(LETTERS)[y])
    assert vars(classifier) == before
    np.testing.assert_array_equal(classifier.predict(X), said)


@classifiers
def test_interruption_leaves_new_classifier_unfitted(make, coloured):
    classifier = make().set_params(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*coloured)
    with pytest.raises(NotFittedError):
        classifier.predict(coloured[0])


@classifiers
def test_classifier_is_fitted_again_after_an_interruption(make, coloured):
    X, y = coloured
    expected = make().fit(X, y).predict_proba(X)
    classifier = make().set_params(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X[::-1], y)
    again = classifier.set_params(callbacks=None).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again, expected)


@classifiers
def test_impossible_labels_leave_classifier_as_it_was(make, coloured):
    X, y = coloured
    classifier = make().fit(X, y)
    before = vars(classifier).copy()
    with pytest.raises(ValueError, match="one class"):
        classifier.fit(X[:, :20], np.zeros_like(y))
    assert vars(classifier) == before


def test_failed_fit_leaves_extractor_as_it_was(coloured):
    X = coloured[0][:4]
    extractor = PretrainedFeatureExtractor(tiny_network, weights=None, **COMMON).fit(X)
    features = extractor.transform(X)
    extractor.set_params(image_size=32, layer="none such")
    before = vars(extractor).copy()
    with pytest.raises(ValueError, match="none such"):
        extractor.fit(X)
    assert vars(extractor) == before
    np.testing.assert_array_equal(extractor.transform(X), features)


def test_failed_fit_leaves_thresholds_as_they_were():
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 2)), np.arange(40) % 4
    classifier = OrdinalThresholdClassifier(LogisticRegression()).fit(X, y)
    before = vars(classifier).copy()
    with pytest.raises(ValueError, match="NaN"):
        classifier.fit(np.full_like(X, np.nan), y + 10)
    assert vars(classifier) == before


def test_failed_fit_leaves_preprocessor_as_it_was():
    crop = RetinaCrop(radius=8).fit(np.zeros((4, 192)))
    before = vars(crop).copy()
    with pytest.raises(ImageDecodeError, match="no such file"):
        crop.fit(["missing.png"])
    assert vars(crop) == before
    assert crop.n_features_in_ == 192
