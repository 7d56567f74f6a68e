"""Where vectors are kept: in this process, or in a folder shared by processes and runs."""

import os
import sqlite3
import threading
import zlib
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import filelock
import numpy as np
from numpy.typing import NDArray

from skdr._warnings import warn

Vectors: TypeAlias = dict[bytes, NDArray[np.float32]]

# Part of the name of the file: what an older version wrote in another format is not read.
FORMAT = 2
MEMORY = "memory"
MEMORY_BYTES = 2**29
_MIN_BLOCKS = 32  # a full store in memory has at least so many
_KEYS_PER_QUERY = 500
_SECONDS_TO_WAIT_FOR_A_WRITER = 60.0
_SECONDS_BETWEEN_TRIES = 0.005
# The files that this thread, or a thread that waits for it, has locked. `preprocess` runs in a
# thread of its own and may ask for features of another network: it must not wait for its caller.
_held: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


@dataclass(frozen=True)
class CacheInfo:
    """What a cache of features holds, and how it served this process.

    Attributes
    ----------
    n_vectors : int
        Vectors in it: one per image and per layer.
    n_bytes : int
        Their size; for a folder, the size of its file.
    hits : int
        Images whose features this process found in it.
    misses : int
        Images whose features this process had to compute.

    Examples
    --------
    >>> import skdr
    >>> skdr.CacheInfo(n_vectors=2, n_bytes=10_240, hits=4, misses=2).hits
    4
    """

    n_vectors: int
    n_bytes: int
    hits: int
    misses: int


