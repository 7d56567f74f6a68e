"""FineTunedCNNClassifier: head first, then all or the last layers at a low learning rate."""

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._sklearn import Interval, StrOptions
from skdr.estimators._cnn_classifier import CNNClassifier
from skdr.features import MEMORY, FrozenFeatures
from skdr.networks import ALL, Augmentation, BackboneLike
from skdr.runtime import FrozenNetwork, frozen_network
from skdr.training import Phase, PretrainedRecipe, TrainingPlan

# What "auto" stands for: chosen on 21 sets of images, see benchmarks/README.md.
_C_OF_HEAD, _C_BEFORE_TUNING = 0.02, 0.001
_EPOCHS_OF_HEAD = 50
_IMAGES_SHOWN, _FEWEST_EPOCHS, _MOST_EPOCHS = 2000, 5, 30


class FineTunedCNNClassifier(CNNClassifier):
    """Classify images with a pretrained ConvNet, fine-tuned.

    First a new head is trained on the features of the frozen network: that
    alone is transfer (``trainable="head"``). Then all layers, or the last
    blocks, learn too, at a low rate. Head first, because a random head would
    wreck the features it stands on [1]_.

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
        Where the head takes its features: ``"last"``, a tap of `list_taps` or
        a Keras layer, or several, concatenated. ``"all"`` is every tap; a
        network of your own has none but its output.
    pooling : {"avg", "max", "avgmax"} or None, default="avg"
        How a map of features becomes a vector.
    trainable : {"head", "all"}, int or str, default="all"
        What learns in the second phase: nothing, every layer, that many blocks
        below the head, or every layer after a named tap or layer. Blocks lie
        between the taps of `list_taps`; in an own network each layer with
        weights is one.
    batch_norm : {"stored", "updated"}, default="stored"
        Whether BatchNorm layers keep their stored statistics and scales or
        learn them from the batches. See Notes.
    layer_decay : float in (0, 1], default=1.0
        Factor on the learning rate from each block to the one before it.
    hidden_layer_sizes : sequence of int, default=()
        Units of the ReLU layers between features and classes.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of each dense layer left out in training.
    C : float or "auto", default="auto"
        Inverse strength of the L2 penalty on the weights of the head, on
        standardised features, as in `LogisticRegression`. ``"auto"`` is 0.02
        for a head alone, and 0.001 where layers below it learn: a head that
        errs on no training image would leave them nothing to learn from.
    head_epochs : int or "auto", default="auto"
        Passes over the training images in the first phase; the network is run
        once for all of them. With ``"auto"`` a head that is a logistic
        regression is solved, as `LogisticRegression` does it: one with the
        default loss, and without hidden layers, dropout, early stopping and
        callbacks. Others get 50.
    head_learning_rate : float or LearningRateSchedule, default=2e-3
        Learning rate of the first phase, where it has epochs.
    epochs : int or "auto", default="auto"
        Passes over the training images in the second phase. ``"auto"`` shows
        2,000 images in all, in 5 epochs at least and 30 at most.
    learning_rate : float or LearningRateSchedule, default=3e-4
        Learning rate of the second phase.
    warmup_epochs : float, default=1.0
        Epochs over which the learning rate of the second phase rises from 0.
    schedule : {"cosine", "constant"}, default="cosine"
        Whether the learning rate of the second phase then falls to 0 along half
        a cosine, or stays. A LearningRateSchedule is left as it is.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Its learning rate is set by the parameters of that name.
    loss : str, keras.losses.Loss or callable, default="categorical_crossentropy"
        Gets one column per class; a loss whose name begins with "sparse" gets
        class numbers.
    metrics : sequence, default=None
        Metrics that Keras reports into `history_`; None is accuracy.
    batch_size : int or "auto", default=32
        Images in one step of training, and in one pass of prediction. With
        ``"auto"`` half as many, and half of that, until a step fits into the
        memory of the GPU.
    augmentation : {"fundus", "natural"}, layer, sequence of layers or None, default=None
        Random variation of the training images, anew in each epoch:
        ``"fundus"`` (full rotation, flips, 10% zoom and contrast), ``"natural"``
        (left-right flip, small shifts, rotations and zoom) or own Keras layers.
        It begins with the second phase, or trains the head alone in epochs.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, by label.
    early_stopping : bool, default=False
        Whether to set aside part of the training images, stop when the loss on
        them no longer falls, and keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        The part set aside: stratified by class, shuffled, and by whole groups
        where `group_column` is given.
    n_iter_no_change : int, default=10
        Epochs without a gain of `tol` after which training stops.
    tol : float, default=1e-4
    group_column : str, default=None
        Column of a DataFrame X that holds groups, such as patients.
    callbacks : sequence of keras.callbacks.Callback, default=None
        Deep copies are called. They see one training of the whole network:
        epochs count on from phase to phase.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    image_size : int, (height, width) or None, default=None
        Images are resized to it, in pixels. None is the size that the
        network was made for.
    preprocess : callable, default=None
        Takes one RGB image of shape (h, w, 3), uint8 or float32 in 0..255,
        and returns one, before resizing. Must be picklable for ``n_jobs``.
    image_shape : tuple of int, default=None
        Shape of the image in each row of a 2-D numeric X; by default a
        square RGB image, else a square grey one, of 8 pixels a side or more.
    image_column : str, default=None
        Column of a DataFrame that holds the images.
    value_range : tuple of (low, high) or None, default=None
        The numbers that stand for black and white in arrays, and in grey files
        of more than 8 bits, such as ``(0, 4095)``. None is 0..255 in arrays,
        and in files what their type can hold: 0..65535 in 16 bits.
    dtype : {"float32", "bfloat16"}, default="float32"
        Precision in which the network computes; weights stay float32.
    devices : "all", sequence of str or None, default=None
        Devices that share each batch in training: all GPUs, or those of some
        names, such as ``["GPU:0", "GPU:1"]``. TensorFlow's MirroredStrategy
        does it.
    cache : "memory", path or None, default="memory"
        Where the features of the frozen network are kept: see
        `PretrainedFeatureExtractor`, with which they are shared. The head is
        trained on them where there is no augmentation.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, splits, order, dropout and augmentation.
    verbose : int, default=0
        1 shows a progress bar for each phase.

    Attributes
    ----------
    model_ : keras.Model
        The trained network, uncompiled, from RGB images in 0..255 to
        probabilities.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    history_ : dict of str to list
        One entry an epoch: ``"phase"``, ``"epoch"``, ``"learning_rate"``,
        ``"loss"``, the metrics, and with early stopping the same on the
        images set aside (``"val_loss"``, ...).
    batch_size_ : int
        Images in one step of the last phase.
    n_iter_ : int
        Epochs trained, over all phases.
    best_validation_loss_ : float or None
        The lowest loss on the images set aside, with early stopping.
    weights_hash_ : str
        SHA-256 of the weights before training.
    image_size_ : tuple of (height, width)
        The size that images are resized to.
    n_features_in_ : int
        Number of columns of X, where `fit` saw a 2-D numeric X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where that X was a DataFrame.

    See Also
    --------
    PretrainedFeatureExtractor : Frozen features for a classical model.
    ScratchCNNClassifier : The same from random weights.

    Notes
    -----
    Fine-tuning can destroy what it starts from, and naive settings do. The
    defaults won on 21 sets of images; the experiments are in the
    :ref:`user guide <fine-tuning-experiments>`.

    - The head adds the mean variance of all features to each one's own before
      it standardises them. In plain scaling, features that hardly vary are
      blown up, and change most as soon as the layers below them learn.
    - With ``batch_norm="updated"``, some dozen steps on small batches are too
      few for new statistics.
    - If the second phase does not end with a lower training loss than the first
      ended with, the weights go back to it, with a warning. With early stopping
      the images set aside decide.

    References
    ----------
    .. [1] A. Kumar et al., "Fine-Tuning can Distort Pretrained Features and
       Underperform Out-of-Distribution", ICLR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr import FineTunedCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["dark", "light"], 8)
    >>> X = rng.integers(0, 100, (16, 32, 32, 3)) + 100 * (y == "light")[:, None, None, None]
    >>> classifier = FineTunedCNNClassifier(trainable="head", image_size=32, random_state=0)
    >>> classifier.fit(X, y).predict(X[[0, -1]])
    array(['dark', 'light'], dtype='<U5')
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CNNClassifier._training_constraints,
        "backbone": [str, keras.Model, callable],
        "weights": [str, os.PathLike, None],
        "layer": [str, "array-like"],
        "trainable": [str, Interval(Integral, 0, None, closed="left")],
        "batch_norm": [StrOptions({"stored", "updated"})],
        "layer_decay": [Interval(Real, 0, 1, closed="right")],
        "cache": [str, os.PathLike, None],
        "C": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "epochs": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "head_epochs": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "head_learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            keras.optimizers.schedules.LearningRateSchedule,
        ],
    }

    def __init__(
        self,
        backbone: BackboneLike = "EfficientNetLite0",
        *,
        weights: str | os.PathLike[str] | None = "imagenet",
        layer: str | Sequence[str] = ALL,
        pooling: str | None = "avg",
        trainable: str | int = "all",
        batch_norm: str = "stored",
        layer_decay: float = 1.0,
        hidden_layer_sizes: Sequence[int] = (),
        dropout: float = 0.0,
        C: float | str = "auto",
        head_epochs: int | str = "auto",
        head_learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 2e-3,
        epochs: int | str = "auto",
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 3e-4,
        warmup_epochs: float = 1.0,
        schedule: str = "cosine",
        optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: str | keras.losses.Loss | Callable[..., Any] = "categorical_crossentropy",
        metrics: Sequence[Any] | None = None,
        batch_size: int | str = 32,
        augmentation: Augmentation = None,
        class_weight: Mapping[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        group_column: str | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        warm_start: bool = False,
        image_size: int | tuple[int, int] | None = None,
        preprocess: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        image_shape: tuple[int, ...] | None = None,
        image_column: str | None = None,
        value_range: tuple[float, float] | None = None,
        dtype: str = "float32",
        devices: Sequence[str] | str | None = None,
        cache: str | os.PathLike[str] | None = MEMORY,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.backbone = backbone
        self.weights = weights
        self.layer = layer
        self.pooling = pooling
        self.trainable = trainable
        self.batch_norm = batch_norm
        self.layer_decay = layer_decay
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.C = C
        self.head_epochs = head_epochs
        self.head_learning_rate = head_learning_rate
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.warmup_epochs = warmup_epochs
        self.schedule = schedule
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.group_column = group_column
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.image_size = image_size
        self.preprocess = preprocess
        self.image_shape = image_shape
        self.image_column = image_column
        self.value_range = value_range
        self.dtype = dtype
        self.devices = devices
        self.cache = cache
        self.random_state = random_state
        self.verbose = verbose

    def _training_plan(self, n_images: int) -> TrainingPlan:
        recipe = PretrainedRecipe(
            backbone=self.backbone,
            weights=self.weights,
            layer=self.layer,
            pooling=self.pooling,
            hidden_layer_sizes=self.hidden_layer_sizes,
            dropout=self.dropout,
            dtype=self.dtype,
        )
        C = head_penalty(self)
        head = Phase(
            "head",
            _EPOCHS_OF_HEAD if self.head_epochs == "auto" else int(self.head_epochs),
            self.head_learning_rate,
            trainable="head",
            C=C,
            is_logistic=self._head_is_logistic,
        )
        fine_tune = Phase(
            "fine_tune",
            _epochs(n_images) if self.epochs == "auto" else int(self.epochs),
            self.learning_rate,
            trainable=self.trainable,
            C=C,
            layer_decay=self.layer_decay,
            update_batch_norm=self.batch_norm == "updated",
            warmup_epochs=self.warmup_epochs,
            is_annealed=self.schedule == "cosine",
            revert_if_worse=True,
        )
        phases = [head] if self.trainable == "head" else [head, fine_tune]
        return TrainingPlan(recipe, phases, self._frozen_features)

    @property
    def _head_is_logistic(self) -> bool:
        """Whether the head is a logistic regression that nothing asks to train in epochs."""
        is_linear = not len(self.hidden_layer_sizes) and not self.dropout
        is_plain = isinstance(self.loss, str) and self.loss.endswith("categorical_crossentropy")
        in_epochs = self.head_epochs != "auto" or self.callbacks or self.early_stopping
        return is_linear and is_plain and not in_epochs

    def _frozen_features(
        self, image_size: tuple[int, int], seed: int, network: FrozenNetwork | None
    ) -> FrozenFeatures:
        """Return the features that the head stands on."""
        if network is None:
            network = frozen_network(
                self.backbone, self.weights, image_size, dtype=self.dtype, seed=seed
            )
        return FrozenFeatures(
            network,
            self.layer,
            self.pooling,
            image_size,
            self.preprocess,
            self._prediction_batch_size,
            self.cache,
        )


def head_penalty(classifier: FineTunedCNNClassifier) -> float:
    """Return the number that `C` stands for: the inverse strength of the penalty on the head."""
    if classifier.C != "auto":
        return float(classifier.C)
    is_alone = classifier.trainable == "head" or classifier.epochs == 0
    return _C_OF_HEAD if is_alone else _C_BEFORE_TUNING


def _epochs(n_images: int) -> int:
    """Return in how many epochs so many images are shown often enough."""
    return int(np.clip(round(_IMAGES_SHOWN / n_images), _FEWEST_EPOCHS, _MOST_EPOCHS))
