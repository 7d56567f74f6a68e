"""Transfer learning with convolutional networks, for scikit-learn."""

from skdr._accelerations import accelerations
from skdr.estimators import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.exceptions import ImageDecodeError, LeakageWarning, WeightsNotFoundError
from skdr.features import CacheInfo, clear_feature_cache, feature_cache_info
from skdr.images import as_image_column
from skdr.networks import list_backbones, list_taps
from skdr.runtime import clear_networks

__version__ = "0.1.0"

__all__ = [
    "CacheInfo",
    "FineTunedCNNClassifier",
    "ImageDecodeError",
    "LeakageWarning",
    "PretrainedFeatureExtractor",
    "ScratchCNNClassifier",
    "WeightsNotFoundError",
    "accelerations",
    "as_image_column",
    "clear_feature_cache",
    "clear_networks",
    "feature_cache_info",
    "list_backbones",
    "list_taps",
]
