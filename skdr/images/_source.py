"""What a user's X is: a row of images, in any form, none decoded yet."""

import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from skdr._warnings import warn
from skdr.exceptions import ImageDecodeError
from skdr.images._decode import VALUE_RANGE, is_path, open_rgb

MIN_SQUARE_SIDE = 8
_MAX_LISTED = 20
_MAX_THREADS = 16


Images: TypeAlias = Sequence[Any] | NDArray[Any]


class ImageSource:
    """A row of images that decodes one at a time.

    Parameters
    ----------
    items : sequence
        Paths, PIL images or arrays of pixels.
    value_range : tuple of (low, high) or None, default=(0, 255)
        See `decode_image`.
    indices : array of int, optional
        Each item's position in the X that the user gave, for messages.
    is_strip : bool, default=False
        Whether the items are rows of numbers of which nobody said that they
        are pictures.
    """

    def __init__(
        self,
        items: Images,
        value_range: tuple[float, float] | None = VALUE_RANGE,
        indices: NDArray[np.intp] | None = None,
        is_strip: bool = False,
    ):
        self.items = items
        self.value_range = value_range
        self.indices = np.arange(len(items)) if indices is None else indices
        self.is_strip = is_strip

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: NDArray[np.intp]) -> "ImageSource":
        """Return the images at some positions, without copying any."""
        return ImageSource(self.items, self.value_range, self.indices[positions], self.is_strip)

    def decode(self, i: int, at_least: tuple[int, int] | None = None) -> NDArray[Any]:
        """Return image `i` as RGB in 0..255, of shape (height, width, 3).

        See `decode_image` for `at_least`.
        """
        return np.asarray(self.open(i, at_least))

    def open(self, i: int, at_least: tuple[int, int] | None = None) -> Image.Image | NDArray[Any]:
        """Return image `i` as a Pillow image in RGB where it is one or a file, else its pixels."""
        try:
            return open_rgb(self._item(i), self.value_range, at_least)
        except MemoryError:
            raise
        except Exception as exc:
            raise undecodable([(self, i, exc)]) from exc

    def digest(self, i: int | np.integer) -> bytes:
        """Return 16 bytes that are equal for equal contents."""
        item = self._item(i)
        if is_path(item):
            try:
                with open(item, "rb", buffering=0) as file:
                    contents: Any = file.read()
            except OSError as exc:
                raise undecodable([(self, int(i), exc)]) from exc
            return xxhash.xxh3_128_digest(contents)
        if isinstance(item, Image.Image):
            looks = (item.getpalette(), item.info.get("transparency"), dict(item.getexif()))
            header, contents = f"{item.mode}{item.size}{looks}", item.tobytes()
        else:
            contents = np.ascontiguousarray(item)
            header = f"{contents.dtype.str}{contents.shape}"
            if contents.dtype.hasobject:
                self.decode(int(i))  # raises the error that says what is wrong with it
        digest = xxhash.xxh3_128(header.encode())
        digest.update(contents)
        return digest.digest()

    def digests(self) -> list[bytes]:
        """Return the digests of all images, computed in threads."""
        parts = np.array_split(np.arange(len(self)), n_threads())
        with ThreadPoolExecutor(n_threads()) as pool:
            digests = pool.map(lambda part: [self.digest(i) for i in part], parts)
            return [digest for part in digests for digest in part]

    def describe(self, i: int) -> str:
        """Return how a message names image `i`: ``X[17]='a/b.jpg'``."""
        item = self._item(i)
        return f"X[{self.indices[i]}]" + (f"={str(item)!r}" if is_path(item) else "")

    def name(self, i: int) -> str:
        """Return how a caption names image `i`: ``b.jpg``, or ``X[17]`` where it is no file."""
        item = self._item(i)
        return Path(item).name if is_path(item) else f"X[{self.indices[i]}]"

    def check_files(self) -> None:
        """Raise one error that lists every file that is not there."""
        missing = [
            (self, i, FileNotFoundError("no such file"))
            for i in range(len(self))
            if is_path(self._item(i)) and not os.path.exists(self._item(i))
        ]
        if missing:
            raise undecodable(missing)

    def _item(self, i: int | np.integer) -> Any:
        return self.items[self.indices[i]]


