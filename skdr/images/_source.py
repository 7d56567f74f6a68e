"""A sequence of images, in any form, none decoded yet."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from skdr.exceptions import ImageDecodeError
from skdr.images._decode import Decoder
from skdr.images._files import contents_of, file_name, own_lock, shortened
from skdr.images._item import check_item, header_problem, problem_with
from skdr.images._lazy import LazyImage, LazySequence
from skdr.images._pixels import ValueRange, array_problem, as_array

MAX_LISTED = 20
_MAX_THREADS = 16
_FEW = 8  # to start threads for fewer images takes longer than to read them

Images: TypeAlias = Sequence[Any] | NDArray[Any] | LazySequence
_Result = TypeVar("_Result")


class HeldFiles(Sequence[Any]):
    """Items; the contents of files among them are kept in memory, up to a size.

    Parameters
    ----------
    items : sequence
    max_bytes : int
    """

    def __init__(self, items: Any, max_bytes: int):
        self._items = items
        self._left = max_bytes
        self._files: dict[int, Any] = {}
        self._changing = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._files[index] if index in self._files else self._items[index]

    def hold(self, index: int, contents: bytes) -> None:
        """Keep the contents of a file, unless they are too large."""
        name = file_name(self._items[index])
        with self._changing:
            if len(contents) <= self._left and index not in self._files:
                self._left -= len(contents)
                self._files[index] = {"bytes": contents, "path": name} if name else contents

    def holds(self, index: int) -> bool:
        """Whether the contents of an item are kept."""
        return index in self._files


class ImageSource:
    """A sequence of images, each decoded when it is asked for.

    Parameters
    ----------
    items : sequence
        Files in any form, PIL images or arrays of pixels.
    decoder : Decoder
        Turns them into pixels.
    indices : array of int, optional
        Each item's position in the X that the user gave, for messages.
    form : {"images", "rows", "strips"}, default="images"
        Whether the items are rows of numbers and, if so, whether these are
        pixels of pictures (``"rows"``) or may be anything (``"strips"``).
    then : ImageSource, optional
        The images that follow these in a longer sequence. If an image here is
        bad, they are checked as well, so that one error names all bad ones.
    """

    def __init__(
        self,
        items: Images,
        decoder: Decoder,
        indices: NDArray[np.intp] | None = None,
        form: str = "images",
        then: "ImageSource | None" = None,
    ):
        self.items = items
        self.decoder = decoder
        self.indices = np.arange(len(items)) if indices is None else indices
        self.form = form
        self.then = then

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def value_range(self) -> ValueRange | None:
        """The numbers that stand for black and white; None where they are not declared."""
        return self.decoder.value_range

    @property
    def is_strip(self) -> bool:
        """Whether the items are rows of numbers that are not declared to be pictures."""
        return self.form == "strips"

    def take(
        self, positions: NDArray[np.intp] | slice, *, then: "ImageSource | None" = None
    ) -> "ImageSource":
        """Return the images at some positions, without copying any."""
        indices = self.indices[positions]
        return ImageSource(self.items, self.decoder, indices, self.form, then or self.then)

    def decode(self, i: int, at_least: tuple[int, int] | None = None) -> NDArray[Any]:
        """Return image `i` as RGB in 0..255, of shape (height, width, 3).

        See `Decoder.open` for `at_least`.
        """
        return np.asarray(self.open(i, at_least))

    def open(self, i: int, at_least: tuple[int, int] | None = None) -> Image.Image | NDArray[Any]:
        """Return image `i`: as a PIL image in RGB if it is a file or PIL image, else as pixels."""
        try:
            return self.decoder.open(self._item(i), at_least)
        except MemoryError:
            raise
        except Exception as exc:
            raise undecodable([(self, i, exc)]) from exc

    def digest(self, i: int | np.integer) -> bytes:
        """Return 16 bytes that are equal for equal contents."""
        try:
            item = self._item(i)
            contents = contents_of(item)
            if contents is None:
                return _digest_of_pixels(item)
            if isinstance(self.items, HeldFiles):
                self.items.hold(int(self.indices[i]), contents)
            return xxhash.xxh3_128_digest(contents)
        except MemoryError:
            raise
        except Exception as exc:
            raise undecodable([(self, int(i), exc)]) from exc

    def digests(self) -> list[bytes]:
        """Return the digests of all images, computed in threads.

        Raises
        ------
        ImageDecodeError
            Names every image that cannot be read.
        """
        return self._of_all(self.digest)

    def read(self, max_bytes: int) -> tuple[list[bytes], "ImageSource"]:
        """Return the digests of all images, and a source that keeps the files read for them.

        Parameters
        ----------
        max_bytes : int
            The size up to which contents of files are kept, in all.

        Returns
        -------
        digests : list of bytes
        source : ImageSource
            The same images; files that it keeps are not read again, see `holds`.

        Raises
        ------
        ImageDecodeError
            Names every image that cannot be read.
        """
        if isinstance(self.items, LazySequence):  # it returns images, not files
            return self.digests(), self
        held = HeldFiles(self.items, max_bytes)
        source = ImageSource(held, self.decoder, self.indices, self.form, self.then)
        return source.digests(), source

    def holds(self, i: int) -> bool:
        """Whether the contents of image `i` are kept, so that they cannot change any more."""
        return isinstance(self.items, HeldFiles) and self.items.holds(int(self.indices[i]))

    def process(self, function: Callable[[NDArray[Any]], _Result]) -> list[_Result]:
        """Apply a function to each image, decoded at full size, in threads.

        Raises
        ------
        ImageDecodeError
            Names every image that cannot be decoded.
        """
        results = self._of_all(lambda i: function(self.decode(i)))
        self.tell_unused_bits()
        return results

    def tell_unused_bits(self) -> None:
        """Warn, once, if the 16-bit images decoded so far use only a small part of their bits."""
        self.decoder.used_bits.tell()

    def describe(self, i: int) -> str:
        """Return the name of image `i` in messages: ``X[17]='a/b.jpg'``."""
        name = file_name(self._held(i))
        return f"X[{self.indices[i]}]" + ("" if name is None else f"={shortened(name)!r}")

    def name(self, i: int) -> str:
        """Return the name of image `i` in captions: ``b.jpg``, or ``X[17]`` where it is no file."""
        name = file_name(self._held(i))
        return f"X[{self.indices[i]}]" if name is None else Path(name).name

    def check(self, *, headers: bool) -> None:
        """Raise one error that lists all items that are no images, as far as known undecoded.

        Parameters
        ----------
        headers : bool
            Whether to look at the first bytes of files too.
        """
        if isinstance(self.items, LazySequence):
            return
        if isinstance(self.items, np.ndarray) and self.items.dtype != object:
            self._check_array(self.items)
            return
        look = header_problem if headers else problem_with
        problems = self._in_threads(lambda i: None if self._is_lazy(i) else look(self._held(i)))
        failures = [(self, i, problem) for i, problem in enumerate(problems) if problem]
        if failures:
            raise undecodable(failures) from failures[0][2]

    def _check_array(self, images: NDArray[Any]) -> None:
        """Raise if the shape or dtype of an array of images shows that all of them are bad."""
        problem = array_problem(images[0]) if len(images) else None
        if problem:
            cause, indices = _cause(problem), tuple(int(i) for i in self.indices)
            message = f"Cannot decode any image of X, of shape {images.shape}: {cause}"
            raise ImageDecodeError(message, indices, (cause,) * len(indices)) from problem

    def _item(self, i: int | np.integer) -> Any:
        item = self.items[self.indices[i]]
        return item.read() if isinstance(item, LazyImage) else item

    def _is_lazy(self, i: int) -> bool:
        """Whether an item has to be read before anything is known about it."""
        items = self.items
        return isinstance(items, LazySequence) or isinstance(items[self.indices[i]], LazyImage)

    def _held(self, i: int) -> Any:
        """Return an item, unless it is lazy."""
        return None if self._is_lazy(i) else self.items[self.indices[i]]

    def _of_all(self, function: Callable[[int], _Result]) -> list[_Result]:
        """Return what a function returns for each position; one error lists all bad images."""
        failures: list[tuple[ImageSource, int, BaseException]] = []

        def noting_failures(i: int) -> Any:
            try:
                return function(i)
            except ImageDecodeError as exc:
                failures.append((self, i, exc.__cause__ or exc))

        results = self._in_threads(noting_failures)
        if failures:
            failures.sort(key=lambda failure: failure[1])
            raise undecodable(failures) from failures[0][2]
        return results

    def _in_threads(self, function: Callable[[int], _Result]) -> list[_Result]:
        """Return what a function returns for each position."""
        if len(self) < _FEW:
            return [function(i) for i in range(len(self))]
        parts = np.array_split(np.arange(len(self)), 8 * n_threads())
        with ThreadPoolExecutor(n_threads()) as pool:
            results = pool.map(lambda part: [function(int(i)) for i in part], parts)
            return [result for part in results for result in part]


def n_threads() -> int:
    """Return how many threads read images at once."""
    return min(_MAX_THREADS, os.cpu_count() or 1)


def undecodable(
    failures: Iterable[tuple[ImageSource, int, BaseException]], n_unseen: int = 0
) -> ImageDecodeError:
    """Make one error of several images and what is wrong with each.

    Parameters
    ----------
    failures : iterable of (source, position, exception)
    n_unseen : int, default=0
        How many images were not checked.
    """
    failures = list(failures)
    causes = tuple(_cause(exc) for _, _, exc in failures)
    lines = [f"{s.describe(i)}: {cause}" for (s, i, _), cause in zip(failures, causes, strict=True)]
    if len(lines) == 1:
        message = f"Cannot decode {lines[0]}"
    else:
        listed = "\n  ".join(lines[:MAX_LISTED])
        more = f"\n  and {len(lines) - MAX_LISTED} more" if len(lines) > MAX_LISTED else ""
        message = f"Cannot decode {len(lines)} images:\n  {listed}{more}"
    if n_unseen:
        message += f"\n{n_unseen} images of X were not looked at any more."
    return ImageDecodeError(message, tuple(int(s.indices[i]) for s, i, _ in failures), causes)


def _cause(exc: BaseException) -> str:
    if isinstance(exc, Image.UnidentifiedImageError):
        return "not an image that Pillow can read."
    return f"{exc or type(exc).__name__}".rstrip(".") + "."


def _digest_of_pixels(item: Any) -> bytes:
    contents: Any
    if isinstance(item, Image.Image):
        with own_lock(item):
            item.load()
            looks = (item.getpalette(), item.info.get("transparency"), dict(item.getexif()))
            header, contents = f"{item.mode}{item.size}{looks}", item.tobytes()
    else:
        check_item(item)
        contents = np.ascontiguousarray(as_array(item))
        header = f"{contents.dtype.str}{contents.shape}"
        if contents.dtype.hasobject:
            Decoder().open(item)  # raises an error that says what is wrong with it
    digest = xxhash.xxh3_128(header.encode())
    digest.update(contents)
    return digest.digest()
