"""Before the network, one RGB image in and one out; behind it, features scaled."""

from skdr.preprocessing._damped_scaler import DampedScaler
from skdr.preprocessing._image_pipeline import ImagePipeline, make_image_pipeline
from skdr.preprocessing._local_colour import LocalColourNormalisation
from skdr.preprocessing._retina_crop import RetinaCrop

__all__ = [
    "DampedScaler",
    "ImagePipeline",
    "LocalColourNormalisation",
    "RetinaCrop",
    "make_image_pipeline",
]