def n_threads() -> int:
    """Return how many threads read images at once."""
    return min(_MAX_THREADS, os.cpu_count() or 1)


def undecodable(failures: Iterable[tuple[ImageSource, int, BaseException]]) -> ImageDecodeError:
    """Make one error of several images and what is wrong with each."""
    failures = list(failures)
    causes = tuple(_cause(exc) for _, _, exc in failures)
    lines = [f"{s.describe(i)}: {cause}" for (s, i, _), cause in zip(failures, causes, strict=True)]
    if len(lines) == 1:
        message = f"Cannot decode {lines[0]}"
    else:
        listed = "\n  ".join(lines[:_MAX_LISTED])
        more = f"\n  and {len(lines) - _MAX_LISTED} more" if len(lines) > _MAX_LISTED else ""
        message = f"Cannot decode {len(lines)} images:\n  {listed}{more}"
    return ImageDecodeError(message, tuple(int(s.indices[i]) for s, i, _ in failures), causes)


def _cause(exc: BaseException) -> str:
    if isinstance(exc, Image.UnidentifiedImageError):
        return "not an image that Pillow can read."
    return f"{exc or type(exc).__name__}".rstrip(".") + "."


def holds_flat_rows(X: Any) -> bool:
    """Whether X is a 2-D table of numbers: one image a row, its pixels in columns."""
    if hasattr(X, "columns"):
        return all(_is_numeric(X[name].dtype) for name in X.columns)
    if isinstance(X, list | tuple):
        return len(X) > 0 and _is_row_of_numbers(X[0])
    if hasattr(X, "shape") and len(X.shape) == 2 and hasattr(X, "dtype"):
        if X.dtype == object and X.shape[1] == 1 and X.shape[0] > 0:
            return isinstance(X[0, 0], int | float | complex | np.number)
        return getattr(X.dtype, "kind", "f") not in "US"
    return hasattr(X, "shape") and len(X.shape) == 2


def as_image_source(
    X: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    image_column: str | None = None,
    value_range: tuple[float, float] = VALUE_RANGE,
) -> ImageSource:
    """Find the images in X.

    Parameters
    ----------
    X : array-like, DataFrame or sequence
        Images in any of the forms that the user guide lists.
    image_shape : tuple of int, optional
        The shape of an image of which each row of a 2-D X holds the pixels.
        By default a square RGB image, else a square grey one, of at least
        8 pixels a side; else a strip one pixel high, with a warning.
    image_column : str, optional
        The column of a DataFrame that holds the images. May be left out
        where there is only one column.
    value_range : tuple of (low, high), default=(0, 255)
        The numbers that stand for black and white in arrays.

    Returns
    -------
    source : ImageSource

    Raises
    ------
    ValueError
        If no images can be found in X.
    ImageDecodeError
        If X names files that do not exist.
    """
    if holds_flat_rows(X):
        return _rows_source(np.asarray(X), image_shape, value_range)
    source = ImageSource(_items(X, image_column), value_range)
    source.check_files()
    return source


