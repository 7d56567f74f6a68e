"""The threads in which networks run, whichever thread calls: few, and always the same."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib

from skdr.devices import list_gpus

# More of them would take more memory for activations than they save time.
_MOST_THREADS = 4


def in_worker(run: Callable[[Any], Any], batch: Any) -> Any:
    """Run a network on a batch, after the batches that came before.

    Each thread of a process keeps the memory that it has freed, as much as the
    activations of a batch take. If networks ran in the threads of a server, each
    of these would keep so much. Several batches run at once, because a single
    image does not keep all cores busy; on a GPU, one batch at a time.
    """
    future = _workers().submit(run, batch)
    try:
        return future.result()
    finally:  # if the wait was interrupted, the result is not needed any more
        future.cancel()


@functools.cache
def _workers() -> ThreadPoolExecutor:
    n_threads = 1 if list_gpus() else min(_MOST_THREADS, joblib.cpu_count())
    return ThreadPoolExecutor(n_threads, thread_name_prefix="skdr-network")
