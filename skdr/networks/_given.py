"""A network that was given as a parameter, in files."""

from collections.abc import Mapping
from typing import Any

import keras

from skdr.networks._build import network_from_state, network_state
from skdr.networks._registered import refuse_unregistered


class GivenNetwork:
    """Stands for a network among the parameters of an estimator where that is saved.

    Parameters
    ----------
    network : keras.Model
    """

    def __init__(self, network: keras.Model):
        self.network = network

    def __reduce__(self) -> tuple[Any, ...]:
        refuse_unregistered(self.network)
        return _restore, (self.network,)

    def __getstate__(self) -> dict[str, Any]:
        """For skops, which knows no Keras model."""
        return network_state(self.network)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.network = network_from_state(state)


def _restore(network: keras.Model) -> GivenNetwork:
    """Unpickle; skops would call the class itself with what it cannot save."""
    return GivenNetwork(network)
