"""Labelled images: `load_*` reads files, `make_*` generates, `fellow_eyes` pairs them."""

from skdr.datasets._aptos import load_aptos
from skdr.datasets._ddr import load_ddr
from skdr.datasets._deepdrid import load_deepdrid
from skdr.datasets._eyepacs import load_eyepacs
from skdr.datasets._fellow_eyes import fellow_eyes
from skdr.datasets._idrid import load_idrid
from skdr.datasets._image_folder import load_image_folder
from skdr.datasets._make_fundus import make_fundus_images
from skdr.datasets._medmnist import load_medmnist
from skdr.datasets._messidor2 import load_messidor2

__all__ = [
    "fellow_eyes",
    "load_aptos",
    "load_ddr",
    "load_deepdrid",
    "load_eyepacs",
    "load_idrid",
    "load_image_folder",
    "load_medmnist",
    "load_messidor2",
    "make_fundus_images",
]
