"""What the displays share: matplotlib when it is there, grids of images, plain captions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_NAME = 26
_CAPTION_LINE = 0.17  # inches


def pyplot() -> Any:
    """Return matplotlib.pyplot, or an error that says how to install it."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as exc:
        raise ImportError("Plots need matplotlib: pip install 'skdr[plots]'.") from exc
    return plt


def image_axes(
    n_images: int, n_columns: int, axes: Any, *, width: float, aspect: float, n_lines: int
) -> tuple[Any, NDArray[Any]]:
    """Return a figure, and one Axes an image without ticks or frames.

    Parameters
    ----------
    n_images : int
    n_columns : int
        At most so many stand side by side.
    axes : sequence of matplotlib Axes or None
        Axes to draw on; None makes a new figure.
    width : float
        Of one of the new axes, in inches.
    aspect : float
        Height of the tallest image over its width.
    n_lines : int
        Lines of a caption.

    Raises
    ------
    ValueError
        If too few axes are given.
    """
    if axes is None:
        n_columns = max(1, min(n_columns, n_images))
        n_rows = max(1, -(-n_images // n_columns))
        height = width * aspect + _CAPTION_LINE * (n_lines + 1)
        figsize = (width * n_columns, height * n_rows)
        figure = pyplot().figure(figsize=figsize, layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
    flat = np.ravel(np.asarray(axes, dtype=object))
    if len(flat) < n_images:
        raise ValueError(f"axes holds {len(flat)} Axes for {n_images} images.")
    for axis in flat:
        axis.set_axis_off()
    return flat[0].figure, flat[:n_images]


def largest_aspect(images: Sequence[NDArray[Any]]) -> float:
    """Return the height of the tallest image over its width."""
    return max((image.shape[0] / image.shape[1] for image in images), default=1.0)


def write_caption(axis: Any, lines: Sequence[str]) -> None:
    """Write above an image, and take ``$`` and ``_`` for what they are."""
    axis.set_title("\n".join(lines), fontsize="small", parse_math=False, usetex=False)


def short_name(name: str) -> str:
    """Return a file name in one line, its middle left out where it is long."""
    name = " ".join(name.split())
    if len(name) <= _MAX_NAME:
        return name
    half = (_MAX_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
