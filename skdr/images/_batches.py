"""Decoded batches, made in threads ahead of their use."""

import contextvars
import itertools
import math
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skdr.images._preprocess import Preprocess, PreprocessError, preprocessed
from skdr.images._source import MAX_LISTED, ImageSource, n_threads, undecodable

# Decoded images are held in memory up to this size, and in a file beyond it.
MAX_IMAGE_BYTES = 2**31
# After a bad image, look for others this long: one error then lists all that need mending.
_SECONDS_TO_LOOK = 30


class SpilledImages:
    """An array of images in a temporary file, which is deleted with the object.

    Parameters
    ----------
    shape : tuple of (n, height, width, 3)
    dtype : dtype
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype):
        self.shape = shape
        self.dtype = dtype
        self._image_bytes = math.prod(shape[1:]) * dtype.itemsize
        self._file = tempfile.TemporaryFile(prefix="skdr-images-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> NDArray[Any]:
        """Read some images."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        with self._lock:
            for image, row in zip(images, rows, strict=True):
                self._file.seek(int(row) * self._image_bytes)
                self._file.readinto(image.data)
        return images

    def __setitem__(self, rows: slice, images: NDArray[Any]) -> None:
        """Write consecutive images."""
        with self._lock:
            self._file.seek(rows.indices(len(self))[0] * self._image_bytes)
            self._file.write(np.ascontiguousarray(images, self.dtype).data)


ImageArray: TypeAlias = NDArray[Any] | SpilledImages


def decoded_batches(
    source: ImageSource,
    image_size: tuple[int, int],
    batch_size: int,
    preprocess: Preprocess | None = None,
) -> Iterator[NDArray[Any]]:
    """Yield the images of a source as batches of one size, in order.

    The next batch is decoded while the caller works on the present one.

    Parameters
    ----------
    source : ImageSource
        The images.
    image_size : tuple of (height, width)
        Every image is resized to it, bilinear and antialiased.
    batch_size : int
        Images per batch; the last one may hold fewer.
    preprocess : callable, optional
        Takes one RGB image (height, width, 3) and returns one, in 0..255.

    Yields
    ------
    batch : ndarray of shape (b, height, width, 3)
        RGB in 0..255: uint8, or float32 where the images are.

    Raises
    ------
    ImageDecodeError
        Names up to 20 bad images of the source; after the first one, decoding
        goes on for up to half a minute to find the others.
    """
    results = _results(source, image_size, batch_size, preprocess)
    with closing(results):
        for batch in results:
            if batch.errors:
                raise _all_in_one(batch, results, image_size, batch_size, preprocess)
            yield np.stack(batch.images)
    source.tell_unused_bits()


def decode_all(
    source: ImageSource,
    image_size: tuple[int, int],
    batch_size: int,
    preprocess: Preprocess | None = None,
) -> ImageArray:
    """Return all images of a source in one array; see `decoded_batches`.

    Beyond `MAX_IMAGE_BYTES` the array is in a temporary file.
    """
    images = _empty((len(source), *image_size, 3), np.dtype(np.uint8))
    batches = decoded_batches(source, image_size, batch_size, preprocess)
    for start, batch in zip(range(0, len(source), batch_size), batches, strict=True):
        if batch.dtype != images.dtype and images.dtype == np.uint8:
            images = _as_float32(images, start)
        images[start : start + len(batch)] = batch
    return images


def batches_of(array: Any, batch_size: int) -> Iterable[NDArray[Any]]:
    """Yield consecutive slices of an array."""
    for start in range(0, len(array), batch_size):
        yield array[start : start + batch_size]


def _empty(shape: tuple[int, ...], dtype: np.dtype) -> ImageArray:
    spills = math.prod(shape) * dtype.itemsize > MAX_IMAGE_BYTES
    return SpilledImages(shape, dtype) if spills else np.empty(shape, dtype)


def _as_float32(images: ImageArray, n_images: int) -> ImageArray:
    """Copy the images that are decoded so far."""
    copy = _empty(images.shape, np.dtype(np.float32))
    for start in range(0, n_images, 256):
        rows = slice(start, min(start + 256, n_images))
        copy[rows] = images[rows]
    return copy


