"""Transfer learning with convolutional networks, for scikit-learn."""

from skdr.estimators import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.exceptions import ImageDecodeError, LeakageWarning, WeightsNotFoundError
from skdr.features import CacheInfo, clear_feature_cache, feature_cache_info
from skdr.images import as_image_column
from skdr.networks import list_backbones, list_taps

__version__ = "0.1.0"

__all__ = [
    "CacheInfo",
    "FineTunedCNNClassifier",
    "ImageDecodeError",
    "LeakageWarning",
    "PretrainedFeatureExtractor",
    "ScratchCNNClassifier",
    "WeightsNotFoundError",
    "as_image_column",
    "clear_feature_cache",
    "feature_cache_info",
    "list_backbones",
    "list_taps",
]
