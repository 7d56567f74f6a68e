"""
Fundus photographs, cropped and normalised
==========================================

Cameras frame the retina in many ways: with black around it, cut off at the
top and bottom, large or small, bright or dark. ``RetinaCrop`` brings all
retinas to one place and size; ``LocalColourNormalisation`` then takes light
and complexion away. This script shows both on a few photographs, and says
how long they take.

Without arguments it takes synthetic photographs, framed as cameras do. With
``--data`` it draws some from a folder of images.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from skdr.datasets import make_fundus_images
from skdr.preprocessing import LocalColourNormalisation, RetinaCrop, make_image_pipeline

SUFFIXES = {".jpeg", ".jpg", ".png", ".tif", ".tiff"}


def framed_photographs(image_size, seed):
    """Generate photographs, and frame each as another camera would."""
    images = make_fundus_images(5, image_size=image_size, random_state=seed).images
    side = image_size // 8
    return [
        images[0][side:-side],  # cut off at the top and bottom
        np.pad(images[1], ((side, side), (3 * side, side), (0, 0))),
        np.pad(images[2], ((0, 0), (2 * side, 2 * side), (0, 0))) // 3,
        np.pad(images[3], ((3 * side, 3 * side), (5 * side, 5 * side), (0, 0))),
        images[4][:-side, side // 2 :],
    ]


def photographs_in(folder, n_images, seed):
    """Draw some photographs from a folder."""
    files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)
    chosen = np.random.default_rng(seed).choice(len(files), n_images, replace=False)
    return [np.asarray(Image.open(files[i]).convert("RGB")) for i in chosen]


def plot(rows):
    """Show one column a photograph, one row a stage."""
    n_columns = len(next(iter(rows.values())))
    figure, axes = plt.subplots(
        len(rows), n_columns, figsize=(1.9 * n_columns, 1.9 * len(rows)), layout="constrained"
    )
    for name, images, row in zip(rows, rows.values(), axes, strict=True):
        for axis, image in zip(row, images, strict=True):
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(name)
    return figure


def main(argv=None):
    parser = argparse.ArgumentParser(description="Fundus photographs, cropped and normalised")
    parser.add_argument("--data", help="a folder of photographs")
    parser.add_argument("--images", type=int, default=5, help="how many to draw from it")
    parser.add_argument("--radius", type=int, default=150, help="of the retina, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="fundus_preprocessing.png")
    options = parser.parse_args(argv)

    if options.data is None:
        photographs = framed_photographs(400, options.seed)
    else:
        photographs = photographs_in(options.data, options.images, options.seed)
    crop = RetinaCrop(options.radius)
    both = make_image_pipeline(crop, LocalColourNormalisation())
    rows = {"photograph": photographs}
    for name, preprocess in {"cropped": crop, "and normalised": both}.items():
        start = time.perf_counter()
        rows[name] = [preprocess(photograph) for photograph in photographs]
        took = (time.perf_counter() - start) / len(photographs)
        print(f"{name:>14}  {1000 * took:4.0f} ms an image")
    plot(rows).savefig(options.output, dpi=100)
    print(f"Plot: {options.output}")


if __name__ == "__main__":
    main()
