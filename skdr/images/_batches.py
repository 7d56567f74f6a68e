"""Decoded batches, made in threads ahead of their use."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skdr.exceptions import ImageDecodeError
from skdr.images._decode import rgb_pixels
from skdr.images._source import ImageSource, undecodable

Preprocess = Callable[[NDArray[Any]], NDArray[Any]]
_MAX_THREADS = 8


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
        Images a batch; the last one may hold fewer.
    preprocess : callable, optional
        Takes one RGB image (height, width, 3) and returns one, in 0..255.

    Yields
    ------
    batch : ndarray of shape (b, height, width, 3)
        RGB in 0..255: uint8, or float32 where the images are.

    Raises
    ------
    ImageDecodeError
        Names every bad image of a batch.
    """
    starts = range(0, len(source), batch_size)
    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        ahead: deque[list[Future]] = deque()
        try:
            for start in starts:
                positions = range(start, min(start + batch_size, len(source)))
                ahead.append(
                    [pool.submit(_one_image, source, i, image_size, preprocess) for i in positions]
                )
                if len(ahead) == 2:
                    yield _gather(source, ahead.popleft(), start - batch_size)
            while ahead:
                yield _gather(source, ahead.popleft(), starts[-1])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def decode_all(
    source: ImageSource,
    image_size: tuple[int, int],
    batch_size: int,
    preprocess: Preprocess | None = None,
) -> NDArray[Any]:
    """Return all images of a source in one array; see `decoded_batches`."""
    batches = list(decoded_batches(source, image_size, batch_size, preprocess))
    return np.concatenate(batches)


def resize(image: NDArray[Any], image_size: tuple[int, int]) -> NDArray[Any]:
    """Resize one RGB image, bilinear and antialiased.

    Parameters
    ----------
    image : ndarray of shape (h, w, 3) and dtype uint8 or float32
    image_size : tuple of (height, width)

    Returns
    -------
    resized : ndarray of shape (height, width, 3)
        Of the image's dtype; the image itself where the size is right already.
    """
    height, width = image_size
    if image.shape[:2] == (height, width):
        return image
    channels = [image] if image.dtype == np.uint8 else np.moveaxis(image, -1, 0)
    resized = [
        np.asarray(Image.fromarray(c).resize((width, height), Image.Resampling.BILINEAR))
        for c in channels
    ]
    return resized[0] if image.dtype == np.uint8 else np.stack(resized, axis=-1)


def _one_image(
    source: ImageSource, i: int, image_size: tuple[int, int], preprocess: Preprocess | None
) -> NDArray[Any]:
    image = source.decode(i)
    if preprocess is not None:
        # The callable gets a copy: what the caller passed in is never changed.
        image = rgb_pixels(preprocess(image.copy()))
    return resize(np.ascontiguousarray(image), image_size)


def _gather(source: ImageSource, futures: list[Future], start: int) -> NDArray[Any]:
    images, failures = [], []
    for i, future in enumerate(futures, start):
        exc = future.exception()
        if exc is None:
            images.append(future.result())
        elif isinstance(exc, ImageDecodeError):
            failures.append((source, i, exc.__cause__ or exc))
        else:
            message = f"preprocess failed on {source.describe(i)}: {type(exc).__name__}: {exc}"
            raise ImageDecodeError(message, (int(source.indices[i]),)) from exc
    if failures:
        raise undecodable(failures)
    return np.stack(images)
