"""PretrainedFeatureExtractor: images to the features of a frozen ConvNet."""

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from skdr._atomic import atomic
from skdr._sklearn import FitTasks, StrOptions, fit_context
from skdr.estimators._image_estimator import ImageEstimator
from skdr.features import MEMORY, FrozenFeatures
from skdr.networks import (
    ALL,
    BackboneLike,
    default_image_size,
    exportable,
    smallest_image_size,
    warn_if_probabilities,
)
from skdr.runtime import FrozenNetwork, frozen_network


class PretrainedFeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ImageEstimator):
    """Turn images into the features of a frozen, pretrained ConvNet.

    The first of the four ways to use a pretrained network: features of its
    last, or an earlier, layer for a classical model. `fit` learns nothing
    from the images; it loads the network. The features of an image do not
    depend on the other images.

    Parameters
    ----------
    backbone : str, keras.Model or callable, default="EfficientNetLite0"
        A name of `list_backbones`, a network on RGB images in 0..255, or a
        callable that takes an input shape ``(height, width, 3)`` and returns
        such a network.
    weights : "imagenet", path or None, default="imagenet"
        ImageNet weights, a ``.weights.h5``, ``.h5`` or ``.keras`` file that
        fits the network without its classes, or random weights. A network
        given as `backbone` keeps its own weights with ``"imagenet"``.
    layer : str or sequence of str, default="all"
        Where features are taken: ``"last"``, a tap of `list_taps`, ``"all"``
        of these taps, or any layer of the network by its Keras name, numbered
        from the start of the network. The features of several come from one
        pass and are concatenated. A network of your own has no taps but its
        output.
    pooling : {"avg", "max", "avgmax"} or None, default="avg"
        How a map of features becomes a vector: its average, its maximum,
        both concatenated, or (None) the whole map, flattened.
    image_size : int, (height, width) or None, default=None
        Images are resized to it, in pixels. None is the size that the
        network was made for.
    preprocess : callable, default=None
        Takes one RGB image of shape (h, w, 3), uint8 or float32 in 0..255,
        and returns one, before resizing. Must be picklable for ``n_jobs``.
    batch_size : int or "auto", default=32
        Images in one pass through the network, at most: fewer where a GPU has
        too little memory. ``"auto"`` is 256 on a GPU and 32 elsewhere.
    dtype : {"float32", "bfloat16", "float16"}, default="float32"
        Precision in which the network computes. Features are float32 always.
        On a processor with bfloat16 instructions ``dtype="bfloat16"`` with
        ``engine="openvino"`` is the fastest way to features; with Keras's
        engine it makes large networks faster and small ones slower. What it
        does to accuracy is in the :ref:`user guide <bfloat16>`.
    engine : {"keras", "openvino"}, default="keras"
        What runs the network: Keras's own backend, or OpenVINO on the CPU
        (``pip install "skdr[openvino]"``). The features are the same to 1e-5
        of the largest. Small networks run faster; compiling takes seconds once
        a process.
    cache : "memory", path or None, default="memory"
        Where features are kept, so that each image passes the network once:
        in this process, up to 512 MB; in a folder, shared by processes and
        later runs; or nowhere. They are looked up by the contents of the
        image and by all that shapes them: network, weights, layer, pooling,
        image size, precision and the code of `preprocess`. One pass brings the features
        of every tap of `list_taps`. A folder holds no images, but features
        of them. See `feature_cache_info` and `clear_feature_cache`.
    image_shape : tuple of int, default=None
        Shape of the image in each row of a 2-D numeric X; by default a
        square RGB image, else a square grey one, of 8 pixels a side or more.
    image_column : str, default=None
        Column of a DataFrame that holds the images. The other columns are
        not looked at.
    value_range : tuple of (low, high) or None, default=None
        The numbers that stand for black and white in arrays, and in grey files
        of more than 8 bits, such as ``(0, 4095)``. None is 0..255 in arrays,
        and in files what their type can hold: 0..65535 in 16 bits.
    random_state : int, RandomState instance or None, default=None
        Seed of the random weights with ``weights=None``.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    model_ : keras.Model
        The network, from RGB images in 0..255 to features: a copy, made when
        it is first asked for.
    weights_hash_ : str
        SHA-256 of the weights of the network.
    image_size_ : tuple of (height, width)
        The size that images are resized to.
    n_features_in_ : int
        Number of columns of X, where `fit` saw a 2-D numeric X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where that X was a DataFrame.

    See Also
    --------
    FineTunedCNNClassifier : Trains a head on such features, then the network.
    skdr.preprocessing.RetinaCrop : To be given as `preprocess`.
    skdr.model_selection.make_strategies : All four ways, ready to compare.

    References
    ----------
    .. [1] A. S. Razavian et al., "CNN Features off-the-shelf: an Astounding
       Baseline for Recognition", CVPR Workshops 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr import PretrainedFeatureExtractor
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 40, 60, 3), dtype=np.uint8)
    >>> extractor = PretrainedFeatureExtractor(layer=["block3", "last"], image_size=64)
    >>> extractor.fit_transform(images).shape
    (4, 1320)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ImageEstimator._image_constraints,
        "backbone": [str, keras.Model, callable],
        "weights": [str, os.PathLike, None],
        "layer": [str, "array-like"],
        "pooling": [StrOptions({"avg", "max", "avgmax"}), None],
        "dtype": [StrOptions({"float32", "bfloat16", "float16"})],
        "engine": [StrOptions({"keras", "openvino"})],
        "cache": [str, os.PathLike, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        backbone: BackboneLike = "EfficientNetLite0",
        *,
        weights: str | os.PathLike[str] | None = "imagenet",
        layer: str | Sequence[str] = ALL,
        pooling: str | None = "avg",
        image_size: int | tuple[int, int] | None = None,
        preprocess: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        batch_size: int | str = 32,
        dtype: str = "float32",
        engine: str = "keras",
        cache: str | os.PathLike[str] | None = MEMORY,
        image_shape: tuple[int, ...] | None = None,
        image_column: str | None = None,
        value_range: tuple[float, float] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.backbone = backbone
        self.weights = weights
        self.layer = layer
        self.pooling = pooling
        self.image_size = image_size
        self.preprocess = preprocess
        self.batch_size = batch_size
        self.dtype = dtype
        self.engine = engine
        self.cache = cache
        self.image_shape = image_shape
        self.image_column = image_column
        self.value_range = value_range
        self.random_state = random_state
        self.verbose = verbose

    @atomic
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "PretrainedFeatureExtractor":
        """Load the network.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            Images in any of the forms that the user guide lists; none is
            decoded.
        y : ignored

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the network or layer is not known, or X holds no images.
        ImageDecodeError
            If files are missing, or do not begin as images do; all are named.
        WeightsNotFoundError
            If the weights are not on this machine and cannot be downloaded.
        ImportError
            If ``engine="openvino"`` and OpenVINO is not installed.
        """
        source = self._validate_images(X, reset=True)
        tasks = FitTasks(self, X, y)
        self.image_size_ = self._resolve_image_size(
            source, default_image_size(self.backbone), smallest_image_size(self.backbone)
        )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        network = frozen_network(
            self.backbone,
            self.weights,
            self.image_size_,
            dtype=self.dtype,
            engine=self.engine,
            seed=seed,
        )
        if not isinstance(self.backbone, str):
            warn_if_probabilities(network.network, self.layer)
        self._features = FrozenFeatures(
            network,
            self.layer,
            self.pooling,
            self.image_size_,
            self.preprocess,
            self._prediction_batch_size,
            self.cache,
        )
        self._n_features_out = self._features.n_features
        self.weights_hash_ = network.weights_hash
        self.__dict__.pop("model_", None)
        tasks.finish()
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Compute the features of each image.

        Parameters
        ----------
        X : array-like, DataFrame or sequence of n_samples images
            In any of the forms that `fit` takes.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features) and dtype float32

        Raises
        ------
        ImageDecodeError
            If images are missing or broken; the message names all that half a
            minute of further decoding finds.
        """
        check_is_fitted(self)
        return self._features(self._validate_images(X, reset=False), verbose=self.verbose)

    @cached_property
    def model_(self) -> keras.Model:
        """The network, from RGB images in 0..255 to features: a copy."""
        check_is_fitted(self)
        return exportable(self._features.to_keras())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def network_of(extractor: PretrainedFeatureExtractor) -> FrozenNetwork:
    """Return the network of a fitted extractor; others share it, so it must not be changed."""
    return extractor._features.network
