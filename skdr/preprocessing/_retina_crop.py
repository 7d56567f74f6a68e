"""RetinaCrop: every retina in the middle, and of one size."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skdr._sklearn import Interval
from skdr.images import resize
from skdr.preprocessing._find_retina import Circle, find_retina
from skdr.preprocessing._image_transformer import ImageTransformer


class RetinaCrop(ImageTransformer):
    """Crop a fundus photograph to the retina, and scale that to one radius.

    Photographs differ in how much black surrounds the retina, and how many
    pixels it has across. Here its circle always fills a square of
    ``2 * radius`` pixels a side; where the camera cuts the retina off, or the
    photograph ends, the square stays black. The circle is found whatever the
    exposure, and in spite of shadows, noise, and bright things beside the
    retina. A photograph in which none is found is scaled and padded as a
    whole.

    Give it to an estimator as `preprocess`, call it with an image, or make it
    a step of a pipeline.

    Parameters
    ----------
    radius : int, default=300
        Radius of the retina in the result, in pixels; 300 was found enough in
        [1]_. Half the `image_size` of the network that follows spares it a
        second resizing.

    See Also
    --------
    LocalColourNormalisation : Evens out light and colour.
    make_image_pipeline : Chains several such steps.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition
       report", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.preprocessing import RetinaCrop
    >>> photograph = np.zeros((200, 300, 3), dtype=np.uint8)
    >>> y, x = np.ogrid[:200, :300]
    >>> photograph[np.hypot(x - 140, y - 100) < 80] = (160, 80, 40)
    >>> cropped = RetinaCrop(radius=32)(photograph)
    >>> cropped.shape
    (64, 64, 3)
    >>> cropped[32, [1, 32, 62], 0].tolist()
    [160, 160, 160]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "radius": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, radius: int = 300):
        self.radius = radius

    def _process(self, image: NDArray[Any]) -> NDArray[Any]:
        return _crop(image, find_retina(image), self.radius)


def _crop(image: NDArray[Any], circle: Circle, radius: int) -> NDArray[Any]:
    """Return the square around a circle, resized to ``2 * radius`` pixels a side."""
    left, right, columns = _span(circle.x, circle.radius, image.shape[1], radius)
    top, bottom, rows = _span(circle.y, circle.radius, image.shape[0], radius)
    part_size = (rows.stop - rows.start, columns.stop - columns.start)
    square = np.zeros((2 * radius, 2 * radius, 3), dtype=image.dtype)
    square[rows, columns] = resize(image, part_size, box=(left, top, right, bottom))
    return square


def _span(
    centre: float, circle_radius: float, n_pixels: int, radius: int
) -> tuple[float, float, slice]:
    """Return start and end of the square on one axis of the image, and its place in the result.

    Both are cut at the border of the image: there are no pixels beyond it.
    """
    start, stop = max(0.0, centre - circle_radius), min(float(n_pixels), centre + circle_radius)
    first, last = (round((at - centre) / circle_radius * radius) + radius for at in (start, stop))
    first = min(first, 2 * radius - 1)
    return start, stop, slice(first, max(last, first + 1))
