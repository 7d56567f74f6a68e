"""Phases of training: what learns in each, how fast, and what all of them share."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from skdr.networks import (
    Augmentation,
    BackboneLike,
    first_learning,
    learning_blocks,
    learning_rate_scales,
)
from skdr.runtime import parameter_key


@dataclass(frozen=True)
class Phase:
    """One stage of training.

    Attributes
    ----------
    name : str
        As `history_` names it.
    epochs : int
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
    trainable : {"all", "head"}, int or str, default="all"
        What learns; see `first_learning`.
    C : float or None, default=None
        Inverse strength of the L2 penalty on the kernels of the head, scaled as
        in scikit-learn's LogisticRegression; None is no penalty.
    layer_decay : float, default=1.0
        See `learning_rate_scales`.
    update_batch_norm : bool, default=False
        Whether BatchNorm layers that learn update their statistics.
    warmup_epochs : float, default=0.0
        Epochs over which the learning rate rises from 0.
    revert_if_worse : bool, default=False
        Whether the weights go back to where the phase began, with a warning,
        if its last epoch has no lower loss than the last one of the phase
        before. Images set aside decide instead, where there are any.
    """

    name: str
    epochs: int
    learning_rate: Any
    trainable: str | int = "all"
    C: float | None = None
    layer_decay: float = 1.0
    update_batch_norm: bool = False
    warmup_epochs: float = 0.0
    revert_if_worse: bool = False


@dataclass(frozen=True)
class Learning:
    """What a phase trains, in one classifier.

    Attributes
    ----------
    first_trainable : int
        Index, in `operations_of(classifier)`, of the first operation that learns.
    scales : mapping of str to float
        Share of the learning rate of each weight, by path; 1 where missing.
    penalised : collection of str
        Paths of the weights that have an L2 penalty.
    penalty : float
        Added to the gradient of those as penalty * weight.
    """

    first_trainable: int
    scales: Mapping[str, float] = field(default_factory=dict)
    penalised: Collection[str] = ()
    penalty: float = 0.0


def what_learns(
    phase: Phase, classifier: keras.Model, backbone: BackboneLike, n_images: int
) -> Learning:
    """Return what a phase trains.

    Parameters
    ----------
    phase : Phase
    classifier : keras.Model
        As `add_head` returns it.
    backbone : str, keras.Model or callable
        What it was built from: a name brings its named taps.
    n_images : int
        How many images are trained on.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    if phase.trainable == "all" and phase.C is None and phase.layer_decay == 1:
        return Learning(0)
    blocks = learning_blocks(classifier, backbone)
    head = blocks[-1] if phase.C is not None else []
    return Learning(
        first_learning(blocks, backbone, phase.trainable),
        scales=learning_rate_scales(blocks, phase.layer_decay),
        penalised=[op.kernel.path for op in head if isinstance(op, keras.layers.Dense)],
        penalty=0.0 if phase.C is None else 1 / (phase.C * n_images),
    )


@dataclass(frozen=True)
class TrainingOptions:
    """What all phases share; see the classifiers' parameters of these names."""

    optimizer: str | keras.optimizers.Optimizer
    loss: str | keras.losses.Loss | Callable[..., Any]
    metrics: Sequence[Any]
    batch_size: int
    finds_batch_size: bool
    augmentation: Augmentation
    n_iter_no_change: int
    tol: float
    verbose: int
    seed: int

    @property
    def compiled_key(self) -> Hashable:
        """What a compiled network depends on.

        Raises
        ------
        TypeError
            If that cannot be told of code of the user's.
        """
        return parameter_key((self.optimizer, self.loss, list(self.metrics), self.augmentation))
