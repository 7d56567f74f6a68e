"""GPUs: memory as it is needed, batches that fit, one process at a time, several cards."""

import functools
import importlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import keras
from filelock import FileLock, Timeout

from skdr._warnings import warn

# Small batches train best on small data; larger ones only fill a GPU better.
_BATCH_SIZE = 32
_GPU_BATCH_SIZE = 256
# Longer than a pass over images should take; after that, waiting longer is not worth it.
_MAX_SECONDS = 600.0


@functools.cache
def list_gpus() -> list[str]:
    """Return the names of the GPUs that Keras's backend sees in this process.

    From then on TensorFlow, if it is the backend, takes their memory as needed.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from skdr.devices import _tensorflow

        return _tensorflow.list_gpus()
    if backend == "jax":
        devices = importlib.import_module("jax").devices()
        return [str(device) for device in devices if device.platform == "gpu"]
    if backend == "torch":
        return [f"cuda:{i}" for i in range(importlib.import_module("torch").cuda.device_count())]
    return []


def is_out_of_memory(exc: BaseException) -> bool:
    """Whether a device had too little memory; each backend raises another error."""
    names = {kind.__name__ for kind in type(exc).__mro__}
    return bool(
        names & {"ResourceExhaustedError", "OutOfMemoryError"}
    ) or "RESOURCE_EXHAUSTED" in str(exc)


def batch_size_of_passes(batch_size: int | str) -> int:
    """Return how many images pass a network at once, at most."""
    if batch_size != "auto":
        return int(batch_size)
    return _GPU_BATCH_SIZE if list_gpus() else _BATCH_SIZE


def batch_size_of_training(batch_size: int | str) -> int:
    """Return how many images are in a step of training, at most."""
    return _BATCH_SIZE if batch_size == "auto" else int(batch_size)


def data_parallel(devices: Sequence[str] | str | None) -> AbstractContextManager[Any]:
    """Return a context in which a network is built, compiled and trained on several devices.

    Parameters
    ----------
    devices : sequence of str, "all" or None
        Names as TensorFlow writes them, all GPUs, or None for one device.

    Raises
    ------
    ValueError
        If Keras does not run on TensorFlow.
    """
    if devices is None:
        return nullcontext()
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"devices={devices!r} spreads training on the TensorFlow backend only, but Keras runs "
            f"on {keras.backend.backend()!r}. Set devices=None, and on JAX call "
            "keras.distribution.set_distribution before fit."
        )
    from skdr.devices import _tensorflow

    names = [f"GPU:{i}" for i in range(len(list_gpus()))] if devices == "all" else list(devices)
    if len(names) < 2:
        return nullcontext()
    return _tensorflow.mirrored_strategy(tuple(names)).scope()


def is_data_parallel() -> bool:
    """Whether networks that are built now are spread over several devices."""
    if keras.backend.backend() != "tensorflow":
        return False
    from skdr.devices import _tensorflow

    return _tensorflow.is_mirrored()


@contextmanager
def gpu_turn() -> Iterator[None]:
    """Wait until no other process of this user computes on the same GPUs, then compute.

    Two processes on one GPU do not run faster than one after the other, and may
    run out of its memory. Threads of one process share its turn. Without a GPU
    there is nothing to wait for.
    """
    lock = _lock() if list_gpus() else None
    if lock is None:
        yield
        return
    _enter(lock)
    try:
        yield
    finally:
        _leave(lock)


_changing = threading.Lock()
_n_inside = 0


def _enter(lock: FileLock) -> None:
    global _n_inside
    with _changing:  # the other threads wait for the same turn
        if not _n_inside:
            _wait_for_turn(lock)
        _n_inside += 1


def _leave(lock: FileLock) -> None:
    global _n_inside
    with _changing:
        _n_inside -= 1
        if not _n_inside:
            lock.release()  # does nothing if the wait had timed out


def _wait_for_turn(lock: FileLock) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        warn(
            "Another process computes on this GPU: this one waits for its turn. Set n_jobs=1, or "
            "give each process a GPU of its own by CUDA_VISIBLE_DEVICES."
        )
        with suppress(Timeout):  # compute anyway: turns only save time and memory
            lock.acquire(timeout=_MAX_SECONDS)


@functools.cache
def _lock() -> FileLock:
    """Return the lock of the GPUs that this process may use; threads share it."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    # The user's number: a container may have no name for it. Windows needs neither, since each
    # user has a folder of temporary files there.
    user = os.getuid() if hasattr(os, "getuid") else ""
    name = "".join(c if c.isalnum() else "-" for c in f"{user}-{visible}")
    return FileLock(Path(tempfile.gettempdir()) / f"skdr-gpu-{name}.lock", thread_local=False)
