"""Comparing strategies on a user's own images."""

from skdr.model_selection._ordinal_threshold import OrdinalThresholdClassifier
from skdr.model_selection._strategies import make_strategies

__all__ = ["OrdinalThresholdClassifier", "make_strategies"]
