"""BatchNorm in inference mode is a scale and a shift: fold it into the convolution before it."""

from collections import Counter
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.networks._augment import varies_images
from skdr.networks._copies import clone_with, copy_layer, idle, set_weights
from skdr.networks._graph import operations_of, repeated_operations

_LINEAR = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)


def fold_batch_norm(network: keras.Model) -> keras.Model:
    """Return a network of the same outputs, in inference mode, with fewer layers to run.

    Parameters
    ----------
    network : keras.Model
        Only read.

    Returns
    -------
    folded : keras.Model
        With its own weights, or `network` itself where nothing can be folded.
    """
    folds = _foldable(network)
    left_out = {*folds.values(), *filter(varies_images, network.layers)}
    if not left_out:
        return network

    def copy(layer: keras.Layer) -> keras.Layer:
        if layer in left_out:
            return idle(layer)
        return copy_layer(layer, **({"use_bias": True} if layer in folds else {}))

    folded = clone_with(network, copy)
    for layer in network.layers:
        if layer in folds:
            folded.get_layer(layer.name).set_weights(_folded_weights(layer, folds[layer]))
        elif layer.weights and layer not in left_out:
            set_weights(folded.get_layer(layer.name), layer.get_weights())
    return folded


def _foldable(network: keras.Model) -> dict[keras.Layer, keras.Layer]:
    """Return, by linear layer, the BatchNorm behind it if nothing else uses its output."""
    batch_norms = [op for op in network.layers if isinstance(op, keras.layers.BatchNormalization)]
    if not batch_norms:
        return {}
    repeated = repeated_operations(network)
    once = [op for op in operations_of(network) if op.name not in repeated]
    makers = {id(op.output): op for op in once if not isinstance(op.output, list | tuple)}
    n_uses = Counter(id(tensor) for op in once for tensor in keras.tree.flatten(op.input))
    n_uses.update(id(tensor) for tensor in network.outputs)
    folds = {}
    for layer in once:
        if isinstance(layer, keras.layers.BatchNormalization) and n_uses[id(layer.input)] == 1:
            maker: Any = makers.get(id(layer.input))
            # Not subclasses: they may use their kernels in other ways.
            if type(maker) in _LINEAR and maker.activation is keras.activations.linear:
                folds[maker] = layer
    return folds


def _folded_weights(layer: keras.Layer, batch_norm: keras.Layer) -> list[NDArray[np.float32]]:
    weights = layer.get_weights()
    bias = weights.pop() if layer.use_bias else 0.0
    *others, kernel = weights
    statistics = iter(batch_norm.get_weights())
    gamma = next(statistics) if batch_norm.scale else 1.0
    beta = next(statistics) if batch_norm.center else 0.0
    mean, variance = statistics
    scale = gamma / np.sqrt(variance + batch_norm.epsilon)
    bias = (bias - mean) * scale + beta
    if type(layer) is keras.layers.DepthwiseConv2D:
        scale = scale.reshape(kernel.shape[-2:])
    return [*others, kernel * scale, bias]
