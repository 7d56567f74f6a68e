"""Augmentation: presets, or the user's own Keras layers."""

import re
from collections.abc import Sequence
from typing import TypeAlias

import keras

from skdr.networks._copies import copy_layer
from skdr.networks._flatten import innermost_operations

Augmentation: TypeAlias = str | keras.Layer | Sequence[keras.Layer] | None


def augmentation_layers(augmentation: Augmentation) -> list[keras.Layer]:
    """Return fresh layers that vary RGB images in 0..255 in training.

    Parameters
    ----------
    augmentation : {"fundus", "natural"}, layer, sequence of layers or None
        ``"fundus"`` rotates over the full circle, flips both ways, zooms by
        up to 10% and varies contrast by up to 10%: a retina has no upright.
        ``"natural"`` flips left to right, shifts, zooms and rotates a little.
        Given layers are copied.

    Returns
    -------
    layers : list of keras.Layer
        Empty for None.
    """
    if augmentation is None:
        return []
    if augmentation == "fundus":
        return [
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.RandomRotation(0.5, fill_mode="constant"),
            keras.layers.RandomZoom((-0.1, 0.1), fill_mode="constant"),
            keras.layers.RandomContrast(0.1),
        ]
    if augmentation == "natural":
        return [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="reflect"),
            keras.layers.RandomRotation(0.04, fill_mode="reflect"),
            keras.layers.RandomZoom((-0.15, 0.1), fill_mode="reflect"),
        ]
    given = [augmentation] if isinstance(augmentation, keras.Layer) else augmentation
    return [_copy(layer) for layer in given]


def augments(network: keras.Model) -> bool:
    """Return whether layers of a network itself vary images in training."""
    return any(
        re.fullmatch(r"Rand\w+|AugMix", type(operation).__name__)
        and type(operation).__module__.split(".")[0] == "keras"
        for operation, _ in innermost_operations(network)
    )


def _copy(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, keras.Sequential | keras.Function):
        return keras.models.clone_model(layer, clone_function=copy_layer, recursive=True)
    return copy_layer(layer)
