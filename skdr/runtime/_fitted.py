"""A network that has been trained, for predictions."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.devices import refuse_if_forked
from skdr.networks._names import rename_automatic_names
from skdr.runtime._architecture import Architecture
from skdr.runtime._sealed import network_from_state, network_state, sealed
from skdr.runtime._stateless import as_tensors


class FittedNetwork:
    """An architecture with weights of its own, which no longer change.

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
        """Return the state for skops, which cannot save a Keras model."""
        return network_state(self.to_keras())

    def __setstate__(self, state: dict[str, Any]) -> None:
        network = network_from_state(state)
        FittedNetwork.__init__(self, Architecture(network), as_tensors(network.weights))

    def __call__(
        self, batches: Iterable[NDArray[Any]], first_operation: int = 0
    ) -> NDArray[np.float32]:
        """Return the outputs for what enters an operation, 0 being the images."""
        refuse_if_forked()
        if not self._are_tensors:  # from now on they stay on the device that computes
            self.weights, self._are_tensors = as_tensors(self.weights), True
        return self.architecture(batches, self.weights, first_operation)

    def to_keras(self) -> keras.Model:
        """Return a network of its own with these weights."""
        refuse_if_forked()
        network = self.architecture.copy(self.weights)
        rename_automatic_names(network)
        return network
