"""Phases of training: what learns in each, how fast, and what all of them share."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from skdr.networks import Augmentation
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
        What learns; see `what_learns`.
    C : float or None, default=None
        Inverse strength of the L2 penalty on the kernels of the head, scaled as
        in scikit-learn's LogisticRegression; None is no penalty.
    is_logistic : bool, default=False
        Whether the phase trains a logistic regression, which can be solved
        where the features do not vary from epoch to epoch.
    layer_decay : float, default=1.0
        The learning rate of each block, over that of the block behind it.
    update_batch_norm : bool, default=False
        Whether BatchNorm layers that learn update their statistics.
    warmup_epochs : float, default=0.0
        Epochs over which the learning rate rises from 0.
    is_annealed : bool, default=False
        Whether the learning rate then falls to 0, along half a cosine.
    revert_if_worse : bool, default=False
        Whether the weights go back to where the phase began, with a warning,
        if its last epoch has no lower loss than the last epoch before the
        phase. If images are set aside, the loss on them decides instead.
    """

    name: str
    epochs: int
    learning_rate: Any
    trainable: str | int = "all"
    C: float | None = None
    is_logistic: bool = False
    layer_decay: float = 1.0
    update_batch_norm: bool = False
    warmup_epochs: float = 0.0
    is_annealed: bool = False
    revert_if_worse: bool = False

    def penalty(self, total_weight: float, n_classes: int) -> float:
        """Return the factor of the L2 penalty: factor * kernel is added to its gradient.

        LogisticRegression scores one of two classes alone: a kernel with a column for
        each of both is half as long, and so is its penalty.
        """
        if self.C is None:
            return 0.0
        return (2 if n_classes == 2 else 1) / (self.C * total_weight)


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
            If skdr cannot tell what the user's code does.
        """
        return parameter_key((self.optimizer, self.loss, list(self.metrics), self.augmentation))
