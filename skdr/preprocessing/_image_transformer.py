"""What the preprocessors share: one image by a call, many by `transform`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from skdr._atomic import atomic
from skdr._sklearn import fit_context
from skdr.images import as_image_column, validate_images


class ImageTransformer(TransformerMixin, BaseEstimator):
    """A transformer of images, each by itself: `fit` learns nothing.

    A subclass says in `_process` what happens to one image.
    """

    @atomic
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "ImageTransformer":
        """Check the parameters, and that X holds images; none is decoded.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            In any of the forms that the user guide lists; arrays hold 0..255.
        y : ignored

        Returns
        -------
        self : object
        """
        validate_images(self, X, reset=True)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Process each image; all results are held in memory.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            In any of the forms that the user guide lists; arrays hold 0..255.

        Returns
        -------
        images : ndarray of shape (n_samples, h, w, 3)
            RGB in 0..255; where sizes differ, a column of shape (n_samples,
            1) and dtype object that holds such arrays.

        Raises
        ------
        ImageDecodeError
            If images are missing or broken; all are named.
        """
        images = validate_images(self, X, reset=False).process(self)
        if len({image.shape for image in images}) == 1:
            return np.stack(images)
        return as_image_column(images)

    @fit_context(prefer_skip_nested_validation=True)  # `preprocess` is called, but never fitted
    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Process one image.

        Parameters
        ----------
        image : ndarray of shape (h, w, 3)
            RGB in 0..255; it is not changed.

        Returns
        -------
        image : ndarray of shape (h, w, 3)
            uint8 where `image` is, else float32.

        Raises
        ------
        ValueError
            If the image has another shape, or a parameter is out of bounds.
        """
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
            raise ValueError(
                f"Expected one RGB image of shape (height, width, 3), got {image.shape}. "
                f"{type(self).__name__}.transform takes several, in any form."
            )
        return self._process(image if image.dtype == np.uint8 else image.astype(np.float32))

    def _process(self, image: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
