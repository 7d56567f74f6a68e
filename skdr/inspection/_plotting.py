"""What the displays share: grids of images, plain captions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdr._optional import pyplot

_MAX_NAME = 26
_LINE_HEIGHT = 0.17  # inches


def image_axes(
    aspects: Sequence[float], n_columns: int, axes: Any, *, width: float, n_lines: int
) -> tuple[Any, NDArray[Any]]:
    """Return a figure, and one Axes per image, without ticks or frames.

    Parameters
    ----------
    aspects : sequence of float
        Height over width of what each is to show.
    n_columns : int
        The largest number of Axes side by side.
    axes : sequence of matplotlib Axes or None
        Axes to draw on; None makes a new figure.
    width : float
        Width of each new Axes, in inches.
    n_lines : int
        Lines of a caption.

    Raises
    ------
    ValueError
        If too few axes are given.
    """
    if axes is None:
        n_columns = max(1, min(n_columns, len(aspects)))
        starts = range(0, max(1, len(aspects)), n_columns)
        tallest = [max(aspects[start : start + n_columns], default=1.0) for start in starts]
        heights = [width * aspect + _LINE_HEIGHT * (n_lines + 1) for aspect in tallest]
        figure = pyplot().figure(figsize=(width * n_columns, sum(heights)), layout="constrained")
        axes = figure.subplots(len(heights), n_columns, squeeze=False, height_ratios=heights)
    flat = np.ravel(np.asarray(axes, dtype=object))
    if len(flat) < len(aspects):
        raise ValueError(f"axes holds {len(flat)} Axes for {len(aspects)} images.")
    for axis in flat:
        axis.set_axis_off()
        axis.set_anchor("N")
    return flat[0].figure, flat[: len(aspects)]


def write_caption(axis: Any, lines: Sequence[str]) -> None:
    """Write lines above an image; ``$`` and ``_`` are plain characters in them."""
    axis.set_title("\n".join(lines), fontsize="small", parse_math=False, usetex=False)


def short_name(name: str) -> str:
    """Return a file name in one line, its middle left out where it is long."""
    name = " ".join(name.split())
    if len(name) <= _MAX_NAME:
        return name
    half = (_MAX_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
