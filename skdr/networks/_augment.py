"""Augmentation: presets, or the user's own Keras layers."""

import re
from collections.abc import Sequence
from typing import TypeAlias

import keras

from skdr.networks._copies import clone_with, copy_layer, idle, set_weights
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
    return any(varies_images(operation) for operation, _ in innermost_operations(network))


def varies_images(operation: keras.Operation) -> bool:
    """Return whether an operation is a layer of Keras that varies images in training."""
    kind = type(operation)
    is_of_keras = kind.__module__.split(".")[0] == "keras"
    return is_of_keras and re.fullmatch(r"Rand\w+|AugMix", kind.__name__) is not None


def without_augmentation(network: keras.Model) -> keras.Model:
    """Copy a network; layers that vary images in training pass them on as they are.

    An exported network is called without ``training=False``: Keras's own layers would vary images.
    """
    copied = clone_with(network, lambda op: idle(op) if varies_images(op) else copy_layer(op))
    set_weights(copied, network.get_weights())
    return copied


def _copy(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, keras.Sequential | keras.Function):
        return keras.models.clone_model(layer, clone_function=copy_layer, recursive=True)
    return copy_layer(layer)
