"""Photographs to measure on."""

import numpy as np
from PIL import Image

from skdr.datasets import make_fundus_images


def write_photographs(folder, n_images, width, height, *, drawn_at):
    """Write drawn photographs of retinas with the noise of a camera; return their paths.

    They are drawn as squares of `drawn_at` pixels a side and resized from there.
    """
    rng = np.random.default_rng(0)
    paths = []
    for i, image in enumerate(
        make_fundus_images(n_images, image_size=drawn_at, random_state=0).images
    ):
        large = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
        noisy = np.asarray(large) + rng.normal(0, 2, (height, width, 1))
        paths.append(str(folder / f"{i}.jpeg"))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(paths[-1], quality=90)
    return paths
