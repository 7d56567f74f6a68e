"""Networks that outlive a fit or a transform: the next one of the same kind builds nothing."""

import threading
from collections.abc import Hashable
from typing import Any, Protocol

from cachetools import LRUCache

_MAX_BYTES = 2**30
# An estimate of what Keras's backend keeps for a compiled network, beside its weights.
_COMPILED_BYTES = 2**26


class Pooled(Protocol):
    """Something that a pool may keep."""

    @property
    def n_bytes(self) -> int:
        """Size of its weights, and of what is kept beside them for each weight."""


class NetworkPool:
    """Keeps networks up to a total size; the one that was unused for longest goes first.

    Threads may use it at once.

    Parameters
    ----------
    max_bytes : int
        Weights, states of optimizers, and an estimate of what is compiled. A
        network that is larger is not kept.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES):
        self._networks: LRUCache[Hashable, Any] = LRUCache(max_bytes, getsizeof=_size)
        self._changing = threading.Lock()

    def __len__(self) -> int:
        return len(self._networks)

    def get(self, key: Hashable) -> Any:
        """Return a network that others may get as well, or None."""
        with self._changing:
            return self._networks.get(key)

    def take(self, key: Hashable) -> Any:
        """Return a network, or None; no other caller gets it until it is put back."""
        with self._changing:
            return self._networks.pop(key, None)

    def put(self, key: Hashable, network: Pooled) -> None:
        """Keep a network, unless it is too large."""
        with self._changing:
            self._networks.pop(key, None)
            if _size(network) <= self._networks.maxsize:
                self._networks[key] = network

    def clear(self) -> None:
        """Keep none."""
        with self._changing:
            self._networks.clear()


def _size(network: Pooled) -> int:
    return network.n_bytes + _COMPILED_BYTES


NETWORKS = NetworkPool()


def clear_networks() -> None:
    """Give up the networks that this process keeps for later fits and transforms.

    `skdr` keeps what it has built and compiled, up to 1 GiB in all, so that a
    second fit of the same kind starts at once. Fitted estimators have what they
    need and still work. To keep no networks at all, see `accelerations`.

    Examples
    --------
    >>> import skdr
    >>> skdr.clear_networks()
    """
    NETWORKS.clear()
