"""Progress: a bar on a terminal and in a notebook, one plain line at the end elsewhere."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
from numpy.typing import NDArray

# Keras's numbers for `verbose` of a Progbar: a bar that moves, and one line at the end.
_BAR, _LINE = 1, 2


class ProgressBar:
    """Shows how much is done.

    A file or the log of a batch job gets one plain line when all is done: the codes that move a
    bar are unreadable there, and one line per step is too much.

    Parameters
    ----------
    n_units : int
        How much there is to do.
    unit : str
        What is counted.
    verbose : int
        0 is silent, 1 a bar where one can move, more is one line everywhere.
    """

    def __init__(self, n_units: int, unit: str, verbose: int):
        style = _BAR if verbose == 1 and _bar_can_move() else _LINE
        self._bar = keras.utils.Progbar(n_units, unit_name=unit, verbose=style if verbose else 0)
        self._n_units, self._n_done = n_units, 0
        self._values: list[tuple[str, float]] = []

    def add(self, n: int, values: Mapping[str, float] | None = None) -> None:
        """Count more units as done, and show the values of the last one."""
        self._n_done += n
        self._values = list((values or {}).items())
        self._bar.stateful_metrics |= set(values or ())  # to be shown as they are, not averaged
        self._bar.update(self._n_done, self._values)

    def end(self) -> None:
        """End the bar early, if not all was done."""
        if 0 < self._n_done < self._n_units:
            self._bar.update(self._n_done, self._values, finalize=True)

    def counted(self, batches: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Yield batches, and count the rows of each when the next one is asked for."""
        for batch in batches:
            yield batch
            self.add(len(batch))


def _bar_can_move() -> bool:
    """Whether the output is a terminal, a notebook or PyCharm's window, by Keras's rules."""
    if "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ:
        return True
    return hasattr(sys.stdout, "isatty") and sys.stdout.isatty()
