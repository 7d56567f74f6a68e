"""Networks to be trained: built and compiled once, then filled with other weights."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from skdr._accelerations import are_accelerations_enabled
from skdr.devices import refuse_if_forked
from skdr.networks._build import weights_hash
from skdr.networks._copies import set_weights
from skdr.networks._settings import refuse_other_settings
from skdr.runtime._architecture import Architecture
from skdr.runtime._keras_internals import keras_seed
from skdr.runtime._pool import NETWORKS
from skdr.runtime._stateless import as_tensors

# So many compiled phases are kept per network: two phases of three fits.
_MAX_COMPILED = 6


class TrainableNetwork:
    """A network, and all that was compiled to train it; fits of the same kind share it in turn.

    Parameters
    ----------
    network : keras.Model
        Changed in place by `Architecture`.
    seed : int or None, default=None
        What its weights were drawn from, if any were.

    Attributes
    ----------
    architecture : Architecture
        What predictions run on, also with the weights of other fits.
    initial_weights : list of ndarray
        The weights that a fit starts from.
    weights_hash : str
        SHA-256 of those.
    compiled : mutable mapping
        What a trainer compiled, by a key of what it depends on; the last few.
    """

    def __init__(self, network: keras.Model, seed: int | None = None):
        self.network = network
        self.architecture = Architecture(network)
        self.take_initial_weights(network, seed)
        self.compiled: LRUCache[Hashable, Any] = LRUCache(_MAX_COMPILED)

    @property
    def n_bytes(self) -> int:
        """Size of the weights, of those to start from, and of the states of optimizers."""
        weights = sum(array.nbytes for array in self.initial_weights)
        # Adam keeps two numbers for each weight, and the compiled phase their initial values.
        return weights * (2 + 4 * len(self.compiled))

    def take_initial_weights(self, network: keras.Model, seed: int | None) -> None:
        """Take the weights of a network of the same layers, drawn from a seed."""
        self.initial_weights: Sequence[NDArray[Any]] = network.get_weights()
        self.weights_hash = weights_hash(network)
        self.seed = seed

    def load(self, weights: Sequence[Any]) -> None:
        """Fill the network with weights."""
        set_weights(self.network, weights)

    def part(self, first: int, end: int | None = None) -> keras.Model | None:
        """Return the operations between two; see `part_between`."""
        return self.architecture.part(first, end)

    def forward_pass(
        self, first: int = 0, end: int | None = None
    ) -> Callable[[Iterable[NDArray[Any]]], NDArray[np.float32]]:
        """Return the pass through such a part, with the weights at the time of the call."""
        return lambda batches: self.architecture(
            batches, as_tensors(self.network.weights), first, end
        )


@contextmanager
def lend_network(
    key: Hashable | None,
    build: Callable[[], keras.Model],
    *,
    seed: int,
    draws_weights: bool = True,
    keep: bool = True,
) -> Iterator[TrainableNetwork]:
    """Lend a network to be trained; it is kept for the next call with the same key.

    Parameters
    ----------
    key : hashable or None
        Equal only for networks of the same layers; None if skdr cannot tell.
    build : callable
        Returns the network; called if none is kept, if it is lent already, or
        if its weights were drawn from another seed.
    seed : int
        What Keras draws from while `build` runs.
    draws_weights : bool, default=True
        Whether `build` draws any weights.
    keep : bool, default=True
        Whether it may be lent again.

    Yields
    ------
    network : TrainableNetwork
        Not lent again until the block ends.
    """
    refuse_if_forked()
    refuse_other_settings()
    keep = keep and key is not None and are_accelerations_enabled()
    drawn_from = seed if draws_weights else None

    def built() -> keras.Model:
        with keras_seed(seed):
            return build()

    network = NETWORKS.take(key) if keep else None
    if network is None:
        network = TrainableNetwork(built(), drawn_from)
    if network.seed != drawn_from:  # drawing weights takes less time than compiling
        network.take_initial_weights(built(), drawn_from)
    yield network
    if keep:
        NETWORKS.put(key, network)
