"""Forked processes: the threads with which networks run stay behind in their parent."""

import os

_ran_in: int | None = None


def refuse_if_forked() -> None:
    """Call before a network is built or run.

    Raises
    ------
    RuntimeError
        In a process that was forked from one that had done so before: it would
        wait forever for threads that it does not have.
    """
    global _ran_in
    if _ran_in is None:
        _ran_in = os.getpid()
    elif _ran_in != os.getpid():
        raise RuntimeError(
            f"This process was forked from process {_ran_in}, which had used networks already; it "
            "would hang. Start processes with joblib's default backend (n_jobs=...), or with "
            "multiprocessing.get_context('spawn')."
        )
