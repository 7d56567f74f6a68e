"""Images of more than 8 bits: which of their numbers stand for black and white."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdr._warnings import warn
from skdr.images._pixels import (
    EIGHT_BITS,
    ValueRange,
    bits_range,
    check_range,
    in_brackets,
    to_eight_bits,
)

SIXTEEN_BITS: ValueRange = (0, 65535)
_TWELVE_BITS: ValueRange = (0, 4095)
# Images that use more bits than these are not plainly of fewer than 16.
_FEW_BITS = 14
_ANOTHER_READER = "read them with another package, such as imageio, and give arrays"


def is_wide_grey(mode: str) -> bool:
    """Whether Pillow's mode is grey of more than 8 bits: ``F``, ``I``, ``I;16`` and its like."""
    return mode == "F" or mode.startswith("I")


def is_wide_colour(raw_mode: str) -> bool:
    """Whether a file holds colours in 16 bits, of which Pillow keeps the upper 8."""
    is_wide = raw_mode.endswith((";16B", ";16L", ";16N"))  # ";16" alone is 5 or 6 bits a colour
    return is_wide and not is_wide_grey(raw_mode)


def range_of_type(mode: str, raw_mode: str) -> ValueRange:
    """Return what stands for black and white in grey images of which nobody says it.

    Parameters
    ----------
    mode, raw_mode : str
        How Pillow holds the pixels, and how the file does.

    Returns
    -------
    value_range : tuple of (low, high)
        All that the type can hold; floats are taken as they are in arrays.
    """
    if mode == "F":
        return EIGHT_BITS
    return _TWELVE_BITS if raw_mode == "I;12" else SIXTEEN_BITS


def grey_to_rgb(
    pixels: NDArray[Any], declared: ValueRange | None, default: ValueRange
) -> NDArray[np.uint8]:
    """Turn grey of shape (height, width) into RGB in 0..255.

    Parameters
    ----------
    pixels : ndarray of shape (height, width)
    declared : tuple of (low, high) or None
        The numbers that stand for black and white.
    default : tuple of (low, high)
        What None stands for.
    """
    check_range(pixels, declared, default)
    grey = np.rint(to_eight_bits(pixels, declared or default)).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def check_wide_colour(declared: ValueRange | None) -> None:
    """Raise where a range is declared that the upper 8 of 16 bits cannot show."""
    if declared not in (None, SIXTEEN_BITS):
        raise ValueError(
            f"of 16 bits of colours Pillow keeps the upper 8, too few for "
            f"value_range={in_brackets(declared)}; {_ANOTHER_READER}"
        )


class UsedBits:
    """The largest numbers in the 16-bit images of one call to an estimator.

    Attributes
    ----------
    grey, colour : list of float
        The largest number of each image; threads may append to them.
    """

    def __init__(self) -> None:
        self.grey: list[float] = []
        self.colour: list[float] = []
        self._is_told = False

    def tell(self) -> None:
        """Warn, once, where all images so far use a small part of their bits."""
        for kind, maxima in (("grey", self.grey), ("colour", self.colour)):
            used = bits_range(max(maxima, default=SIXTEEN_BITS[1]))
            if used[1] < 2**_FEW_BITS and not self._is_told:
                self._is_told = True
                warn(
                    f"The 16-bit {kind} images in X hold no number above {used[1]}, where white "
                    f"is 65535: the network sees them nearly black. {_advice(kind, used)}"
                )


def _advice(kind: str, used: ValueRange) -> str:
    declare = f"value_range={in_brackets(used)}"
    if kind == "grey":
        return f"Set {declare} of the estimator if they are of so many bits."
    return (
        f"If they are of so many bits, {_ANOTHER_READER} with {declare}: of 16 bits of colours "
        "Pillow keeps the upper 8."
    )
