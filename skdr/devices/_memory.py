"""Memory of the CPU: the next operation reuses what one operation has freed."""

import ctypes
import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from skdr._accelerations import are_accelerations_enabled

# Parameters of mallopt, as malloc.h numbers them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_LARGEST_INT = 2**31 - 1
# More than the heap of a thread can hold: otherwise the library hands an empty heap back.
_LARGE_TOP_PAD = 256 * 2**20
# The values at which the library itself arrives in a process that frees large blocks.
_USUAL_TOP_PAD = 128 * 2**10
_USUAL_MMAP_MAX = 65536
_USUAL_MMAP_THRESHOLD = 32 * 2**20
_USUAL_TRIM_THRESHOLD = 2 * _USUAL_MMAP_THRESHOLD

_changing = threading.Lock()
_n_inside = 0


@contextmanager
def reuse_freed_memory(*, hand_back: bool = False) -> Iterator[None]:
    """Keep the memory that is freed in this process until the block ends.

    The GNU C library hands each large block back to the system as soon as it
    is freed, and the next operation of a network waits for all its pages
    again: half of the time of end-to-end training on a CPU. With another
    library, or if the environment says which blocks are large
    (``MALLOC_MMAP_MAX_``, ``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``),
    nothing changes.

    Parameters
    ----------
    hand_back : bool, default=False
        Whether all free memory goes back to the system at the end, which takes
        up to a tenth of a second; otherwise the process keeps it for later.

    References
    ----------
    "Malloc Tunable Parameters", in The GNU C Library Reference Manual.
    """
    library = _glibc()
    if library is None or not are_accelerations_enabled():
        yield
        return
    _enter(library)
    try:
        yield
    finally:
        _leave(library)
        if hand_back:
            library.malloc_trim(ctypes.c_size_t(0))


def _enter(library: ctypes.CDLL) -> None:
    global _n_inside
    with _changing:
        _n_inside += 1
        # Set on every entry: TensorFlow sets its own threshold when it first reads from Python.
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, _LARGEST_INT)
        library.mallopt(_TOP_PAD, _LARGE_TOP_PAD)


def _leave(library: ctypes.CDLL) -> None:
    global _n_inside
    with _changing:
        _n_inside -= 1
        if _n_inside:
            return
        told = os.environ.get("MALLOC_TRIM_THRESHOLD_", "")
        trim_threshold = int(told) if told.isdigit() else _USUAL_TRIM_THRESHOLD
        library.mallopt(_TOP_PAD, _USUAL_TOP_PAD)
        library.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
        library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP_THRESHOLD)
        library.mallopt(_TRIM_THRESHOLD, min(trim_threshold, _LARGEST_INT))


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """Return the GNU C library if it manages memory and the environment does not tune it."""
    told = {"MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_"} & set(os.environ)
    if told or "glibc.malloc.mmap" in os.environ.get("GLIBC_TUNABLES", ""):
        return None
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
