"""Layers shared by networks that differ only in their weights, and what is compiled for them."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._accelerations import are_accelerations_enabled
from skdr.devices import list_gpus
from skdr.networks._copies import copy_network
from skdr.networks._freeze import part_between
from skdr.runtime._forward import ForwardPass
from skdr.runtime._keras_internals import keras_seed
from skdr.runtime._pointwise import multiply_pointwise

Part = tuple[int, int | None]


class Architecture:
    """Layers that run with whatever weights come with the call.

    Nothing is written into the layers, so several networks may run at once,
    each with weights of its own, and one may be trained meanwhile.

    Parameters
    ----------
    network : keras.Model
        Where there is no GPU, changed by `multiply_pointwise`.
    """

    def __init__(self, network: keras.Model):
        self._is_accelerated = are_accelerations_enabled()
        if self._is_accelerated and not list_gpus():
            multiply_pointwise(network)
        self.network = network
        self._parts: dict[Part, keras.Model | None] = {}
        self._forward_passes: dict[Part, tuple[ForwardPass, list[int]]] = {}

    def __call__(
        self,
        batches: Iterable[NDArray[Any]],
        weights: Sequence[Any],
        first: int = 0,
        end: int | None = None,
    ) -> NDArray[np.float32]:
        """Compute what enters operation `end` from what enters operation `first`.

        Parameters
        ----------
        batches : iterable of ndarray
        weights : sequence of tensors or arrays
            One for each of ``network.weights``.
        first, end : int
            Indices in ``operations_of(network)``; 0 stands for the images, None
            for the outputs.
        """
        if self._is_accelerated and not are_accelerations_enabled():
            plain = Architecture(self.copy())
            return plain(batches, weights, first, end)
        forward, places = self._forward_pass((first, end))
        return forward(batches, [weights[place] for place in places])

    def copy(self, weights: Sequence[Any] | None = None) -> keras.Model:
        """Return a network of the same layers as Keras wrote them, with weights of its own."""
        with keras_seed(0):  # Keras draws weights here: other random numbers must not change
            return copy_network(self.network, weights)

    def part(self, first: int, end: int | None = None) -> keras.Model | None:
        """Return the operations between two; see `part_between`."""
        if not first and end is None:
            return self.network
        key = (first, end)
        if key not in self._parts:
            self._parts[key] = part_between(self.network, first, end)
        return self._parts[key]

    def _forward_pass(self, part: Part) -> tuple[ForwardPass, list[int]]:
        """Return the pass through a part, and which weights of the network are in it."""
        if part not in self._forward_passes:
            with keras_seed(0):  # its lock keeps threads from building the same twice
                if part not in self._forward_passes:
                    forward = ForwardPass(self.part(*part), constant_weights=False)
                    number = {id(v): i for i, v in enumerate(self.network.weights)}
                    places = [number[id(v)] for v in forward.network.weights]
                    self._forward_passes[part] = forward, places
        return self._forward_passes[part]
