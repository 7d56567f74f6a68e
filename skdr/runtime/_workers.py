"""The threads in which networks run, whoever calls them: few, and always the same."""

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

    Each thread of a process keeps the memory that it has freed, a batch's worth
    of activations: with a server's threads instead, its memory would grow by
    that for each of them. Several batches run at once, since a single image
    does not keep all cores busy; on a GPU one does.
    """
    future = _workers().submit(run, batch)
    try:
        return future.result()
    finally:  # nobody wants it any more where the wait was interrupted
        future.cancel()


@functools.cache
def _workers() -> ThreadPoolExecutor:
    n_threads = 1 if list_gpus() else min(_MOST_THREADS, joblib.cpu_count())
    return ThreadPoolExecutor(n_threads, thread_name_prefix="skdr-network")
