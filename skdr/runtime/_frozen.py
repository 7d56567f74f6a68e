"""A pretrained network that no longer changes, and the features of its layers."""

import functools
import hashlib
import math
import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._accelerations import are_accelerations_enabled
from skdr._fingerprint import code_fingerprint
from skdr.devices import is_data_parallel, refuse_if_forked
from skdr.networks import ALL, BackboneLike, build_backbone, is_own_code
from skdr.networks._backbones import LAST
from skdr.networks._batch_norm import last_batch_norm, mean_shift
from skdr.networks._build import use_dtype, weights_hash
from skdr.networks._copies import copy_network, innermost_layers
from skdr.networks._own_network import own_code
from skdr.networks._settings import refuse_other_settings
from skdr.networks._taps import find_tap_operation, layer_names, n_features, tap_features
from skdr.runtime._forward import ForwardPass
from skdr.runtime._keras_internals import keras_seed
from skdr.runtime._openvino import OpenVINO
from skdr.runtime._pool import NETWORKS
from skdr.runtime._sealed import network_from_state, network_state, sealed


class FrozenNetwork:
    """A network in inference mode, and the features of its layers.

    Parameters
    ----------
    network : keras.Model
        As `build_backbone` returns it; not to be changed from now on.
    backbone : str, keras.Model or callable
        What it was built from: a name brings its named taps; anything else is
        not kept.
    engine : OpenVINO, optional
        What runs it; by default Keras's backend does.
    """

    def __init__(
        self, network: keras.Model, backbone: BackboneLike, engine: OpenVINO | None = None
    ):
        self.network = network
        self.backbone = backbone if isinstance(backbone, str) else network
        self.engine = engine
        self._forward_passes: dict[Hashable, ForwardPass] = {}
        self._operations: dict[str, keras.Operation] = {}

    @property
    def name(self) -> str | None:
        """Its name in `list_backbones`."""
        return self.backbone if isinstance(self.backbone, str) else None

    def __reduce__(self) -> tuple[Any, ...]:
        return sealed(_restore, self.network, self.name, self.engine)

    def __deepcopy__(self, memo: Any) -> "FrozenNetwork":
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for skops, which cannot save a Keras model."""
        return {**network_state(self.network), "backbone": self.name, "engine": self.engine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        network = network_from_state(state)
        FrozenNetwork.__init__(self, network, state["backbone"] or network, state["engine"])

    @functools.cached_property
    def weights_hash(self) -> str:
        """SHA-256 of all weights."""
        return weights_hash(self.network)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of what the network computes: its layers, their code and weights."""
        runs_on = repr(self.engine) if self.engine else keras.backend.backend()
        parts = [self.network.to_json(), self.weights_hash, runs_on]
        parts += own_code(self.network)
        if any(hasattr(layer, "finalize_state") for layer in innermost_layers(self.network)):
            parts.append("normalised by what was adapted to")  # not so in older versions
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def layer_names(self, layer: str | Sequence[str]) -> list[str]:
        """Return the names of the taps and layers that a parameter `layer` stands for."""
        return layer_names(self.backbone, layer)

    def layers(self, names: Sequence[str], *, with_taps: bool) -> list[str]:
        """Return names of layers without repetition.

        Parameters
        ----------
        names : sequence of str
            ``"last"``, named taps or Keras layers.
        with_taps : bool
            Whether to add the last layer and every named tap.

        Raises
        ------
        ValueError
            If a layer is not known.
        """
        every = [*names, *self.layer_names(ALL), LAST] if with_taps else names
        return list({self.operation_name(name): name for name in every}.values())

    def operation_name(self, name: str) -> str:
        """Return Keras's own name of a layer or named tap."""
        return self._operation(name).name

    def n_features(self, name: str, pooling: str | None) -> int:
        """Return the number of features of a layer."""
        return n_features(self._operation(name), pooling)

    def batch_norm_name(self, name: str) -> str | None:
        """Return the name of the last BatchNorm at or before a layer, if there is one."""
        layer = last_batch_norm(self.network, self._operation(name))
        return None if layer is None else layer.name

    def mean_shift(self, batch_norm_name: str, outputs: NDArray[np.floating]) -> float:
        """Return how far images lie from the means that a BatchNorm stored; see `mean_shift`."""
        return mean_shift(self.network.get_layer(batch_norm_name), outputs)

    def _operation(self, name: str) -> keras.Operation:
        if name not in self._operations:
            self._operations[name] = find_tap_operation(self.network, self.backbone, name)
        return self._operations[name]

    def features(self, layers: Sequence[str], pooling: str | None) -> keras.Model:
        """Return the network from images to the features of some layers."""
        return tap_features(self.network, self.backbone, layers, pooling)

    @property
    def n_bytes(self) -> int:
        """Size of the weights, and of their copies in what is compiled."""
        weights = sum(math.prod(v.shape) * 4 for v in self.network.weights)
        return weights * (1 + len(self._forward_passes))

    def to_keras(self, layers: Sequence[str], pooling: str | None) -> keras.Model:
        """Return a copy of the network, from images to the features of some layers."""
        refuse_if_forked()
        with keras_seed(0):  # Keras draws weights here: other random numbers must not change
            return copy_network(self.features(layers, pooling))

    def forward_pass(self, layers: Sequence[str], pooling: str | None) -> ForwardPass:
        """Return the compiled forward pass to the features of some layers."""
        key = (tuple(layers), pooling, are_accelerations_enabled())
        if key not in self._forward_passes:
            with keras_seed(0):  # its lock keeps threads from building the same twice
                if key not in self._forward_passes:
                    features = self.features(layers, pooling)
                    self._forward_passes[key] = ForwardPass(features, compiler=self.engine)
        return self._forward_passes[key]


