"""The images in a user's X, whatever form it has."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdr._warnings import warn
from skdr.images._decode import Decoder
from skdr.images._files import is_contents, is_path
from skdr.images._item import is_number
from skdr.images._lazy import LazyImage, LazySequence
from skdr.images._pixels import AS_THEY_ARE, ValueRange, as_value_range
from skdr.images._refusals import check_has_positions, check_is_no_single_image, check_table
from skdr.images._source import Images, ImageSource

MIN_SQUARE_SIDE = 8


def as_image_source(
    X: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    image_column: str | None = None,
    value_range: ValueRange | None = None,
    check_headers: bool = False,
) -> ImageSource:
    """Find the images in X.

    Parameters
    ----------
    X : array-like, DataFrame or sequence
        Images in any of the forms that the user guide lists.
    image_shape : tuple of int, optional
        The shape of the image whose pixels are one row of a 2-D X.
        By default a square RGB image, else a square grey one, of at least
        8 pixels a side; else a strip one pixel high, with a warning.
    image_column : str, optional
        The column of a DataFrame that holds the images. May be left out
        where there is only one column.
    value_range : tuple of (low, high) or None, default=None
        See `Decoder`.
    check_headers : bool, default=False
        Whether to look at the first bytes of every file.

    Returns
    -------
    source : ImageSource

    Raises
    ------
    ValueError, TypeError
        If X is one image, or no images can be found in it.
    ImageDecodeError
        If X names files that do not exist, or holds items that are not images.
    """
    X, decoder = with_shape(X), Decoder(as_value_range(value_range))
    if holds_flat_rows(X, image_column):
        return _rows_source(np.asarray(X), image_shape, decoder)
    source = ImageSource(_items(X, image_column), decoder)
    source.check(headers=check_headers)
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
        Those of a lazy sequence are read when they are needed.

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
    images = with_shape(images)
    if holds_flat_rows(images):
        items = _rows_source(np.asarray(images), image_shape, Decoder()).items
    else:
        items = _items(images, None)
    column = np.empty((len(items), 1), dtype=object)
    for i in range(len(items)):
        column[i, 0] = LazyImage(items, i) if isinstance(items, LazySequence) else items[i]
    return column


def with_shape(X: Any) -> Any:
    """Return X; if it converts to an array but has no `shape`, the array."""
    is_array = hasattr(X, "__array__") and not hasattr(X, "shape")
    is_view = isinstance(X, memoryview) and X.ndim > 1
    return np.asarray(X) if is_array or is_view else X


def is_table(X: Any) -> bool:
    """Whether X is a DataFrame, of pandas, polars or their like."""
    kind = type(X)  # to ask the object itself could make it compute something
    return hasattr(kind, "columns") and hasattr(kind, "dtypes")


def holds_flat_rows(X: Any, image_column: str | None = None) -> bool:
    """Whether X is a 2-D table of numbers: one image per row, its pixels in columns."""
    if is_table(X):
        check_table(X)
        return image_column is None and all(_is_numeric(dtype) for dtype in X.dtypes)
    if isinstance(X, list | tuple):
        return len(X) > 0 and _is_row_of_numbers(X[0])
    if not (hasattr(X, "dtype") and len(getattr(X, "shape", ())) == 2):
        return False
    if X.dtype != object or X.shape[0] == 0:
        return getattr(X.dtype, "kind", "f") not in "US"
    first = X[0, 0]
    return is_number(first) if X.shape[1] == 1 else not (is_path(first) or is_contents(first))


def _items(X: Any, image_column: str | None) -> Images:
    """Return the images in X, whatever X is, as a sequence."""
    if is_table(X):
        check_table(X)
        return X[_image_column_name(X, image_column)].to_list()
    if image_column is not None and not isinstance(X, np.ndarray | list | tuple):
        raise ValueError(f"image_column={image_column!r} is given but X is not a DataFrame.")
    check_is_no_single_image(X)
    if hasattr(X, "to_list") and hasattr(X, "dtype"):  # a Series
        X = X.to_list()
    if isinstance(X, list | tuple):
        return _items_of_list(X)
    if hasattr(X, "dtype") and hasattr(X, "shape"):
        return _items_of_array(X)
    check_has_positions(X)
    return LazySequence(X)


def _items_of_list(images: Sequence[Any]) -> Sequence[Any]:
    """Take ``[[path], [path]]`` for a column; other lists hold images."""
    if len(images) and is_number(images[0]):
        raise ValueError(f"X holds single numbers, not images; the first is {images[0]}.")
    if all(isinstance(item, list | tuple) and len(item) == 1 for item in images):
        return [item[0] for item in images]
    return images


def _items_of_array(X: Any) -> Images:
    if len(X.shape) in (3, 4):
        # Arrays that are in a file, such as those of h5py, are not read as a whole.
        return X if isinstance(X, np.ndarray) else LazySequence(X)
    array = np.asarray(X)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind in "US":
        return array.tolist()
    if array.ndim == 1 and array.dtype == object and not any(map(is_number, array[:1])):
        return array
    if array.ndim == 2 and array.size and is_path(array[0, 0]):
        raise ValueError(
            f"X of shape {array.shape} holds paths in several columns; give one: X[:, 0]."
        )
    raise ValueError(
        f"Found no images in an array of shape {array.shape} and dtype {array.dtype}. "
        "Expected 2D array rows, or arrays of shape (n, h, w) or (n, h, w, c), or a "
        "sequence of paths, PIL images or arrays. Reshape your data with "
        "array.reshape(1, -1) if it contains a single image."
    )


def _rows_source(
    rows: NDArray[Any], image_shape: tuple[int, ...] | None, decoder: Decoder
) -> ImageSource:
    n_features = rows.shape[1]
    shape = _square_shape(n_features) if image_shape is None else tuple(map(int, image_shape))
    if shape is None:
        return _strips_source(rows)
    if math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape={shape} has {math.prod(shape)} pixels but X has {n_features} features."
        )
    return ImageSource(rows.reshape(len(rows), *shape), decoder, form="rows")


def _strips_source(rows: NDArray[Any]) -> ImageSource:
    """Use rows of numbers that form no square picture as strips one pixel high."""
    n_features = rows.shape[1]
    advice = (
        "Set image_shape=(height, width) or (height, width, channels) for rows of pixels; put a "
        "single grey image in a list: [image]."
    )
    if rows.dtype == np.uint8:  # pixels, which make no sense as strips
        raise ValueError(
            f"X of shape {rows.shape} and dtype uint8 holds no images: {n_features} pixels in a "
            f"row form no square image. {advice}"
        )
    warn(
        f"Rows of {n_features} numbers are no square image; they are taken as strips one pixel "
        f"high, their values as they are. {advice}"
    )
    images = rows.reshape(len(rows), 1, n_features)
    return ImageSource(images, Decoder(AS_THEY_ARE), form="strips")


def _square_shape(n_features: int) -> tuple[int, ...] | None:
    for channels in (3, 1):
        side = math.isqrt(n_features // channels)
        if side >= MIN_SQUARE_SIDE and side * side * channels == n_features:
            return (side, side, channels)
    return None


def _image_column_name(X: Any, image_column: str | None) -> Any:
    names = list(X.columns)
    listed = [str(name) for name in names]
    if image_column is not None:
        if image_column not in names:
            raise ValueError(
                f"image_column={str(image_column)!r} is not one of the columns {listed}."
            )
        return image_column
    if len(names) != 1:
        raise ValueError(
            f"Set image_column= to the column that holds the images, one of {listed}, or give "
            f"that column, X[name]."
        )
    return names[0]


def _is_row_of_numbers(row: Any) -> bool:
    is_row = isinstance(row, list | tuple) or (isinstance(row, np.ndarray) and row.ndim == 1)
    return is_row and len(row) > 0 and isinstance(row[0], int | float | np.number)


def _is_numeric(dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric()
    return getattr(dtype, "kind", "O") in "iufbc"
