"""The three estimators: features of a frozen network, a fine-tuned network, one from scratch."""

from skdr.estimators._cnn_classifier import CNNClassifier
from skdr.estimators._feature_extractor import PretrainedFeatureExtractor, network_of
from skdr.estimators._fine_tuned import FineTunedCNNClassifier, head_penalty
from skdr.estimators._image_estimator import ImageEstimator
from skdr.estimators._scratch import ScratchCNNClassifier

__all__ = [
    "CNNClassifier",
    "FineTunedCNNClassifier",
    "ImageEstimator",
    "PretrainedFeatureExtractor",
    "ScratchCNNClassifier",
    "head_penalty",
    "network_of",
]
