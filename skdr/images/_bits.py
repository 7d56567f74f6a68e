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
# Values that fit into this many bits show that images do not use all 16.
_FEW_BITS = 14
_ANOTHER_READER = "read them with another package, such as imageio, and give arrays"


def is_wide_grey(mode: str) -> bool:
    """Whether a mode of Pillow is grey of more than 8 bits: ``F``, ``I``, ``I;16`` and the like."""
    return mode == "F" or mode.startswith("I")


def is_wide_colour(raw_mode: str) -> bool:
    """Whether a file holds 16 bits per colour; Pillow keeps only the upper 8 of them."""
    is_wide = raw_mode.endswith((";16B", ";16L", ";16N"))  # ";16" alone is 5 or 6 bits per colour
    return is_wide and not is_wide_grey(raw_mode)


def range_of_type(mode: str, raw_mode: str) -> ValueRange:
    """Return the numbers for black and white in grey images whose range is not declared.

    Parameters
    ----------
    mode, raw_mode : str
        How Pillow stores the pixels, and how the file stores them.

    Returns
    -------
    value_range : tuple of (low, high)
        The full range of the type; for floats 0..255, as in arrays.
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
        The range where none is declared.
    """
    check_range(pixels, declared, default)
    grey = np.rint(to_eight_bits(pixels, declared or default)).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def check_wide_colour(declared: ValueRange | None) -> None:
    """Raise if the declared range needs more than the upper 8 of 16 bits."""
    if declared not in (None, SIXTEEN_BITS):
        raise ValueError(
            f"Pillow keeps only the upper 8 of the 16 bits per colour, too few for "
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
        """Warn, once, if all images so far use only a small part of their bits."""
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
        return f"Set {declare} in the estimator if that is their range."
    return (
        f"If that is their range, {_ANOTHER_READER} with {declare}: Pillow keeps only the upper 8 "
        "of the 16 bits per colour."
    )
