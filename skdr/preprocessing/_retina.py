"""Fundus photographs: find the retina, crop to it, even out its colours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from skdr.preprocessing._base import ImagePreprocessor

_GREY = 128.0
# The retina is looked for on so many pixels a side: its edge is known to a
# few thousandths of the image, and a photograph takes a millisecond.
_SEARCH_SIDE = 400
# What covers less of the photograph is a reflection or a caption, not a retina.
_SMALLEST_SHARE = 0.02


@dataclass(frozen=True)
class Retina:
    """Where the retina is on a photograph, in pixels.

    Attributes
    ----------
    x, y : float
        Its centre, from the left and from the top.
    radius : float
    """

    x: float
    y: float
    radius: float


def find_retina(image: NDArray[Any], threshold: float = 0.1) -> Retina | None:
    """Find the retina: the largest bright area on a dark ground.

    Parameters
    ----------
    image : ndarray of shape (h, w, 3)
        RGB in 0..255.
    threshold : float, default=0.1
        Pixels brighter than this share of the mean brightness may belong to
        it, as in the solution that won the Kaggle competition of 2015 [1]_.

    Returns
    -------
    retina : Retina or None
        The longer side of its box is the diameter: cameras often cut the
        retina off above and below. None where the photograph is black or
        nothing on it is large enough.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition
       report", University of Warwick, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.preprocessing import find_retina
    >>> image = np.zeros((100, 200, 3), dtype=np.uint8)
    >>> image[10:90, 60:140] = 100
    >>> find_retina(image)
    Retina(x=100.0, y=50.0, radius=40.0)
    """
    step = max(1, max(image.shape[:2]) // _SEARCH_SIDE)
    brightness = image[::step, ::step].max(axis=-1)
    bright = brightness > max(threshold * float(brightness.mean()), 1.0)
    areas, n_areas = ndimage.label(bright)
    if n_areas == 0:
        return None
    sizes = np.bincount(areas.ravel())[1:]
    if sizes.max() < _SMALLEST_SHARE * bright.size:
        return None
    rows, columns = ndimage.find_objects(areas)[int(sizes.argmax())]
    height, width = (rows.stop - rows.start) * step, (columns.stop - columns.start) * step
    return Retina(
        x=min((columns.start + columns.stop) * step / 2, image.shape[1]),
        y=min((rows.start + rows.stop) * step / 2, image.shape[0]),
        radius=max(height, width) / 2,
    )


class RetinaCropper(ImagePreprocessor):
    """Crop a fundus photograph to a square around the retina, of one radius for all.

    Photographs of different cameras then show lesions at one scale. What the
    square reaches beyond the photograph is black. Where no retina is found,
    the whole photograph is fitted into the square.

    Parameters
    ----------
    radius : int, default=300
        Radius of the retina in pixels; images come out with twice that a
        side. 300 was found enough for photographs of 3000 pixels [1]_; half
        the `image_size` of the estimator avoids resizing twice.
    threshold : float, default=0.1
        See `find_retina`.

    See Also
    --------
    LocalColourNormaliser : Evens out lighting and colours.
    ImagePipeline : Several steps after one another.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition
       report", University of Warwick, 2015.

    Examples
    --------
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.preprocessing import RetinaCropper
    >>> images = make_fundus_images(2, image_size=128, random_state=0).images
    >>> RetinaCropper(radius=50)(images[0]).shape
    (100, 100, 3)
    """

    def __init__(self, radius: int = 300, *, threshold: float = 0.1):
        self.radius = radius
        self.threshold = threshold

    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Crop one image.

        Parameters
        ----------
        image : ndarray of shape (h, w, 3), uint8 or float32 in 0..255
            Only read.

        Returns
        -------
        cropped : ndarray of shape (2 * radius, 2 * radius, 3)
            Of the image's dtype.
        """
        height, width = image.shape[:2]
        retina = find_retina(image, self.threshold)
        if retina is None:
            retina = Retina(width / 2, height / 2, max(height, width) / 2)
        side = 2 * int(self.radius)
        cropped = np.zeros((side, side, 3), image.dtype)
        columns, left, right = _overlap(retina.x, retina.radius, width, side)
        rows, top, bottom = _overlap(retina.y, retina.radius, height, side)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        cropped[rows, columns] = _resize_box(image, (left, top, right, bottom), size)
        return cropped

    def _check_parameters(self) -> None:
        if not self.radius >= 1:
            raise ValueError(f"radius={self.radius!r} must be at least 1 pixel.")
        _check_share("threshold", self.threshold)


