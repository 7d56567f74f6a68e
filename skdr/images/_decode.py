"""One file, PIL image or array to one RGB image in 0..255."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from skdr.images._bits import (
    SIXTEEN_BITS,
    UsedBits,
    check_wide_colour,
    grey_to_rgb,
    is_wide_colour,
    is_wide_grey,
    range_of_type,
)
from skdr.images._files import contents_of, open_image, own_lock
from skdr.images._item import check_item
from skdr.images._pixels import ValueRange, rgb_pixels

# JPEG files are read at a half, a quarter or an eighth of their size, as long as that is
# at least this many times the requested size; `resize` does the rest.
_SPARE_PIXELS = 1.5


class Decoder:
    """Turns images, each by itself, into RGB in 0..255.

    Parameters
    ----------
    value_range : tuple of (low, high) or None, default=None
        The numbers that stand for black and white in arrays, and in grey
        files and PIL images of more than 8 bits. None means 0..255 in arrays
        and floats, and 0..65535 in files of 16 bits.

    Attributes
    ----------
    used_bits : UsedBits
        The largest values of 16-bit images whose range is not declared.
    """

    def __init__(self, value_range: ValueRange | None = None):
        self.value_range = value_range
        self.used_bits = UsedBits()

    def open(
        self, item: Any, at_least: tuple[int, int] | None = None
    ) -> Image.Image | NDArray[np.uint8] | NDArray[np.float32]:
        """Return a file or PIL image as a PIL image in RGB, other items as pixels.

        Turning a PIL image into an array makes other threads wait, longer the
        larger it is: it can be resized before that.

        Parameters
        ----------
        item : file in any form, PIL.Image.Image or array-like
            Pixels are of shape (height, width) or (height, width, c) with c
            1, 3 or 4 (the alpha channel is dropped).
        at_least : tuple of (height, width), optional
            A JPEG file may come back smaller than it is, but well above this.
            By default every image has its full size.

        Raises
        ------
        Exception
            The message says what is wrong; the caller adds which item it is.
        """
        contents = contents_of(item)
        if contents is not None:
            return self._open_contents(contents, at_least)
        if isinstance(item, Image.Image):
            with own_lock(item):
                item.load()
                return self._rgb_of(ImageOps.exif_transpose(item))
        check_item(item)
        return rgb_pixels(item, self.value_range)

    def _open_contents(
        self, contents: bytes, at_least: tuple[int, int] | None
    ) -> Image.Image | NDArray[np.uint8]:
        with open_image(io.BytesIO(contents)) as image:
            raw_mode = _raw_mode(image)
            if at_least is not None:
                side = int(_SPARE_PIXELS * max(at_least))  # the image may lie on its side
                image.draft(None, (side, side))
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
            return self._rgb_of(image, raw_mode)

    def _rgb_of(self, image: Image.Image, raw_mode: str = "") -> Image.Image | NDArray[np.uint8]:
        if is_wide_grey(image.mode):
            return self._rgb_of_wide_grey(image, raw_mode)
        if image.mode == "PA" or (image.mode == "P" and "transparency" in image.info):
            image = image.convert("RGBA")
        image = image if image.mode == "RGB" else image.convert("RGB")
        if is_wide_colour(raw_mode):
            check_wide_colour(self.value_range)
            self.used_bits.colour.append(256 * int(np.asarray(image).max()) + 255)
        return image

    def _rgb_of_wide_grey(self, image: Image.Image, raw_mode: str) -> NDArray[np.uint8]:
        pixels, default = np.asarray(image), range_of_type(image.mode, raw_mode)
        rgb = grey_to_rgb(pixels, self.value_range, default)
        if self.value_range is None and default == SIXTEEN_BITS:
            self.used_bits.grey.append(float(pixels.max()))
        return rgb


def _raw_mode(image: Image.Image) -> str:
    """Return how the file of an opened image stores its pixels, where Pillow says so."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    raw_mode = arguments[0] if isinstance(arguments, tuple) else arguments
    return raw_mode if isinstance(raw_mode, str) else ""