class FeatureStore(ABC):
    """Keeps vectors by key, and counts hits and misses.

    Attributes
    ----------
    hits, misses : int
        See `CacheInfo`.
    """

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self._counting = threading.Lock()

    def count(self, *, hits: int, misses: int) -> None:
        """Add to the counts; threads may do so at once."""
        with self._counting:
            self.hits += hits
            self.misses += misses

    @abstractmethod
    def get(self, keys: Sequence[bytes]) -> Vectors:
        """Return the vectors that are there and not damaged."""

    @abstractmethod
    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors; where that is not possible, warn and go on."""

    @abstractmethod
    def computing(self, names: Sequence[bytes]) -> AbstractContextManager[Collection[bytes]]:
        """Return a context in which this thread alone computes a part of what is missing.

        Parameters
        ----------
        names : sequence of bytes
            One per image whose vectors are missing.

        Returns
        -------
        context : context manager of a collection of bytes
            Waits until some images are left to this thread, and returns their
            names. Others compute the rest: look them up again later.
        """

    @abstractmethod
    def info(self) -> CacheInfo:
        """Return what is in the store."""

    @abstractmethod
    def clear(self) -> None:
        """Forget everything."""


class MemoryStore(FeatureStore):
    """Vectors in this process, up to some size; what was unused for longest goes first.

    Vectors that are stored together share one block of memory and go together.
    Stored one by one, they would lie between the large blocks that a pass of a
    network frees, and leave gaps too small for the next pass: at 224 pixels a
    process grew by nearly twenty times what it kept.

    Parameters
    ----------
    max_bytes : int
    """

    def __init__(self, max_bytes: int = MEMORY_BYTES):
        super().__init__()
        self.max_bytes = max_bytes
        # The name of a block is the first of its keys.
        self._vectors: dict[bytes, tuple[bytes, NDArray[np.float32]]] = {}
        self._blocks: OrderedDict[bytes, list[bytes]] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._computed: set[bytes] = set()  # at this moment, by some thread
        self._has_computed = threading.Condition()

    def get(self, keys: Sequence[bytes]) -> Vectors:
        with self._lock:
            found = {key: self._vectors[key] for key in keys if key in self._vectors}
            for block in {block: None for block, _ in found.values()}:
                self._blocks.move_to_end(block)
            return {key: vector for key, (_, vector) in found.items()}

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        with self._lock:
            block: Vectors = {}
            n_bytes = 0
            for key, vector in vectors.items():
                if key in self._vectors:
                    continue
                block[key] = vector
                n_bytes += vector.nbytes
                if n_bytes >= self.max_bytes // _MIN_BLOCKS:
                    self._put_block(block)
                    block, n_bytes = {}, 0
            if block:
                self._put_block(block)

    @contextmanager
    def computing(self, names: Sequence[bytes]) -> Iterator[Collection[bytes]]:
        own: set[bytes] = set()
        try:
            with self._has_computed:
                self._has_computed.wait_for(lambda: not self._computed.issuperset(names))
                own.update(set(names) - self._computed)
                self._computed |= own
            yield own
        finally:
            with self._has_computed:
                self._computed -= own
                self._has_computed.notify_all()

    def info(self) -> CacheInfo:
        return CacheInfo(len(self._vectors), self._n_bytes, self.hits, self.misses)

    def clear(self) -> None:
        with self._lock:
            self._vectors.clear()
            self._blocks.clear()
            self._n_bytes = 0

    def _put_block(self, vectors: Vectors) -> None:
        """Copy vectors into one block, and forget the blocks that were not used for longest."""
        ends = np.cumsum([len(vector) for vector in vectors.values()])
        copies = np.split(np.concatenate(list(vectors.values())), ends[:-1])
        keys = list(vectors)
        self._blocks[keys[0]] = keys
        for key, copy in zip(keys, copies, strict=True):
            self._vectors[key] = (keys[0], copy)
            self._n_bytes += copy.nbytes
        while self._n_bytes > self.max_bytes:
            for key in self._blocks.popitem(last=False)[1]:
                self._n_bytes -= self._vectors.pop(key)[1].nbytes


class FolderStore(FeatureStore):
    """Vectors in an SQLite file, shared by processes and kept for later runs.

    Each vector has a checksum. Writers wait for each other; what a killed one
    had finished stays. No problem with the file stops the caller: what cannot
    be read or written is computed anew, with a warning.

    Parameters
    ----------
    folder : path
        Made when the first vector is kept.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder
        self.file = folder / f"features-{FORMAT}.sqlite"
        self._mutex = filelock.FileLock(folder / f"features-{FORMAT}.lock")
        self._has_warned = False

    def get(self, keys: Sequence[bytes]) -> Vectors:
        found: Vectors = {}
        n_damaged = 0
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            for key, checksum, vector in self._select(keys[start : start + _KEYS_PER_QUERY]):
                if _checksum(key, vector) == checksum:
                    found[key] = np.frombuffer(vector, dtype="<f4").astype(np.float32, copy=False)
                else:
                    n_damaged += 1
        if n_damaged:
            self._warn(f"{n_damaged} vectors in it are damaged and are computed anew")
        return found

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        contents = {key: vector.astype("<f4").tobytes() for key, vector in vectors.items()}
        rows = [(key, _checksum(key, vector), vector) for key, vector in contents.items()]
        with self._surviving(), self._connection() as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors "
                "(key BLOB PRIMARY KEY, checksum INTEGER, vector BLOB)"
            )
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    @contextmanager
    def computing(self, names: Sequence[bytes]) -> Iterator[Collection[bytes]]:
        """Wait until no other thread or process computes; threads of the same call may."""
        with self._alone():
            yield names

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.file in _held.get():
            yield
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._mutex.acquire(poll_interval=_SECONDS_BETWEEN_TRIES)
        except OSError as exc:  # a folder that cannot be written to shares no work
            self._warn_once(exc)
            yield
            return
        before = _held.set(_held.get() | {self.file})
        try:
            yield
        finally:
            _held.reset(before)
            self._mutex.release()

    def info(self) -> CacheInfo:
        n_vectors = sum(n for (n,) in self._query("SELECT count(*) FROM vectors"))
        n_bytes = self.file.stat().st_size if self.file.exists() else 0
        return CacheInfo(n_vectors, n_bytes, self.hits, self.misses)

    def clear(self) -> None:
        with self._alone():
            self.file.unlink(missing_ok=True)

    def _select(self, keys: Sequence[bytes]) -> list[tuple[bytes, int, bytes]]:
        marks = ",".join("?" * len(keys))
        return self._query(
            f"SELECT key, checksum, vector FROM vectors WHERE key IN ({marks})", keys
        )

    def _query(self, query: str, values: Sequence[bytes] = ()) -> list[Any]:
        rows: list[Any] = []
        if self.file.exists():
            with self._surviving(), self._connection() as connection:
                rows = connection.execute(query, values).fetchall()
        return rows

    def _connection(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.file, timeout=_SECONDS_TO_WAIT_FOR_A_WRITER))

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Turn errors of the file in the block into warnings."""
        try:
            yield
        except sqlite3.OperationalError as exc:  # full disk, read-only folder, no table yet
            if "no such table" not in str(exc):
                self._warn_once(exc)
        except sqlite3.DatabaseError as exc:
            self._set_aside(exc)

    def _set_aside(self, exc: sqlite3.DatabaseError) -> None:
        damaged = self.file.with_suffix(".damaged")
        with self._alone():
            if not _is_sound(self.file):
                self.file.replace(damaged)
                self._warn(f"its file is damaged ({exc}); it is now {damaged.name!r}")

    def _warn_once(self, exc: Exception) -> None:
        if not self._has_warned:
            self._warn(f"{exc}. Features are computed and not kept")
            self._has_warned = True

    def _warn(self, problem: str) -> None:
        warn(f"cache={str(self.folder)!r}: {problem}.")


_stores: dict[str, FeatureStore] = {MEMORY: MemoryStore()}


def open_store(cache: str | os.PathLike[str]) -> FeatureStore:
    """Return the store of this process that `cache` stands for.

    Parameters
    ----------
    cache : "memory" or path
        In this process, or in a folder.

    Raises
    ------
    ValueError
        If the path is that of a file.
    """
    if cache == MEMORY:
        return _stores[MEMORY]
    folder = Path(cache).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"cache={str(cache)!r} is a file; give a folder, 'memory' or None.")
    return _stores.setdefault(str(folder), FolderStore(folder))


def feature_cache_info(cache: str | os.PathLike[str] = MEMORY) -> CacheInfo:
    """Return what a cache of features holds, and how often it helped.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        As given to the estimators.

    Returns
    -------
    info : CacheInfo
        ``n_vectors``, ``n_bytes``, and the ``hits`` and ``misses`` of this
        process.

    Examples
    --------
    >>> import skdr
    >>> skdr.clear_feature_cache()
    >>> skdr.feature_cache_info().n_vectors
    0
    """
    return open_store(cache).info()


def clear_feature_cache(cache: str | os.PathLike[str] = MEMORY) -> None:
    """Forget all that a cache of features holds; counts start at 0 again.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        As given to the estimators.
    """
    store = open_store(cache)
    store.clear()
    store.count(hits=-store.hits, misses=-store.misses)


def _checksum(key: bytes, vector: bytes) -> int:
    return zlib.crc32(vector, zlib.crc32(key))


def _is_sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as connection:
            return connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError:
        return False
