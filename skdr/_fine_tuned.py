"""FineTunedCNNClassifier: head first, then all or the last layers at a low learning rate."""

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from skdr._base import CNNClassifier
from skdr._params import Interval, StrOptions
from skdr._training import Phase, Trainer
from skdr.networks import (
    LAST,
    STANDARDISE,
    Augmentation,
    BackboneLike,
    add_head,
    build_backbone,
    default_image_size,
    first_learning,
    learning_blocks,
    learning_rate_scales,
    set_statistics,
    smallest_image_size,
    tap_features,
)


class FineTunedCNNClassifier(CNNClassifier):
    """DOC"""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CNNClassifier._training_constraints,
        "backbone": [str, keras.Model, callable],
        "weights": [str, os.PathLike, None],
        "layer": [str, "array-like"],
        "trainable": [str, Interval(Integral, 0, None, closed="left")],
        "batch_norm": [StrOptions({"stored", "updated"})],
        "layer_decay": [Interval(Real, 0, 1, closed="right")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "head_epochs": [Interval(Integral, 0, None, closed="left")],
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
        layer: str | Sequence[str] = LAST,
        pooling: str | None = "avg",
        trainable: str | int = "all",
        batch_norm: str = "stored",
        layer_decay: float = 0.8,
        hidden_layer_sizes: Sequence[int] = (),
        dropout: float = 0.0,
        C: float = 0.003,
        head_epochs: int = 30,
        head_learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        epochs: int = 10,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-4,
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
        return default_image_size(self.backbone), smallest_image_size(self.backbone)

    def _build_network(self, image_size: tuple[int, int], n_classes: int, seed: int) -> keras.Model:
        network = build_backbone(self.backbone, self.weights, image_size)
        features = tap_features(network, self.backbone, self.layer, self.pooling)
        return add_head(
            features,
            n_classes,
            hidden_layer_sizes=self.hidden_layer_sizes,
            dropout=self.dropout,
        )

    def _train_network(self, trainer: Trainer) -> None:
        classifier = trainer.classifier
        blocks = learning_blocks(classifier, self.backbone)
        head = Phase(
            "head",
            self.head_epochs,
            self.head_learning_rate,
            first=first_learning(blocks, self.backbone, "head"),
            penalties=self._penalties(blocks[-1], len(trainer.train.images)),
        )
        fine_tune = Phase(
            "fine_tune",
            0 if self.trainable == "head" else self.epochs,
            self.learning_rate,
            first=first_learning(blocks, self.backbone, self.trainable),
            update_batch_norm=self.batch_norm == "updated",
            scales=learning_rate_scales(blocks, self.layer_decay),
            penalties=head.penalties,
            warmup_epochs=self.warmup_epochs,
        )
        features = trainer.frozen_outputs(head.first, max_bytes=None)
        assert features is not None  # for the type checker: the head has one input
        if not self._continues():
            scaler = StandardScaler().fit(features[0], sample_weight=trainer.train.counts)
            # A feature that hardly varies must not be blown up: when the layers
            # below it learn, it would be what changes most.
            variance = scaler.var_ + scaler.var_.mean()
            set_statistics(classifier, STANDARDISE, scaler.mean_, variance)
        trainer.run(head, outputs=None if self.augmentation is not None else features)
        if fine_tune.epochs:
            outputs = None
            if self.augmentation is None:
                outputs = trainer.frozen_outputs(fine_tune.first)
            trainer.run(fine_tune, outputs=outputs)
        trainer.finish()

    def _penalties(self, head: Sequence[keras.Operation], n_samples: int) -> dict[str, float]:
        """L2 on the kernels of the head, scaled as in LogisticRegression."""
        kernels = [op.kernel for op in head if isinstance(op, keras.layers.Dense)]
        return {kernel.path: 1 / (self.C * n_samples) for kernel in kernels}
