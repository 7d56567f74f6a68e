"""One RGB image in, one out: before the network, or as a step of a pipeline."""

from skdr.preprocessing._image_pipeline import ImagePipeline, make_image_pipeline
from skdr.preprocessing._local_colour import LocalColourNormalisation
from skdr.preprocessing._retina_crop import RetinaCrop

__all__ = ["ImagePipeline", "LocalColourNormalisation", "RetinaCrop", "make_image_pipeline"]
