"""Points in a network: features are taken there, and training may begin there."""

import math
import re
from collections.abc import Sequence

import keras

from skdr.networks._backbones import ALL, LAST, find_backbone, find_operation
from skdr.networks._build import BackboneLike
from skdr.networks._graph import operations_of
from skdr.networks._names import did_you_mean, rename_automatic_names

_FEW_LAYERS = 20  # can be listed in a message


def layer_names(backbone: BackboneLike, layer: str | Sequence[str]) -> list[str]:
    """Return the names of the taps and layers that a parameter `layer` stands for.

    Parameters
    ----------
    backbone : str, keras.Model or callable
    layer : str or sequence of str
        ``"all"`` is every tap of `list_taps`; other networks than those of a
        name have no taps but their output.
    """
    if layer != ALL:
        return [layer] if isinstance(layer, str) else list(layer)
    taps = list(find_backbone(backbone).taps) if isinstance(backbone, str) else []
    return taps or [LAST]


def tap_features(
    network: keras.Model,
    backbone: BackboneLike,
    layer: str | Sequence[str],
    pooling: str | None,
) -> keras.Model:
    """Cut a network at one or several points and pool what comes out there.

    Parameters
    ----------
    network : keras.Model
        As `build_backbone` returns it.
    backbone : str, keras.Model or callable
        What it was built from: a name brings its named taps.
    layer : str or sequence of str
        ``"last"``, a named tap, the name of a Keras layer, or ``"all"`` taps.
        The features of several are concatenated.
    pooling : {"avg", "max", "avgmax"} or None
        How a feature map becomes a vector; None flattens it.

    Returns
    -------
    features : keras.Model
        On the same images, with an output of shape (None, n_features).

    Raises
    ------
    ValueError
        If a layer is not known.
    """
    layers = layer_names(backbone, layer)
    pooled = [_pool(find_tap_operation(network, backbone, name).output, pooling) for name in layers]
    features = pooled[0]
    if len(pooled) > 1:
        features = keras.layers.Concatenate(dtype="float32", name="taps")(pooled)
    tapped = keras.Model(network.inputs, features, name=f"{network.name}_features")
    rename_automatic_names(tapped)
    return tapped


def find_tap_operation(network: keras.Model, backbone: BackboneLike, name: str) -> keras.Operation:
    """Return the operation of a named tap or layer."""
    if name == LAST:
        return operations_of(network)[-1]
    operation = find_operation(network, tap_pattern(backbone, name))
    if operation is None:
        raise _unknown_layer(network, backbone, name)
    return operation


def n_features(operation: keras.Operation, pooling: str | None) -> int:
    """Return how many features a layer gives when pooled."""
    shape = operation.output.shape[1:]
    if pooling is None or len(shape) != 3:
        return math.prod(shape)
    return shape[-1] * (2 if pooling == "avgmax" else 1)


def tap_pattern(backbone: BackboneLike, name: str) -> str:
    """Return the pattern of a named tap, or that of a layer's own name."""
    taps = find_backbone(backbone).taps if isinstance(backbone, str) else {}
    return taps.get(name, re.escape(name))


def _unknown_layer(network: keras.Model, backbone: BackboneLike, name: str) -> ValueError:
    taps = [*(find_backbone(backbone).taps if isinstance(backbone, str) else []), LAST]
    names = [layer.name for layer in network.layers]
    listed = f": {names}" if len(names) <= _FEW_LAYERS else ""
    return ValueError(
        f"layer={name!r} is not a layer of {network.name!r}.{did_you_mean(name, [*taps, *names])} "
        f"Its named taps are {taps}; any name of its {len(names)} Keras layers will do too{listed}."
    )


def _pool(tensor: keras.KerasTensor, pooling: str | None) -> keras.KerasTensor:
    """Pool one feature map; layers are unnamed here and renamed with the rest."""
    layers = keras.layers
    if len(tensor.shape) == 2:
        return tensor
    if len(tensor.shape) != 4 or pooling is None:
        return layers.Flatten(dtype="float32")(tensor)
    average = layers.GlobalAveragePooling2D(dtype="float32")
    maximum = layers.GlobalMaxPooling2D(dtype="float32")
    if pooling == "avgmax":
        return layers.Concatenate(dtype="float32")([average(tensor), maximum(tensor)])
    return (average if pooling == "avg" else maximum)(tensor)