class LocalColourNormaliser(ImagePreprocessor):
    """Subtract the local average colour of a fundus photograph, after B. Graham [1]_.

    ``strength * (image - blur(image)) + 128``: vessels and lesions stand out,
    and lighting, pigment and camera matter less. With pretrained networks
    the evidence for a gain is mixed: try it in a grid.

    Parameters
    ----------
    strength : float, default=4.0
        Factor of the difference from the local average.
    blur_fraction : float, default=1/30
        Standard deviation of the Gaussian blur, as a share of the radius of
        the retina.
    mask_fraction : float or None, default=0.9
        Beyond this share of the radius the image is grey, since the edge of
        the retina would be the strongest mark on it; None keeps everything.
    threshold : float, default=0.1
        See `find_retina`.

    See Also
    --------
    RetinaCropper : To be put before, for speed and one scale.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition
       report", University of Warwick, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.preprocessing import LocalColourNormaliser
    >>> even = np.full((60, 60, 3), 70, dtype=np.uint8)
    >>> np.unique(LocalColourNormaliser()(even))
    array([128], dtype=uint8)
    """

    def __init__(
        self,
        strength: float = 4.0,
        *,
        blur_fraction: float = 1 / 30,
        mask_fraction: float | None = 0.9,
        threshold: float = 0.1,
    ):
        self.strength = strength
        self.blur_fraction = blur_fraction
        self.mask_fraction = mask_fraction
        self.threshold = threshold

    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Normalise one image.

        Parameters
        ----------
        image : ndarray of shape (h, w, 3), uint8 or float32 in 0..255
            Only read.

        Returns
        -------
        normalised : ndarray of shape (h, w, 3)
            Of the image's dtype, in 0..255.
        """
        height, width = image.shape[:2]
        retina = find_retina(image, self.threshold)
        if retina is None:
            retina = Retina(width / 2, height / 2, max(height, width) / 2)
        sigma = self.blur_fraction * retina.radius
        pixels = image.astype(np.float32)
        average = ndimage.gaussian_filter(pixels, (sigma, sigma, 0))
        normalised = self.strength * (pixels - average) + _GREY
        if self.mask_fraction is not None:
            rows, columns = np.ogrid[:height, :width]
            squares = (columns + 0.5 - retina.x) ** 2 + (rows + 0.5 - retina.y) ** 2
            normalised[squares > (self.mask_fraction * retina.radius) ** 2] = _GREY
        normalised = normalised.clip(0, 255)
        return normalised if image.dtype.kind == "f" else normalised.round().astype(image.dtype)

    def _check_parameters(self) -> None:
        if not self.strength > 0:
            raise ValueError(f"strength={self.strength!r} must be above 0.")
        _check_share("blur_fraction", self.blur_fraction)
        if self.mask_fraction is not None:
            _check_share("mask_fraction", self.mask_fraction)
        _check_share("threshold", self.threshold)


def _check_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{name}={value!r} must lie above 0, and be 1 at most.")


def _overlap(centre: float, radius: float, length: int, side: int) -> tuple[slice, float, float]:
    """Return which part of the square the photograph covers, and from where to where of it."""
    scale = side / (2 * radius)
    low, high = max(0.0, centre - radius), min(float(length), centre + radius)
    first = min(round((low - centre + radius) * scale), side - 1)
    end = max(round((high - centre + radius) * scale), first + 1)
    return slice(first, min(end, side)), low, high


def _resize_box(
    image: NDArray[Any], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[Any]:
    """Resize a part of an image, bilinear and antialiased."""
    bilinear = Image.Resampling.BILINEAR
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize(size, bilinear, box, reducing_gap=2.0))
    channels = [np.ascontiguousarray(c, np.float32) for c in np.moveaxis(image, -1, 0)]
    resized = [np.asarray(Image.fromarray(c).resize(size, bilinear, box)) for c in channels]
    return np.stack(resized, axis=-1)
