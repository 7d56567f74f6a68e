"""Labelled images: `load_*` reads files, `make_*` generates."""

from skdr.datasets._load import load_eyepacs, load_image_folder
from skdr.datasets._make_fundus import make_fundus_images

__all__ = ["load_eyepacs", "load_image_folder", "make_fundus_images"]
