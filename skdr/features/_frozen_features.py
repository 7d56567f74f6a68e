"""One vector per image: computed once, shared by folds, grids, processes and runs."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._fingerprint import code_fingerprint
from skdr._progress import ProgressBar
from skdr._warnings import warn
from skdr.features._store import FeatureStore, Vectors, open_store
from skdr.images import ImageSource, decoded_batches
from skdr.runtime import FrozenNetwork

CacheLike: TypeAlias = str | os.PathLike[str] | None
_CHUNK = 512
# Files of a chunk are kept in memory from the reading of their digests until they are decoded.
_MAX_HELD_BYTES = 2**28


@dataclass(frozen=True)
class FrozenFeatures:
    """Features of images by a frozen network, looked up or computed.

    With a cache, one pass also computes the features of every named tap, which
    costs almost nothing: a grid over layers needs one pass per image.

    Parameters
    ----------
    network : FrozenNetwork
    layer : str or sequence of str
        Name of a layer, or of several, whose features are concatenated.
    pooling : {"avg", "max", "avgmax"} or None
    image_size : tuple of (height, width)
    preprocess : callable or None
    batch_size : int
    cache : "memory", path or None
    """

    network: FrozenNetwork
    layer: str | Sequence[str]
    pooling: str | None
    image_size: tuple[int, int]
    preprocess: Callable[[NDArray[Any]], NDArray[Any]] | None
    batch_size: int
    cache: CacheLike

    def __call__(self, source: ImageSource, *, verbose: int = 0) -> NDArray[np.float32]:
        """Return the features of all images.

        Parameters
        ----------
        source : ImageSource
        verbose : int, default=0
            1 shows how many images are done, computed or found in the cache.

        Returns
        -------
        features : ndarray of shape (n, n_features) and dtype float32

        Raises
        ------
        ImageDecodeError
            Names the images that cannot be decoded.
        """
        bar = ProgressBar(len(source), "image", verbose)
        if self.cache is None:
            return self.compute(source, self.layers, bar)
        try:
            lookup = _Lookup(self, open_store(self.cache), source.value_range, bar)
        except TypeError as exc:  # code that has no fingerprint
            warn(
                f"Features are computed and not kept, because skdr cannot tell whether some code "
                f"has changed: {exc}. Set cache=None to silence this."
            )
            return self.compute(source, self.layers, bar)
        features = np.empty((len(source), self.n_features), dtype=np.float32)
        for start in range(0, len(source), _CHUNK):
            stop = min(start + _CHUNK, len(source))
            chunk = source.take(slice(start, stop), then=source.take(slice(stop, None)))
            lookup.fill(features[start:stop], chunk)
        return features

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""
        return self.network.layer_names(self.layer)

    def to_keras(self) -> keras.Model:
        """Return a copy of the network, from RGB images in 0..255 to features."""
        return self.network.to_keras(self.layers, self.pooling)

    @property
    def n_features(self) -> int:
        """Number of features of an image."""
        return sum(self.network.n_features(name, self.pooling) for name in self.layers)

    def compute(
        self, source: ImageSource, layers: Sequence[str], bar: ProgressBar
    ) -> NDArray[np.float32]:
        """Run images through the network, and return the features of some layers."""
        batches = decoded_batches(source, self.image_size, self.batch_size, self.preprocess)
        forward = self.network.forward_pass(layers, self.pooling)
        return forward(bar.counted(batches))

    def fingerprint(self, layer: str, value_range: tuple[float, float] | None) -> str:
        """Return, as text, all that shapes the features of one layer except the image."""
        shaped_by = {
            "network": self.network.fingerprint,
            "layer": self.network.operation_name(layer),
            "pooling": self.pooling,
            "image_size": self.image_size,
            "preprocess": self.preprocess and code_fingerprint(self.preprocess),
            "black and white": value_range,
        }
        return json.dumps(shaped_by, sort_keys=True)


class _Lookup:
    """Looks images up in a store, and computes those that are not there."""

    def __init__(
        self,
        features: FrozenFeatures,
        store: FeatureStore,
        value_range: tuple[float, float] | None,
        bar: ProgressBar,
    ):
        self._features, self._store, self._bar = features, store, bar
        # Without pooling features are whole maps: those of all taps would fill the store.
        with_taps = features.pooling is not None
        self._layers = features.network.layers(features.layers, with_taps=with_taps)
        widths = [features.network.n_features(name, features.pooling) for name in self._layers]
        ends = np.cumsum(widths)
        fingerprints = {
            name: features.fingerprint(name, value_range)
            for name in (*self._layers, *features.layers)
        }
        self._columns = {
            fingerprints[name]: slice(end - width, end)
            for name, width, end in zip(self._layers, widths, ends, strict=True)
        }
        self._wanted = [fingerprints[name] for name in features.layers]
        self._name = "".join(sorted(self._columns))  # stands for all layers of one pass

    def fill(self, features: NDArray[np.float32], source: ImageSource) -> None:
        """Write the features of all images of a source into an array."""
        digests, source = source.read(_MAX_HELD_BYTES)
        keys = [[_key(layer, digest) for layer in self._wanted] for digest in digests]
        vectors = self._store.get([key for row in keys for key in row])
        n_computed = 0

        def missing() -> dict[bytes, int]:
            """Return the first row of each distinct image without vectors, by its name."""
            rows = [i for i, row in enumerate(keys) if any(key not in vectors for key in row)]
            return {_key(self._name, digests[i]): i for i in reversed(rows)}

        # Others may want the same images at once: the store gives each of them a part to compute,
        # and the rest is asked for again when the others are done.
        while names := missing():
            with self._store.computing(list(names)) as own:
                rows = sorted(names[name] for name in own)
                # Another thread or process may have computed some before this one got its part.
                vectors |= self._store.get([key for i in rows for key in keys[i]])
                rows = sorted(set(rows) & set(missing().values()))
                vectors |= self._compute(source, rows, digests)
                n_computed += len(rows)
        self._store.count(hits=len(source) - n_computed, misses=n_computed)
        self._bar.add(len(source) - n_computed)
        for row, row_keys in zip(features, keys, strict=True):
            np.concatenate([vectors[key] for key in row_keys], out=row)

    def _compute(self, source: ImageSource, rows: list[int], digests: Sequence[bytes]) -> Vectors:
        """Run images through the network, and keep the vectors of every layer."""
        if not rows:
            return {}
        computed = self._features.compute(source.take(np.array(rows)), self._layers, self._bar)
        vectors = {
            row: {_key(layer, digests[row]): vector[part] for layer, part in self._columns.items()}
            for row, vector in zip(rows, computed, strict=True)
        }
        # A file that was read again may have been replaced since its digest was computed: the
        # vectors of its new contents must not be kept under the digest of the old ones.
        unchanged = [i for i in rows if source.holds(i) or source.digest(i) == digests[i]]
        self._store.put({key: v for row in unchanged for key, v in vectors[row].items()})
        return {key: v for row in rows for key, v in vectors[row].items()}


def _key(layer: str, digest: bytes) -> bytes:
    return hashlib.sha256(layer.encode() + digest).digest()[:20]
