"""One vector per image: computed by a frozen network, or looked up where it was kept."""

from skdr.features._frozen_features import FrozenFeatures
from skdr.features._store import MEMORY, CacheInfo, clear_feature_cache, feature_cache_info

__all__ = ["MEMORY", "CacheInfo", "FrozenFeatures", "clear_feature_cache", "feature_cache_info"]