def as_image_column(images: Any, *, image_shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Turn any images into one column of objects, without copying pixels.

    Samplers and splitters that insist on a 2-D X take such a column, and so
    does every estimator of skdr.

    Parameters
    ----------
    images : array-like, DataFrame or sequence
        Images in any form that the estimators take: arrays of shape (n, h, w)
        or (n, h, w, c), 2-D rows of pixels, or a list, array, Series or
        one-column DataFrame of paths, PIL images or arrays.
    image_shape : tuple of int, optional
        The shape of one image, where `images` is 2-D rows of pixels.

    Returns
    -------
    column : ndarray of shape (n, 1) and dtype object
        The images: views on the arrays, or the very objects, that were given.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr import as_image_column
    >>> images = np.zeros((20, 32, 32, 3), dtype=np.uint8)
    >>> column = as_image_column(images)
    >>> column.shape
    (20, 1)
    >>> np.shares_memory(column[7, 0], images)
    True
    """
    if holds_flat_rows(images):
        items = _rows_source(np.asarray(images), image_shape, VALUE_RANGE).items
    else:
        items = _items(images, None)
    column = np.empty((len(items), 1), dtype=object)
    for i, item in enumerate(items):
        column[i, 0] = item
    return column


def _items(X: Any, image_column: str | None) -> Images:
    """Return the images in X, whatever X is, as a sequence."""
    if hasattr(X, "columns"):
        return X[_image_column_name(X, image_column)].to_list()
    if image_column is not None and not isinstance(X, np.ndarray | list | tuple):
        raise ValueError(f"image_column={image_column!r} is given but X is not a DataFrame.")
    if hasattr(X, "to_list"):
        return X.to_list()
    if isinstance(X, str | bytes) or is_path(X):
        raise ValueError(f"X={str(X)!r} is one path; give a list of paths.")
    if isinstance(X, list | tuple):
        return _nested_lists_to_arrays(X)
    array = np.asarray(X)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and (array.dtype.kind in "US" or _holds_images(array)):
        return array.tolist() if array.dtype.kind in "US" else array
    if array.ndim in (3, 4):
        return array
    raise ValueError(
        f"Found no images in an array of shape {array.shape} and dtype {array.dtype}. "
        "Expected 2D array rows, or arrays of shape (n, h, w) or (n, h, w, c), or a "
        "sequence of paths, PIL images or arrays. Reshape your data with "
        "array.reshape(1, -1) if it contains a single image."
    )


def _rows_source(
    rows: NDArray[Any],
    image_shape: tuple[int, ...] | None,
    value_range: tuple[float, float],
) -> ImageSource:
    n_features = rows.shape[1]
    is_strip = False
    if image_shape is None:
        image_shape = _square_shape(n_features)
        is_strip = image_shape is None
    if image_shape is None:
        image_shape = (1, n_features)
        warn(
            f"Rows of {n_features} numbers are no square image; they are taken as strips "
            f"one pixel high, their values as they are. Set image_shape=(height, width) or "
            f"(height, width, channels)."
        )
    if math.prod(image_shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape} has {math.prod(image_shape)} pixels but X has "
            f"{n_features} features."
        )
    images = rows.reshape(len(rows), *image_shape)
    return ImageSource(images, None if is_strip else value_range, is_strip=is_strip)


def _square_shape(n_features: int) -> tuple[int, ...] | None:
    for channels in (3, 1):
        side = math.isqrt(n_features // channels)
        if side >= MIN_SQUARE_SIDE and side * side * channels == n_features:
            return (side, side, channels)
    return None


def _image_column_name(X: Any, image_column: str | None) -> str:
    names = list(X.columns)
    if image_column is not None:
        if image_column not in names:
            raise ValueError(f"image_column={image_column!r} is not one of the columns {names}.")
        return image_column
    if len(names) != 1:
        raise ValueError(f"Set image_column= to the one of {names} that holds the images.")
    return names[0]


def _nested_lists_to_arrays(images: Sequence[Any]) -> Sequence[Any]:
    """Take ``[[path], [path]]`` for a column; other lists hold images."""
    if all(isinstance(item, list | tuple) and len(item) == 1 for item in images):
        return [item[0] for item in images]
    return images


def _holds_images(array: NDArray[Any]) -> bool:
    return array.dtype == object and not any(isinstance(item, int) for item in array[:1])


def _is_row_of_numbers(row: Any) -> bool:
    is_row = isinstance(row, list | tuple) or (isinstance(row, np.ndarray) and row.ndim == 1)
    return is_row and len(row) > 0 and isinstance(row[0], int | float | np.number)


def _is_numeric(dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric()
    return getattr(dtype, "kind", "O") in "iufbc"