def resize(
    image: Image.Image | NDArray[Any],
    image_size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[Any]:
    """Resize one RGB image, bilinear and antialiased.

    Parameters
    ----------
    image : PIL.Image.Image, or ndarray of shape (h, w, 3) and dtype uint8 or float32
    image_size : tuple of (height, width)
    box : tuple of (left, top, right, bottom), optional
        The part of the image to take, in pixels or fractions of them; by
        default all.

    Returns
    -------
    resized : ndarray of shape (height, width, 3)
        Of the image's dtype; the array itself where the size is right already.
    """
    height, width = image_size
    if isinstance(image, Image.Image):
        return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box))
    if image.shape[:2] == (height, width) and box is None:
        return image
    if image.dtype == np.uint8:
        return resize(Image.fromarray(image), image_size, box)
    channels = [resize(Image.fromarray(c), image_size, box) for c in np.moveaxis(image, -1, 0)]
    return np.stack(channels, axis=-1)


class _Batch(NamedTuple):
    """Some images of a source, resized, and errors in place of others."""

    source: ImageSource
    start: int
    results: list[NDArray[Any] | Exception]

    @property
    def errors(self) -> list[tuple[int, Exception]]:
        """The position of each bad image, with its exception."""
        found = enumerate(self.results, self.start)
        return [(i, result) for i, result in found if isinstance(result, Exception)]

    @property
    def images(self) -> list[NDArray[Any]]:
        return [result for result in self.results if isinstance(result, np.ndarray)]


def _results(
    source: ImageSource,
    image_size: tuple[int, int],
    batch_size: int,
    preprocess: Preprocess | None,
) -> Generator[_Batch, None, None]:
    """Yield batches in order; while the caller works on one, the next is decoded."""
    # Decoding a small image takes less time than handing it to a thread: a task holds several.
    n_in_task = max(1, min(8, batch_size // (4 * n_threads())))
    ahead: deque[tuple[int, list[Future]]] = deque()

    def finished() -> _Batch:
        start, futures = ahead.popleft()
        results = itertools.chain.from_iterable(future.result() for future in futures)
        return _Batch(source, start, list(results))

    with ThreadPoolExecutor(n_threads()) as pool:
        try:
            for start in range(0, len(source), batch_size):
                positions = range(start, min(start + batch_size, len(source)))
                tasks = [positions[k : k + n_in_task] for k in range(0, len(positions), n_in_task)]
                futures = [
                    _submit(pool, _some_images, source, t, image_size, preprocess) for t in tasks
                ]
                ahead.append((start, futures))
                if len(ahead) == 2:
                    yield finished()
            while ahead:
                yield finished()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _submit(pool: ThreadPoolExecutor, work: Callable[..., Any], *args: Any) -> Future:
    """Run work in a thread of the pool, with the context variables of this thread.

    Context variables hold what this thread has locked: without them, `preprocess`
    could wait for a lock of the thread that waits for it.
    """
    return pool.submit(contextvars.copy_context().run, work, *args)


def _some_images(
    source: ImageSource,
    positions: Iterable[int],
    image_size: tuple[int, int],
    preprocess: Preprocess | None,
) -> list[NDArray[Any] | Exception]:
    return [_one_image(source, i, image_size, preprocess) for i in positions]


def _one_image(
    source: ImageSource, i: int, image_size: tuple[int, int], preprocess: Preprocess | None
) -> NDArray[Any] | Exception:
    """Return a resized image, or the exception that was raised instead."""
    try:
        if preprocess is None:
            return resize(source.open(i, at_least=image_size), image_size)
        return resize(preprocessed(source, i, preprocess, at_least=image_size), image_size)
    except MemoryError:
        raise
    except Exception as exc:
        return exc


def _all_in_one(
    batch: _Batch,
    following: Iterator[_Batch],
    image_size: tuple[int, int],
    batch_size: int,
    preprocess: Preprocess | None,
) -> Exception:
    """Return one error that lists the bad images of a batch and those found in the time left."""
    for _, error in batch.errors:
        if isinstance(error, PreprocessError):  # the callable is wrong, and fails on every image
            return error
    source, then = batch.source, batch.source.then
    n_unseen = len(source) - batch.start + (len(then) if then else 0)
    later = _results(then, image_size, batch_size, None) if then else iter(())
    failures: list[tuple[ImageSource, int, BaseException]] = []
    end = time.monotonic() + _SECONDS_TO_LOOK
    for looked_at in itertools.chain([batch], following, later):
        n_unseen -= len(looked_at.results)
        failures += [
            (looked_at.source, i, error.__cause__ or error)
            for i, error in looked_at.errors
            if not isinstance(error, PreprocessError)
        ]
        if len(failures) >= MAX_LISTED or time.monotonic() > end:
            break
    error = undecodable(failures, n_unseen)
    error.__cause__ = failures[0][2]
    return error
