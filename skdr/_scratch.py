"""ScratchCNNClassifier: a network trained end to end from random weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._base import CNNClassifier
from skdr._training import Phase, Trainer
from skdr.networks import (
    LAST,
    STANDARDISE_PIXELS,
    Augmentation,
    BackboneLike,
    add_head,
    build_backbone,
    build_small_cnn,
    default_image_size,
    initialise_kernels,
    set_statistics,
    smallest_image_size,
    tap_features,
)

_SMALL_CNN_SIZE = (128, 128)


class ScratchCNNClassifier(CNNClassifier):
    """DOC"""

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
        epochs: int = 30,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        warmup_epochs: float = 1.0,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        loss: str | keras.losses.Loss | Callable[..., Any] = "categorical_crossentropy",
        metrics: Sequence[Any] | None = None,
        batch_size: int = 32,
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
        value_range: tuple[float, float] = (0, 255),
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
        self.random_state = random_state
        self.verbose = verbose

    def _default_image_sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        if self.backbone is None:
            return _SMALL_CNN_SIZE, (16, 16)
        return default_image_size(self.backbone), smallest_image_size(self.backbone)

    def _build_network(self, image_size: tuple[int, int], n_classes: int, seed: int) -> keras.Model:
        backbone = build_small_cnn if self.backbone is None else self.backbone
        network = build_backbone(backbone, None, image_size)
        initialise_kernels(network, self.kernel_initializer, seed)
        features = tap_features(network, backbone, LAST, self.pooling)
        return add_head(
            features,
            n_classes,
            hidden_layer_sizes=self.hidden_layer_sizes,
            dropout=self.dropout,
            standardise=False,
        )

    def _train_network(self, trainer: Trainer) -> None:
        if not self._continues():
            mean, variance = _pixel_statistics(trainer.train.images)
            set_statistics(trainer.classifier, STANDARDISE_PIXELS, mean, variance)
        phase = Phase(
            "scratch",
            self.epochs,
            self.learning_rate,
            first=0,
            update_batch_norm=True,
            warmup_epochs=self.warmup_epochs,
        )
        trainer.run(phase, outputs=None)
        trainer.finish()


def _pixel_statistics(images: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and variance of each channel over all images, one image at a time."""
    means = np.array([image.mean(axis=(0, 1), dtype=np.float64) for image in images])
    squares = np.array([np.square(image, dtype=np.float64).mean(axis=(0, 1)) for image in images])
    mean = means.mean(axis=0)
    variance = squares.mean(axis=0) - mean**2
    return mean, np.where(variance > 1e-12, variance, 1.0)
