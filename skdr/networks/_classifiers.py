"""Classifiers before they are trained: a network, pretrained or of random weights, and a head."""

from collections.abc import Sequence
from typing import Any

import keras

from skdr.networks._backbones import LAST
from skdr.networks._build import BackboneLike, build_backbone, initialise_kernels, use_dtype
from skdr.networks._class_outputs import warn_if_probabilities
from skdr.networks._copies import copy_network
from skdr.networks._freeze import speed_up_batch_norm
from skdr.networks._head import add_head
from skdr.networks._taps import tap_features


def pretrained_classifier(
    network: keras.Model,
    backbone: BackboneLike,
    n_classes: int,
    *,
    layer: str | Sequence[str],
    pooling: str | None,
    hidden_layer_sizes: Sequence[int],
    dropout: float,
) -> keras.Model:
    """Return a copy of a network with a new head, on standardised features.

    Parameters
    ----------
    network : keras.Model
        As `build_backbone` returns it; only read.
    backbone : str, keras.Model or callable
        What it was built from.
    n_classes : int
    layer, pooling
        See `tap_features`.
    hidden_layer_sizes, dropout
        See `add_head`.
    """
    if not isinstance(backbone, str):
        warn_if_probabilities(network, layer)
    features = tap_features(copy_network(network), backbone, layer, pooling)
    return add_head(features, n_classes, hidden_layer_sizes=hidden_layer_sizes, dropout=dropout)


def scratch_classifier(
    backbone: BackboneLike,
    image_size: tuple[int, int],
    n_classes: int,
    *,
    pooling: str | None,
    kernel_initializer: Any,
    seed: int,
    hidden_layer_sizes: Sequence[int],
    dropout: float,
    dtype: str,
) -> keras.Model:
    """Return a network of random weights with a head.

    Parameters
    ----------
    backbone : str, keras.Model or callable
    image_size : tuple of (height, width)
    n_classes : int
    pooling
        See `tap_features`.
    kernel_initializer, seed
        See `initialise_kernels`.
    hidden_layer_sizes, dropout
        See `add_head`.
    dtype
        See `use_dtype`.
    """
    network = build_backbone(backbone, None, image_size)
    if not isinstance(backbone, str):
        warn_if_probabilities(network)
    use_dtype(network, dtype)
    initialise_kernels(network, kernel_initializer, seed)
    speed_up_batch_norm(network)
    features = tap_features(network, backbone, LAST, pooling)
    return add_head(
        features,
        n_classes,
        hidden_layer_sizes=hidden_layer_sizes,
        dropout=dropout,
        standardise=False,
    )
