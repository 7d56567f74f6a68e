"""What preprocessing steps share: called on one image, or transforming many."""

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags

from skdr.images import as_image_source, n_threads


class ImagePreprocessor(TransformerMixin, BaseEstimator):
    """A step that turns one RGB image into another, and learns nothing."""

    def fit(self, X: Any, y: Any = None) -> "ImagePreprocessor":
        """Do nothing but check the parameters.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of images
        y : ignored

        Returns
        -------
        self : object
        """
        self._check_parameters()
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Preprocess images.

        As the `preprocess` of an estimator a step holds one batch of images
        at a time; here all of them.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            Images in any of the forms that the user guide lists.

        Returns
        -------
        column : ndarray of shape (n_samples, 1) and dtype object
            An RGB image of shape (h, w, 3) in each row.

        Raises
        ------
        ImageDecodeError
            If an image cannot be decoded.
        """
        self._check_parameters()
        source = as_image_source(X)
        column = np.empty((len(source), 1), dtype=object)
        with ThreadPoolExecutor(n_threads()) as pool:
            images = pool.map(lambda i: self(source.decode(i)), range(len(source)))
            for i, image in enumerate(images):
                column[i, 0] = image
        return column

    @abstractmethod
    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Preprocess one RGB image of shape (h, w, 3), uint8 or float32 in 0..255."""

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise a ValueError that names a parameter out of its range."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        return tags


class ImagePipeline(Pipeline):
    """A pipeline of preprocessing steps that is also called on one image.

    As the `preprocess` of an estimator; its parameters stand in a grid as
    ``preprocess__<step>__<parameter>``.

    Parameters
    ----------
    steps, transform_input, memory, verbose
        As those of `sklearn.pipeline.Pipeline`.

    Examples
    --------
    >>> from skdr import PretrainedFeatureExtractor
    >>> from skdr.preprocessing import ImagePipeline, LocalColourNormaliser, RetinaCropper
    >>> steps = [("crop", RetinaCropper(radius=150)), ("colour", LocalColourNormaliser())]
    >>> extractor = PretrainedFeatureExtractor(preprocess=ImagePipeline(steps))
    >>> extractor.set_params(preprocess__crop__radius=112).get_params()["preprocess__crop__radius"]
    112
    """

    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        for _, step in self.steps:
            image = step(image)
        return image
