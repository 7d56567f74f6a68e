"""ImagePipeline: preprocessors one after another, in one."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline


class ImagePipeline(Pipeline):
    """A pipeline that takes one image where it is called.

    So that several preprocessors fit into the one `preprocess` of an
    estimator. All else is scikit-learn's `Pipeline`: names of steps,
    parameters of steps in grids, ``"passthrough"`` to leave a step out.

    Parameters
    ----------
    steps : list of (str, callable)
        Names and preprocessors. Functions, which have no `transform`, will do
        where only calls are made.
    transform_input : list of str, default=None
    memory : str or joblib.Memory, default=None
    verbose : bool, default=False
        See `sklearn.pipeline.Pipeline`; a call makes no use of them.

    See Also
    --------
    make_image_pipeline : Finds the names by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.preprocessing import ImagePipeline, LocalColourNormalisation, RetinaCrop
    >>> preprocess = ImagePipeline([("crop", RetinaCrop(112)), ("flip", np.fliplr)])
    >>> preprocess(np.zeros((200, 300, 3), dtype=np.uint8)).shape
    (224, 224, 3)
    """

    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Pass one image through all steps.

        Parameters
        ----------
        image : ndarray of shape (h, w, 3)
            RGB in 0..255.

        Returns
        -------
        image : ndarray of shape (h, w, 3)
        """
        for _, step in self.steps:
            if step not in (None, "passthrough"):
                image = step(image)
        return image


def make_image_pipeline(*steps: Callable[[NDArray[Any]], NDArray[Any]]) -> ImagePipeline:
    """Chain preprocessors; a step is named after its class in lower case.

    Parameters
    ----------
    *steps : callables
        Preprocessors, in the order in which images pass them.

    Returns
    -------
    pipeline : ImagePipeline

    Examples
    --------
    >>> from skdr import PretrainedFeatureExtractor
    >>> from skdr.preprocessing import (
    ...     LocalColourNormalisation, RetinaCrop, make_image_pipeline
    ... )
    >>> preprocess = make_image_pipeline(RetinaCrop(112), LocalColourNormalisation())
    >>> extractor = PretrainedFeatureExtractor(preprocess=preprocess)
    >>> extractor.get_params()["preprocess__retinacrop__radius"]
    112
    """
    return ImagePipeline(make_pipeline(*steps).steps)
