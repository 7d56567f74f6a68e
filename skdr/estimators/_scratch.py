"""ScratchCNNClassifier: a network trained end to end from random weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.estimators._cnn_classifier import CNNClassifier
from skdr.networks import Augmentation, BackboneLike, build_small_cnn
from skdr.training import Phase, ScratchRecipe, TrainingPlan


class ScratchCNNClassifier(CNNClassifier):
    """Classify images with a ConvNet trained end to end from random weights.

    The way for large data that is unlike ImageNet, and the yardstick that
    shows what pretraining is worth on small data.

    Parameters
    ----------
    backbone : str, keras.Model, callable or None, default=None
        None is a small network for hundreds of images. A name of
        `list_backbones`, a network on RGB images in 0..255, or a callable
        that takes an input shape ``(height, width, 3)`` and returns one; its
        weights are drawn anew.
    pooling : {"avg", "max", "avgmax"} or None, default="avg"
        How the last map of features becomes a vector.
    kernel_initializer : str or keras.initializers.Initializer, default="glorot_uniform"
        Distribution of the initial weights of all kernels [1]_.
    hidden_layer_sizes : sequence of int, default=()
        Units of the ReLU layers between features and classes.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of each dense layer left out in training.
    epochs : int, default=20
        Passes over the training images.
    learning_rate : float or LearningRateSchedule, default=1e-3
    warmup_epochs : float, default=1.0
        Epochs over which the learning rate rises from 0.
    schedule : {"cosine", "constant"}, default="constant"
        Whether the learning rate then falls to 0 along half a cosine, or stays.
        A LearningRateSchedule is left as it is.
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
        network was made for, 128 for the small one.
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
    FineTunedCNNClassifier : Starts from pretrained weights.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio, "Understanding the difficulty of training
       deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr import ScratchCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["dark", "light"], 8)
    >>> X = rng.integers(0, 100, (16, 32, 32, 3)) + 100 * (y == "light")[:, None, None, None]
    >>> classifier = ScratchCNNClassifier(image_size=32, epochs=20, random_state=0)
    >>> classifier.fit(X, y).predict(X[[0, -1]])
    array(['dark', 'light'], dtype='<U5')
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CNNClassifier._training_constraints,
        "backbone": [str, keras.Model, callable, None],
        "kernel_initializer": [str, keras.initializers.Initializer],
    }

    def __init__(
        self,
        backbone: BackboneLike | None = None,
        *,
        pooling: str | None = "avg",
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        hidden_layer_sizes: Sequence[int] = (),
        dropout: float = 0.0,
        epochs: int = 20,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        warmup_epochs: float = 1.0,
        schedule: str = "constant",
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
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.backbone = backbone
        self.pooling = pooling
        self.kernel_initializer = kernel_initializer
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
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
        self.random_state = random_state
        self.verbose = verbose

    def _training_plan(self, n_images: int) -> TrainingPlan:
        recipe = ScratchRecipe(
            backbone=build_small_cnn if self.backbone is None else self.backbone,
            pooling=self.pooling,
            kernel_initializer=self.kernel_initializer,
            hidden_layer_sizes=self.hidden_layer_sizes,
            dropout=self.dropout,
            dtype=self.dtype,
        )
        phase = Phase(
            "scratch",
            self.epochs,
            self.learning_rate,
            update_batch_norm=True,
            warmup_epochs=self.warmup_epochs,
            is_annealed=self.schedule == "cosine",
        )
        return TrainingPlan(recipe, [phase])
