"""Images to look at: at their own aspect ratio, no larger than a page needs."""

import numpy as np
from numpy.typing import NDArray

from skdr.images._batches import resize
from skdr.images._preprocess import Preprocess, preprocessed
from skdr.images._source import ImageSource

MAX_SHOWN_SIDE = 1024


def shown_image(
    source: ImageSource, i: int, preprocess: Preprocess | None = None
) -> NDArray[np.uint8]:
    """Return one image, reduced where a side is longer than `MAX_SHOWN_SIDE`.

    Parameters
    ----------
    source : ImageSource
    i : int
        Its position.
    preprocess : callable, optional
        Takes one RGB image (h, w, 3) and returns one, in 0..255.

    Returns
    -------
    image : ndarray of shape (height, width, 3)
    """
    image = preprocessed(source, i, preprocess, at_least=(MAX_SHOWN_SIDE, MAX_SHOWN_SIDE))
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SHOWN_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    shown = resize(np.ascontiguousarray(image), size)
    return np.rint(np.clip(shown, 0, 255)).astype(np.uint8)
