"""Where the retina is in a photograph: the circle that its edge lies on."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

# The edge is looked for in a thumbnail of at most this side, at each of these shares of
# the brightness: cameras and exposures differ too much for one threshold.
_THUMBNAIL_SIDE = 192
_LEVELS = (0.04, 0.08, 0.16, 0.32, 0.5)
_N_CANDIDATES = 200
_TOLERANCE = 0.015  # points this near to a circle, in radii, count as lying on it
_SMALLEST_RADIUS = 0.125  # of the longer side
_SMALLEST_SHARE = 0.25  # of the points must lie on a circle for it to be found


class Circle(NamedTuple):
    """A circle, in pixels from the upper left corner of an image."""

    x: float
    y: float
    radius: float


def find_retina(image: NDArray[Any]) -> Circle:
    """Find the circle of the retina in a fundus photograph.

    The outermost bright points of all rows and columns lie on it, except where
    the frame of the camera, a shadow or something bright outside interferes.
    Of many circles through three of these points, the one that most points lie
    on is taken [1]_ and fitted to those points [2]_.

    Parameters
    ----------
    image : ndarray of shape (h, w, 3)
        RGB in 0..255.

    Returns
    -------
    circle : Circle
        If no circle is found, it is centred on the image and as wide as the
        longer side.

    References
    ----------
    .. [1] M. A. Fischler and R. C. Bolles, "Random Sample Consensus",
       Communications of the ACM 24(6), 1981.
    .. [2] I. Kasa, "A circle fitting procedure and its error analysis", IEEE
       Transactions on Instrumentation and Measurement 25, 1976.
    """
    height, width = image.shape[:2]
    step = math.ceil(max(height, width) / _THUMBNAIL_SIDE)
    first = min(step, height, width) // 2
    brightness = _brightness(image[first::step, first::step])
    on_circle = _most_points_on_one_circle(brightness)
    if len(on_circle) == 0:
        return Circle(width / 2, height / 2, max(height, width) / 2)
    x, y, radius = (float(step * value) for value in _fit_circle(on_circle))
    offset = first + 0.5 - step / 2  # of the thumbnail's corner
    return Circle(x + offset, y + offset, radius)


def _brightness(thumbnail: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the brightest channel without noise; a median leaves edges where they are."""
    brightest = np.clip(thumbnail.max(axis=-1), 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(brightest).filter(ImageFilter.MedianFilter(5)))


def _most_points_on_one_circle(brightness: NDArray[np.uint8]) -> NDArray[np.complex128]:
    """Return the points of the retina's edge, as x + iy; none if there is no circle."""
    best = np.empty(0, dtype=np.complex128)
    bright = np.percentile(brightness, 98)
    for level in _LEVELS:
        points = _outermost_points(brightness > level * bright)
        on_circle = points[_on_one_circle(points, brightness.shape)]
        if len(on_circle) > max(len(best), _SMALLEST_SHARE * len(points)):
            best = on_circle
    return best


def _outermost_points(mask: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Return both ends of all rows and columns, except ends on the border of the image."""
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y, x = 1j * (rows + 0.5), columns + 0.5
    left, right = mask.argmax(axis=1)[rows], width - mask[:, ::-1].argmax(axis=1)[rows]
    top, bottom = mask.argmax(axis=0)[columns], height - mask[::-1].argmax(axis=0)[columns]
    return np.concatenate(
        [
            (left + y)[left > 0],
            (right + y)[right < width],
            (x + 1j * top)[top > 0],
            (x + 1j * bottom)[bottom < height],
        ]
    )


def _on_one_circle(points: NDArray[np.complex128], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which points lie on the circle that most of them lie on."""
    centres, radii = _circles_through_three(points)
    possible = (
        (np.abs(centres.real / shape[1] - 0.5) < 0.5)
        & (np.abs(centres.imag / shape[0] - 0.5) < 0.5)
        & (radii > _SMALLEST_RADIUS * max(shape))
        & (radii < max(shape))
    )
    if not possible.any():
        return np.zeros(len(points), dtype=bool)
    centres, radii = centres[possible, np.newaxis], radii[possible, np.newaxis]
    on_circle = np.abs(np.abs(points - centres) / radii - 1) < _TOLERANCE
    return on_circle[on_circle.sum(axis=1).argmax()]


def _circles_through_three(
    points: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return centres and radii of circles through three points each, drawn at random."""
    if len(points) < 3:
        return np.empty(0, dtype=np.complex128), np.empty(0)
    rng = np.random.default_rng(0)  # the same image always has the same circle
    first, second, third = points[rng.integers(len(points), size=(3, _N_CANDIDATES))]
    u, v = second - first, third - first
    twice_area = (u.conj() * v).imag
    not_in_line = twice_area != 0
    first, u, v, twice_area = (a[not_in_line] for a in (first, u, v, twice_area))
    to_centre = 1j * (np.abs(v) ** 2 * u - np.abs(u) ** 2 * v) / (2 * twice_area)
    return first + to_centre, np.abs(to_centre)


def _fit_circle(points: NDArray[np.complex128]) -> tuple[float, float, float]:
    """Return x, y and radius of the least-squares solution of x^2 + y^2 = ax + by + c."""
    terms = np.column_stack([points.real, points.imag, np.ones(len(points))])
    a, b, c = np.linalg.lstsq(terms, np.abs(points) ** 2, rcond=None)[0]
    return a / 2, b / 2, np.sqrt(c + (a**2 + b**2) / 4)
