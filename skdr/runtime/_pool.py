"""Networks that outlive a fit: built and compiled once, then filled with other weights."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._fingerprint import code_fingerprint
from skdr.devices import refuse_if_forked
from skdr.networks import copy_network, keras_seed, weights_hash
from skdr.networks._build import network_from_state, network_state
from skdr.networks._copies import set_weights
from skdr.networks._names import rename_automatic_names
from skdr.networks._settings import refuse_other_settings
from skdr.runtime._architecture import Architecture
from skdr.runtime._sealed import sealed
from skdr.runtime._stateless import as_tensors

_MAX_KEPT = 4
_KERAS_OBJECTS = (
    keras.Layer,
    keras.Loss,
    keras.Metric,
    keras.Optimizer,
    keras.Initializer,
    keras.optimizers.schedules.LearningRateSchedule,
)


def keep_last_few(kept: OrderedDict[Hashable, Any], key: Hashable, network: Any) -> None:
    """Put a network behind those that are kept, and drop the first ones."""
    kept[key] = network
    kept.move_to_end(key)
    while len(kept) > _MAX_KEPT:
        kept.popitem(last=False)


class KeptNetwork:
    """A network and all that was compiled for it; fits of one configuration share it.

    Whoever trains it has it for himself; see `kept_network`.

    Parameters
    ----------
    network : keras.Model
        Changed as `Architecture` says.
    seed : int or None, default=None
        What its weights were drawn from, where they were.

    Attributes
    ----------
    architecture : Architecture
        What predictions run on, also with the weights of other fits.
    initial_weights : list of ndarray
        The weights that a fit starts from.
    weights_hash : str
        SHA-256 of those.
    compiled : dict
        What its users compiled, by what they call it.
    """

    def __init__(self, network: keras.Model, seed: int | None = None):
        self.network = network
        self.architecture = Architecture(network)
        self.take_initial_weights(network, seed)
        self.compiled: dict[Hashable, Any] = {}

    def take_initial_weights(self, network: keras.Model, seed: int | None) -> None:
        """Take those of a network of the same layers, drawn from a seed."""
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
        """Return the pass through such a part, with the weights as they are when it is called."""
        return lambda batches: self.architecture(
            batches, as_tensors(self.network.weights), first, end
        )


class FittedNetwork:
    """An architecture with weights of one's own; nothing changes it any more.

    Parameters
    ----------
    architecture : Architecture
    weights : list of arrays or tensors
    """

    def __init__(self, architecture: Architecture, weights: Sequence[Any]):
        self.architecture = architecture
        self.weights = weights
        self._are_tensors = False

    @classmethod
    def from_keras(cls, network: keras.Model) -> "FittedNetwork":
        """Take over a network."""
        return cls(Architecture(network), as_tensors(network.weights))

    def __reduce__(self) -> tuple[Any, ...]:
        return sealed(FittedNetwork.from_keras, self.to_keras())

    def __deepcopy__(self, memo: Any) -> "FittedNetwork":
        return self

    def __getstate__(self) -> dict[str, Any]:
        """For skops, which knows no Keras model."""
        return network_state(self.to_keras())

    def __setstate__(self, state: dict[str, Any]) -> None:
        network = network_from_state(state)
        FittedNetwork.__init__(self, Architecture(network), as_tensors(network.weights))

    def __call__(self, batches: Iterable[NDArray[Any]], first: int = 0) -> NDArray[np.float32]:
        """Return the outputs for what enters operation `first`, 0 being the images."""
        refuse_if_forked()
        if not self._are_tensors:  # from here on they are where they are computed with
            self.weights, self._are_tensors = as_tensors(self.weights), True
        return self.architecture(batches, self.weights, first)

    def to_keras(self) -> keras.Model:
        """Return a network of its own with these weights."""
        refuse_if_forked()
        with keras_seed(0):  # the weights that Keras draws first change nobody else's numbers
            network = copy_network(self.architecture.network, self.weights)
        rename_automatic_names(network)
        return network


def hashable(value: Any) -> Hashable:
    """Return something that is equal for parameters that mean the same.

    Raises
    ------
    TypeError
        If nobody can say what a value means.
    """
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(hashable(item) for item in value)
    if isinstance(value, keras.Model):
        return (value.to_json(), weights_hash(value))
    if isinstance(value, _KERAS_OBJECTS) and type(value).__module__.startswith("keras."):
        config = keras.saving.serialize_keras_object(value)
        return (type(value), json.dumps(config, sort_keys=True, default=repr))
    # An object of the user's own class may hold what its config does not tell.
    if callable(value) or isinstance(value, _KERAS_OBJECTS):
        return code_fingerprint(value)
    hash(value)
    return (type(value), value)


_kept: OrderedDict[Hashable, KeptNetwork] = OrderedDict()
_choosing = threading.Lock()


@contextmanager
def kept_network(
    key: Hashable | None,
    build: Callable[[], keras.Model],
    *,
    seed: int | None = None,
    keep: bool = True,
) -> Iterator[KeptNetwork]:
    """Lend a network of some configuration; the last few of the process are kept.

    Parameters
    ----------
    key : hashable or None
        The configuration; None for one that has no name.
    build : callable
        Returns the network, where none is kept, it is lent already, or its
        weights were drawn from another seed.
    seed : int or None, default=None
        What `build` draws weights from; None where it draws none.
    keep : bool, default=True
        Whether it may be lent again.

    Yields
    ------
    kept : KeptNetwork
        Nobody else's until the block ends.
    """
    refuse_if_forked()
    refuse_other_settings()
    with _choosing:
        kept = _kept.pop(key, None) if key is not None else None
    if kept is None:
        kept = KeptNetwork(build(), seed)
    if kept.seed != seed:  # to draw weights takes less time than to compile
        kept.take_initial_weights(build(), seed)
    yield kept
    if key is not None and keep:
        with _choosing:
            keep_last_few(_kept, key, kept)
