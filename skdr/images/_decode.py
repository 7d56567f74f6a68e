"""One file, PIL image or array to one RGB array in 0..255."""

import io
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps

VALUE_RANGE = (0, 255)
# JPEG files are read at a half, a quarter or an eighth of their size while that is
# still so many times the size that is asked for: the rest is left to `resize`.
_SPARE_PIXELS = 1.5


def is_path(item: Any) -> bool:
    """Whether an item names a file."""
    return isinstance(item, str | os.PathLike)


def decode_image(
    item: Any,
    value_range: tuple[float, float] | None = VALUE_RANGE,
    at_least: tuple[int, int] | None = None,
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Turn one image, in any form, into RGB pixels.

    Parameters
    ----------
    item : str, path, PIL.Image.Image or array-like
        An image file, an open image, or pixels of shape (height, width) or
        (height, width, c) with c 1, 3 or 4 (the alpha channel is dropped).
    value_range : tuple of (low, high) or None, default=(0, 255)
        The numbers that stand for black and white in arrays. With None,
        numbers are used as they are, whatever they are.
    at_least : tuple of (height, width), optional
        A JPEG file may come back smaller than it is, but well above this.
        By default every image has its full size.

    Returns
    -------
    rgb : ndarray of shape (height, width, 3)
        uint8 where the pixels are whole numbers in 0..255, else float32.

    Raises
    ------
    Exception
        Whatever is wrong, said in the message; the caller knows which item
        it was.
    """
    return np.asarray(open_rgb(item, value_range, at_least))


def open_rgb(
    item: Any,
    value_range: tuple[float, float] | None = VALUE_RANGE,
    at_least: tuple[int, int] | None = None,
) -> Image.Image | NDArray[np.uint8] | NDArray[np.float32]:
    """Return a Pillow image in RGB where the item is one or a file, else its pixels.

    What `decode_image` returns, before it becomes an array: that keeps other
    threads waiting, longer the larger it is.
    """
    if is_path(item):
        return _open_file(item, at_least)
    if isinstance(item, Image.Image):
        return _rgb_of(ImageOps.exif_transpose(item))
    if item is None or (isinstance(item, float) and np.isnan(item)):
        raise ValueError("missing value")
    return rgb_pixels(item, value_range)


def rgb_pixels(
    pixels: ArrayLike, value_range: tuple[float, float] | None = VALUE_RANGE
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Turn an array of pixels into RGB in 0..255; see `decode_image`."""
    array = _three_channels(np.asarray(pixels))
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8 and value_range == VALUE_RANGE:
        return array
    if array.dtype.kind not in "iuf":
        raise TypeError(f"pixels of dtype {array.dtype} are not numbers")
    if value_range is None:
        return array.astype(np.float32)
    _check_value_range(array, value_range)
    low, high = value_range
    scaled = (array.astype(np.float64) - low) * (255.0 / (high - low))
    whole = np.rint(scaled)
    # Equal images are equal whatever dtype they come in: 8-bit values that
    # were divided by 255 in float32 are 8-bit values again.
    if np.abs(scaled - whole).max() < 1e-3:
        return whole.astype(np.uint8)
    return scaled.astype(np.float32)


def _open_file(
    path: str | os.PathLike[str], at_least: tuple[int, int] | None
) -> Image.Image | NDArray[np.uint8]:
    try:
        # In memory a damaged header cannot make Pillow ask the system for more than is there.
        with open(path, "rb") as file:
            contents = file.read()
    except FileNotFoundError:
        raise FileNotFoundError("no such file") from None
    except OSError:
        if os.path.isdir(path):
            raise IsADirectoryError("is a folder, not an image file") from None
        raise
    if not contents:
        raise ValueError("empty file")
    with Image.open(io.BytesIO(contents)) as image:
        if at_least is not None:
            side = int(_SPARE_PIXELS * max(at_least))  # the image may lie on its side
            image.draft(None, (side, side))
        ImageOps.exif_transpose(image, in_place=True)
        image.load()
        return _rgb_of(image)


def _rgb_of(image: Image.Image) -> Image.Image | NDArray[np.uint8]:
    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bit_grey(np.asarray(image))
    if image.mode == "PA" or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bit_grey(array: NDArray[Any]) -> NDArray[np.uint8]:
    """16-bit grey as Pillow opens it, in modes ``I;16``, ``I`` or ``F``."""
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 65535:
        raise ValueError("grey values outside 0..65535; convert the file to 8 or 16 bits")
    grey = np.rint(array.astype(np.float64) / 257).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def _three_channels(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        hint = ""
        if array.ndim == 3 and array.shape[0] in (1, 3, 4):
            hint = "; channels come last, see np.moveaxis"
        raise ValueError(
            f"shape {array.shape} is not (height, width) or (height, width, 1, 3 or 4){hint}"
        )
    if array.size == 0:
        raise ValueError(f"shape {array.shape} holds no pixels")
    if array.shape[-1] == 1:
        return np.repeat(array, 3, axis=-1)
    return array[..., :3]


def _check_value_range(array: NDArray[Any], value_range: tuple[float, float]) -> None:
    low, high = value_range
    smallest, largest = array.min(), array.max()
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise ValueError("pixels hold NaN or infinity")
    if smallest < low or largest > high:
        raise ValueError(
            f"pixels lie in [{smallest:g}, {largest:g}], outside the declared "
            f"value_range={value_range}; set value_range=(black, white)"
        )
    in_unit_range = array.dtype.kind == "f" and smallest >= 0 and 0 < largest <= 1
    if in_unit_range and high > 2 and np.any(array % 1):
        raise ValueError(
            f"pixels lie in [{smallest:g}, {largest:g}] where value_range={value_range} "
            f"is declared; set value_range=(0, 1)"
        )
