"""The four ways to use a ConvNet, as interchangeable estimators."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from skdr.estimators import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.features import MEMORY
from skdr.networks import ALL, Augmentation, BackboneLike
from skdr.preprocessing import DampedScaler


def make_strategies(
    backbone: BackboneLike = "EfficientNetLite0",
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    layer: str | Sequence[str] = ALL,
    scratch_backbone: BackboneLike | None = None,
    image_size: int | tuple[int, int] | None = None,
    preprocess: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    augmentation: Augmentation = None,
    batch_size: int | str = 32,
    image_shape: tuple[int, ...] | None = None,
    image_column: str | None = None,
    value_range: tuple[float, float] | None = None,
    cache: str | os.PathLike[str] | None = MEMORY,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> dict[str, ClassifierMixin | Pipeline]:
    """Return the four strategies, ready for one grid behind one sampler.

    Parameters
    ----------
    backbone : str, keras.Model or callable, default="EfficientNetLite0"
        The pretrained network of the first three.
    weights : "imagenet", path or None, default="imagenet"
        Its weights.
    layer : str or sequence of str, default="all"
        Where the features of the first three are taken: at all taps of
        `list_taps`.
    scratch_backbone : str, keras.Model, callable or None, default=None
        The network of the fourth; None is a small one.
    image_size : int, (height, width) or None, default=None
        Images are resized to it; None is each network's own size.
    preprocess : callable, default=None
        Takes one RGB image and returns one.
    augmentation : {"fundus", "natural"}, layer, sequence of layers or None, default=None
        Variation of the training images of the last three.
    batch_size : int or "auto", default=32
    image_shape : tuple of int, default=None
    image_column : str, default=None
    value_range : tuple of (low, high) or None, default=None
        How images are found in X, see `PretrainedFeatureExtractor`.
    cache : "memory", path or None, default="memory"
        Where the features of the frozen network are kept, which the first two
        share.
    random_state : int, RandomState instance or None, default=None
    verbose : int, default=0

    Returns
    -------
    strategies : dict of str to estimator
        ``"frozen_svm"``: features of the frozen network, standardised, and a
        linear SVM, whose ``C=0.003`` suits some two thousand features: set
        ``svm__C`` to 5 over their number where a layer has far fewer.
        ``"transfer"``: a new head trained on the frozen network.
        ``"fine_tune"``: the head first, then all layers too.
        ``"scratch"``: a network trained end to end from random weights.

    Examples
    --------
    >>> from imblearn.pipeline import Pipeline
    >>> from imblearn.under_sampling import RandomUnderSampler
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdr.model_selection import make_strategies
    >>> strategies = make_strategies(random_state=0)
    >>> list(strategies)
    ['frozen_svm', 'transfer', 'fine_tune', 'scratch']
    >>> pipeline = Pipeline(
    ...     [("sampler", RandomUnderSampler(random_state=0)), ("strategy", strategies["transfer"])]
    ... )
    >>> search = GridSearchCV(pipeline, {"strategy": list(strategies.values())})
    """
    images: dict[str, Any] = {
        "image_size": image_size,
        "preprocess": preprocess,
        "batch_size": batch_size,
        "image_shape": image_shape,
        "image_column": image_column,
        "value_range": value_range,
        "random_state": random_state,
        "verbose": verbose,
    }
    pretrained: dict[str, Any] = {"weights": weights, "layer": layer, "cache": cache, **images}
    return {
        "frozen_svm": Pipeline(
            [
                ("features", PretrainedFeatureExtractor(backbone, **pretrained)),
                ("scaler", DampedScaler()),
                ("svm", SVC(kernel="linear", C=0.003)),
            ]
        ),
        "transfer": FineTunedCNNClassifier(
            backbone, trainable="head", augmentation=augmentation, **pretrained
        ),
        "fine_tune": FineTunedCNNClassifier(backbone, augmentation=augmentation, **pretrained),
        "scratch": ScratchCNNClassifier(scratch_backbone, augmentation=augmentation, **images),
    }