def _restore(network: keras.Model, name: str | None, engine: OpenVINO | None) -> FrozenNetwork:
    """Unpickle. A function, since for a class skops would try to save the arguments."""
    return FrozenNetwork(network, name or network, engine)


def frozen_network(
    backbone: BackboneLike,
    weights: str | os.PathLike[str] | None,
    image_size: tuple[int, int],
    *,
    dtype: str = "float32",
    engine: str = "keras",
    seed: int = 0,
) -> FrozenNetwork:
    """Return a frozen network; the process keeps it for calls that ask for the same.

    Parameters
    ----------
    backbone, weights, image_size
        See `build_backbone`.
    dtype : {"float32", "bfloat16", "float16"}, default="float32"
        Precision in which it computes.
    engine : {"keras", "openvino"}, default="keras"
        What runs it: the backend of Keras, or `OpenVINO`.
    seed : int, default=0
        Random weights are drawn from it.

    Returns
    -------
    network : FrozenNetwork
        Shared by all who ask for the same: not to be changed.
    """
    refuse_other_settings()
    runs_on = OpenVINO(dtype) if engine == "openvino" else None
    origin = network_origin(backbone, weights, seed)
    key = (origin, image_size, dtype, engine, is_data_parallel())
    shared = are_accelerations_enabled()
    network = NETWORKS.get(key) if shared else None
    if network is None:
        with keras_seed(seed):
            network = NETWORKS.get(key) if shared else None  # another thread may have built it
            if network is None:
                built = build_backbone(backbone, weights, image_size)
                use_dtype(built, "float32" if runs_on else dtype)
                built.trainable = False
                network = FrozenNetwork(built, backbone, runs_on)
    if shared:
        NETWORKS.put(key, network)
    return network


def network_origin(
    backbone: BackboneLike, weights: str | os.PathLike[str] | None, seed: int | None
) -> Hashable:
    """Return a key of what a network and its weights come from; equal only for the same.

    With ``seed=None``, keys of networks that differ only in random weights are equal.
    """
    source: Hashable = backbone if isinstance(backbone, str) else None
    if isinstance(backbone, keras.Model):
        source = _what_it_is(backbone)
    elif source is None:
        try:
            source = code_fingerprint(backbone)
        except TypeError:
            source = object()
    path = None if weights is None else Path(weights)
    contents = hashlib.sha256(path.read_bytes()).digest() if path and path.is_file() else None
    drawn = weights is None or (is_own_code(backbone) and contents is None)
    return (source, str(weights), contents, seed if drawn else None)


def _what_it_is(network: keras.Model) -> Hashable:
    """Return a key of all that a network computes with; equal only for networks that are equal."""
    try:
        return (network.to_json(), weights_hash(network), *own_code(network))
    except (TypeError, ValueError, NotImplementedError):  # a layer that has no config
        return object()
