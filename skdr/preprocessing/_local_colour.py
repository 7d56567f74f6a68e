"""LocalColourNormalisation: what differs from its surroundings, on an even grey."""

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from skdr._sklearn import Interval
from skdr.images import resize
from skdr.preprocessing._find_retina import find_retina
from skdr.preprocessing._image_transformer import ImageTransformer

_GREY = 128
_SMALLEST_SIGMA = 5


class LocalColourNormalisation(ImageTransformer):
    """Subtract the local average colour from a fundus photograph.

    The retina becomes an even grey, on which vessels and lesions stand out
    alike under every lamp and camera [1]_::

        gain * (image - gaussian_blur(image, sigma)) + 128

    within a circle a little smaller than the retina, since its edge is
    brighter than the black around it; grey 128 outside, values cut off at 0
    and 255. A bright band is left where the camera cuts the retina off.
    Whether a pretrained network sees more in such images is to be tried: put
    it into a grid.

    Give it to an estimator as `preprocess`, call it with an image, or make it
    a step of a pipeline. Large photographs are cropped first, see
    `make_image_pipeline`: what a network does not see need not be blurred.

    Parameters
    ----------
    sigma_fraction : float, default=1/30
        Standard deviation of the Gaussian, in radii of the retina.
    gain : float, default=4
        How much differences are enlarged.
    mask_fraction : float, default=0.9
        Radius of the circle that is kept, in radii of the retina. From 1.5 on
        nothing of a cropped photograph is masked.

    See Also
    --------
    RetinaCrop : Brings retinas to one place and size.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition
       report", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.preprocessing import LocalColourNormalisation
    >>> image = np.full((60, 60, 3), 90, dtype=np.uint8)
    >>> image[30, 30] = (60, 80, 90)
    >>> LocalColourNormalisation()(image)[30, [30, 40]].tolist()
    [[27, 94, 128], [128, 128, 128]]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "sigma_fraction": [Interval(Real, 0, None, closed="neither")],
        "gain": [Interval(Real, 0, None, closed="neither")],
        "mask_fraction": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, sigma_fraction: float = 1 / 30, *, gain: float = 4.0, mask_fraction: float = 0.9
    ):
        self.sigma_fraction = sigma_fraction
        self.gain = gain
        self.mask_fraction = mask_fraction

    def _process(self, image: NDArray[Any]) -> NDArray[Any]:
        retina = find_retina(image)
        pixels = image.astype(np.float32)
        average = _local_average(pixels, self.sigma_fraction * retina.radius)
        normalised = np.clip(self.gain * (pixels - average) + _GREY, 0, 255)
        y, x = np.ogrid[: image.shape[0], : image.shape[1]]
        distance = np.hypot(x + 0.5 - retina.x, y + 0.5 - retina.y)
        normalised[distance > self.mask_fraction * retina.radius] = _GREY
        return np.rint(normalised).astype(np.uint8) if image.dtype == np.uint8 else normalised


def _local_average(pixels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the image, blurred by a Gaussian.

    A wide Gaussian is computed on a coarser grid, on which it is still at least
    `_SMALLEST_SIGMA` pixels wide. The error is below 0.2 of 255 grey levels,
    less than that of cutting the Gaussian at three sigma, which this function
    does as OpenCV did in the report.
    """
    size = pixels.shape[:2]
    step = max(1, int(sigma / _SMALLEST_SIGMA))
    if step > 1:
        pixels = resize(pixels, (math.ceil(size[0] / step), math.ceil(size[1] / step)))
        # Resizing down and up again blurs as well, by a variance of 1/6 each.
        sigma = math.sqrt((sigma / step) ** 2 - 1 / 3)
    average = gaussian_filter(pixels, (sigma, sigma, 0), mode="mirror", truncate=3)
    return resize(average, size)
