"""What `preprocess` returns for one image, checked."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skdr.exceptions import ImageDecodeError
from skdr.images._decode import Decoder
from skdr.images._pixels import EIGHT_BITS, holds_unit_range, rgb_pixels, type_name
from skdr.images._source import ImageSource

Preprocess = Callable[[NDArray[Any]], NDArray[Any]]


class PreprocessError(ImageDecodeError):
    """The user's `preprocess` failed on an image, or returned no image."""


def preprocessed(
    source: ImageSource, i: int, preprocess: Preprocess | None, at_least: tuple[int, int]
) -> NDArray[Any]:
    """Return one image before it is resized; see `Decoder.open` for `at_least`."""
    if preprocess is None:
        return source.decode(i, at_least=at_least)
    image = source.decode(i)
    indices = (int(source.indices[i]),)
    try:
        # The callable gets a copy: what the caller passed in is never changed.
        returned = preprocess(image.copy())
    except MemoryError:
        raise
    except Exception as exc:
        cause = f"{type(exc).__name__}: {exc}"
        message = f"preprocess failed on {source.describe(i)}: {cause}"
        raise PreprocessError(message, indices) from exc
    if problem := _problem_with(returned):
        message = f"preprocess returned {problem} for {source.describe(i)}; {_DEMAND}"
        raise PreprocessError(message, indices)
    if isinstance(returned, Image.Image):
        return np.asarray(Decoder().open(returned))
    return rgb_pixels(returned)


_DEMAND = (
    "it must return the image: RGB in 0..255, of shape (height, width, 3). The network normalises "
    "by itself: leave out preprocess_input of keras.applications, ImageNet's mean and deviation, "
    "and division by 255."
)


def _problem_with(returned: Any) -> str:
    """Return what is wrong with what `preprocess` returned; nothing where it is an image."""
    if isinstance(returned, Image.Image):
        return ""
    try:
        array = np.asarray(returned)
    except (RuntimeError, TypeError, ValueError):
        return type_name(returned)
    if array.dtype.kind not in "biuf":
        return type_name(returned)
    is_image = array.ndim == 3 and array.shape[-1] in (1, 3, 4)
    if not (is_image or array.ndim == 2) or array.size == 0:
        return f"an array of shape {array.shape}"
    return "" if array.dtype == bool else _problem_with_numbers(array)


def _problem_with_numbers(array: NDArray[Any]) -> str:
    low, high = EIGHT_BITS
    smallest, largest = array.min(), array.max()
    if not np.isfinite(array).all():
        return "NaN or infinity"
    if smallest < low or largest > high or holds_unit_range(array):
        return f"numbers in [{smallest:.4g}, {largest:.4g}]"
    return ""
