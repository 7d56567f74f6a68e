"""Preprocessing of photographs: one RGB image in, one out; also steps of a pipeline."""

from skdr.preprocessing._base import ImagePipeline
from skdr.preprocessing._retina import LocalColourNormaliser, RetinaCropper, find_retina

__all__ = ["ImagePipeline", "LocalColourNormaliser", "RetinaCropper", "find_retina"]
