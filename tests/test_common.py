"""scikit-learn's own checks: none is expected to fail, none is switched off."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.preprocessing import DampedScaler, LocalColourNormalisation, RetinaCrop
from tests.with_keras import tiny_network

TINY_HEAD = {"head_epochs": 10, "head_learning_rate": 0.05, "C": 1.0, "image_size": 16}
TINY_SCRATCH = {"epochs": 10, "learning_rate": 0.003, "image_size": 16}
ESTIMATORS = [
    PretrainedFeatureExtractor(),
    PretrainedFeatureExtractor(tiny_network, weights=None, image_size=16, pooling="avgmax"),
    FineTunedCNNClassifier(tiny_network, weights=None, trainable="head", **TINY_HEAD),
    FineTunedCNNClassifier(tiny_network, weights=None, trainable="head", C=1.0, image_size=16),
    FineTunedCNNClassifier(tiny_network, weights=None, trainable=1, epochs=2, **TINY_HEAD),
    ScratchCNNClassifier(pooling="avgmax", hidden_layer_sizes=(16,), **TINY_SCRATCH),
    RetinaCrop(radius=8),
    LocalColourNormalisation(),
    DampedScaler(),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator_passes_check(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [FineTunedCNNClassifier(trainable=2, layer="last", epochs=6), ScratchCNNClassifier()]
)
def test_default_classifier_passes_check(estimator, check):
    check(estimator)


@pytest.mark.slow  # a network of two classes, and one of three, is traced in full depth
@parametrize_with_checks([FineTunedCNNClassifier()])
def test_default_classifier_passes_check_in_full_depth(estimator, check):
    check(estimator)
