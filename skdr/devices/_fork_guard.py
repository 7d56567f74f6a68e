"""Forked processes: networks run in threads, which a forked process does not get."""

import os

import keras

_has_run = False
_parent: int | None = None  # the process with networks that this one was forked from


def refuse_if_forked() -> None:
    """Raise an error where networks would hang; called before one is built, loaded or run.

    Raises
    ------
    RuntimeError
        In a process that was forked from one that had already used networks:
        it would wait forever for threads that it does not have.
    """
    global _has_run
    if _parent is not None:
        raise RuntimeError(
            f"This process was forked from process {_parent}, which had used networks or "
            "TensorFlow already; it would hang. Load in each worker: fit or load estimators after "
            "the process has started (gunicorn without --preload), or start processes with "
            "joblib's default backend (n_jobs=...) or multiprocessing.get_context('spawn')."
        )
    _has_run = True


def is_refused() -> bool:
    """Return whether `refuse_if_forked` would raise an error."""
    return _parent is not None


def _remember_parent() -> None:
    """Remember, in a forked process, its parent if that had used networks."""
    global _parent
    if _parent is None and (_has_run or _is_backend_running()):
        _parent = os.getppid()


def _is_backend_running() -> bool:
    """Whether TensorFlow has started its threads, for skdr or for other code."""
    if keras.backend.backend() != "tensorflow":
        return False
    from skdr.devices import _tensorflow

    return _tensorflow.is_running()


if hasattr(os, "register_at_fork"):  # systems without it have no fork
    os.register_at_fork(after_in_child=_remember_parent)
