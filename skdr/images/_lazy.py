"""Users' sequences whose images are read on demand and not kept in memory."""

import threading
from typing import Any


class LazySequence:
    """Images behind ``len(images)`` and ``images[i]``, read one at a time.

    skdr cannot tell whether a sequence is thread-safe: one thread at a time
    reads it, in any order.

    Parameters
    ----------
    images : object with ``__len__`` and ``__getitem__``
    """

    def __init__(self, images: Any):
        self._images = images
        self._n_images = len(images)
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._n_images

    def __getitem__(self, i: int) -> Any:
        try:
            with self._lock:
                return self._images[int(i)]
        except (MemoryError, OSError):
            raise
        except Exception as exc:
            raise ValueError(f"reading it raised {type(exc).__name__}: {exc}") from exc

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock: another process has its own."""
        return {"_images": self._images, "_n_images": self._n_images}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())


class LazyImage:
    """One image of a lazy sequence, to be put into a column.

    Parameters
    ----------
    sequence : LazySequence
    i : int
        Its position there.
    """

    def __init__(self, sequence: LazySequence, i: int):
        self._sequence, self._i = sequence, i

    def read(self) -> Any:
        """Return the image, as the sequence does."""
        return self._sequence[self._i]
