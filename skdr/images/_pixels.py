"""Numbers to RGB pixels in 0..255, by the range that is declared for them."""

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

ValueRange: TypeAlias = tuple[float, float]
EIGHT_BITS: ValueRange = (0, 255)
# For numbers that are no picture: they are not scaled, and may have any value.
AS_THEY_ARE: ValueRange = (-math.inf, math.inf)


def as_value_range(value_range: Any) -> ValueRange | None:
    """Return the parameter `value_range` as two floats, or None where nothing is declared.

    Raises
    ------
    ValueError
        If it is not (black, white), two finite numbers, black below white.
    """
    if value_range is None:
        return None
    try:
        low, high = (float(bound) for bound in value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise ValueError(
            f"value_range={value_range!r} must be (low, high), low < high: the numbers that stand "
            f"for black and white, such as (0, 4095). None means 0..255 in arrays, and in files "
            f"the full range of their type."
        )
    return low, high


def rgb_pixels(
    pixels: Any, value_range: ValueRange | None = None
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Turn an array of pixels into RGB in 0..255.

    Parameters
    ----------
    pixels : array-like of shape (height, width) or (height, width, c) with c 1, 3 or 4
        The fourth channel, alpha, is dropped.
    value_range : tuple of (low, high) or None, default=None
        The numbers that stand for black and white; None means 0..255. With
        `AS_THEY_ARE` the numbers are not scaled.

    Returns
    -------
    rgb : ndarray of shape (height, width, 3)
        uint8 where the pixels are whole numbers in 0..255, else float32.

    Raises
    ------
    ValueError, TypeError
        If the shape is different, or values are not numbers in that range.
    """
    array = as_array(pixels)
    if problem := array_problem(array):
        raise problem
    array = three_channels(array)
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8 and value_range in (None, EIGHT_BITS):
        return array
    if value_range == AS_THEY_ARE:
        return array.astype(np.float32)
    check_range(array, value_range)
    scaled = to_eight_bits(array, value_range or EIGHT_BITS)
    whole = np.rint(scaled)
    # The same image gives the same pixels in every dtype: 8-bit values that
    # were divided by 255 in float32 become 8-bit values again.
    if np.abs(scaled - whole).max() < 1e-3:
        return whole.astype(np.uint8)
    return scaled.astype(np.float32)


def as_array(pixels: Any) -> NDArray[Any]:
    """Return an item as an array; for a tensor on a GPU the error says why that is impossible."""
    try:
        array = np.asarray(pixels)
    except (RuntimeError, TypeError, ValueError) as exc:
        name = type(pixels).__name__
        raise TypeError(f"{name} cannot be turned into an array of pixels: {exc}") from exc
    if array.ndim == 0 and array.dtype == object:
        raise TypeError(f"{type_name(pixels)} is no image; give a path, a PIL image or an array")
    return array


def array_problem(array: NDArray[Any]) -> Exception | None:
    """Return why an array is no image, as far as its shape and dtype show."""
    shape = array.shape
    if array.ndim != 2 and not (array.ndim == 3 and shape[-1] in (1, 3, 4)):
        hint = ""
        if array.ndim == 3 and shape[0] in (1, 3, 4):
            hint = "; channels come last, see np.moveaxis"
        return ValueError(
            f"shape {shape} is not (height, width) or (height, width, 1, 3 or 4){hint}"
        )
    if array.size == 0:
        return ValueError(f"shape {shape} holds no pixels")
    if array.dtype.kind not in "biuf":
        return TypeError(f"pixels of dtype {array.dtype} are not numbers")
    return None


def three_channels(array: NDArray[Any]) -> NDArray[Any]:
    """Return pixels of shape (height, width[, 1, 3 or 4]) as (height, width, 3)."""
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.shape[-1] == 1:
        return np.repeat(array, 3, axis=-1)
    return array[..., :3]


def to_eight_bits(array: NDArray[Any], value_range: ValueRange) -> NDArray[np.float64]:
    """Scale numbers of some range to 0..255."""
    low, high = value_range
    return (array.astype(np.float64) - low) * (255.0 / (high - low))


def check_range(
    array: NDArray[Any], declared: ValueRange | None, default: ValueRange = EIGHT_BITS
) -> None:
    """Raise if numbers lie outside the declared range, or the default one if none is declared.

    Parameters
    ----------
    array : ndarray
    declared : tuple of (low, high) or None
    default : tuple of (low, high), default=(0, 255)
        The range where none is declared.
    """
    low, high = declared or default
    smallest, largest = array.min(), array.max()
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise ValueError("pixels hold NaN or infinity")
    found = f"pixels lie in [{smallest:g}, {largest:g}]"
    if smallest < low or largest > high:
        which = "declared" if declared else "default"
        raise ValueError(
            f"{found}, outside the {which} value_range={in_brackets((low, high))}; set "
            f"value_range=(black, white){_such_as(smallest, largest)}"
        )
    if high > 2 and holds_unit_range(array):
        raise ValueError(
            f"{found} where value_range={in_brackets((low, high))} is "
            f"{'declared' if declared else 'the default'}; set value_range=(0, 1)"
        )


def holds_unit_range(array: NDArray[Any]) -> bool:
    """Whether numbers are fractions between 0 and 1, so that 0..255 cannot be their range."""
    if array.dtype.kind != "f" or array.min() < 0 or not 0 < array.max() <= 1:
        return False
    return bool(np.any(array % 1))


def bits_range(largest: float) -> ValueRange:
    """Return the range of the smallest number of bits, at least 8, that can hold a number."""
    return (0, 2 ** max(8, math.ceil(largest).bit_length()) - 1)


def in_brackets(value_range: ValueRange) -> str:
    """Return a range as a user types it: ``(0, 4095)``."""
    low, high = (int(bound) if bound == int(bound) else bound for bound in value_range)
    return f"({low}, {high})"


def type_name(thing: Any) -> str:
    """Return how a message names the type of a thing."""
    kind = type(thing)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _such_as(smallest: float, largest: float) -> str:
    if smallest < -1 or (smallest < 0 and largest > 1):
        return ""
    return f", such as {in_brackets((-1, 1) if smallest < 0 else bits_range(largest))}"
