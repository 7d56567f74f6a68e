"""A plan of training: which network, which phases, where the features of the head come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from skdr.images import ImageArray, ImageSource, batches_of
from skdr.networks import augments, standardise_features, standardise_pixels
from skdr.runtime import FrozenNetwork
from skdr.training._phases import Phase
from skdr.training._recipes import NetworkRecipe
from skdr.training._trainer import FrozenOutputs, Trainer


class HeadFeatures(Protocol):
    """Turns images into the features that a head gets, each image once."""

    @property
    def network(self) -> FrozenNetwork:
        """What computes them."""

    def __call__(self, source: ImageSource, *, verbose: int = 0) -> NDArray[np.float32]:
        """Return one row per image."""


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """What a classifier trains, and how.

    Attributes
    ----------
    recipe : NetworkRecipe
        Makes the network.
    phases : sequence of Phase
        One after the other. Where the first trains the head alone, features are
        standardised before it; else the pixels are.
    head_features : callable or None, default=None
        Returns the `HeadFeatures` for an image size, a seed, and the frozen
        network of the last fit or None for a new one. None where the head does
        not get features of a frozen network.
    """

    recipe: NetworkRecipe
    phases: Sequence[Phase]
    head_features: Callable[[tuple[int, int], int, FrozenNetwork | None], HeadFeatures] | None = (
        None
    )

    @property
    def n_phases(self) -> int:
        """How many phases there are; later ones without epochs do not count."""
        return 1 + sum(phase.epochs > 0 for phase in self.phases[1:])

    @property
    def trains_head_alone(self) -> bool:
        """Whether all but the head stays as it was made."""
        return self.trains_head_first and self.n_phases == 1

    @property
    def trains_head_first(self) -> bool:
        """Whether there is a phase of the head alone."""
        return self.phases[0].trainable == "head"


def train(
    trainer: Trainer, plan: TrainingPlan, features: HeadFeatures | None, *, is_warm_start: bool
) -> None:
    """Train a classifier as planned.

    Parameters
    ----------
    trainer : Trainer
        With the network of the plan.
    plan : TrainingPlan
    features : HeadFeatures or None
        Given where only the head learns, and only the head learned in earlier
        fits that a warm start goes on from.
    is_warm_start : bool
        Whether training goes on from the last fit: it keeps the statistics
        that standardise features or pixels.
    """
    if plan.trains_head_first:
        _train_head_first(trainer, plan.phases, features, is_warm_start=is_warm_start)
    else:
        _train_from_pixels(trainer, plan.phases, is_warm_start=is_warm_start)
    trainer.finish()


def _train_from_pixels(trainer: Trainer, phases: Sequence[Phase], *, is_warm_start: bool) -> None:
    if not is_warm_start:
        standardise_pixels(trainer.classifier, *_pixel_statistics(trainer.train.images))
    for phase in phases:
        trainer.run(phase, start=None)


def _train_head_first(
    trainer: Trainer,
    phases: Sequence[Phase],
    features: HeadFeatures | None,
    *,
    is_warm_start: bool,
) -> None:
    """Train the head on its inputs, which are computed once, and then the deeper phases.

    Augmentation begins with the layers that it can teach: with the deeper phases. Where there
    are none, each epoch of the head has other images, and the inputs computed here serve only to
    standardise the features.
    """
    head, *deeper = phases
    first_of_head, *firsts = (trainer.what_learns(phase).first_trainable for phase in phases)
    deeper = [phase for phase in deeper if phase.epochs > 0]
    for phase in deeper:
        trainer.warn_if_head_alone_learns(phase)
    varies = trainer.options.augmentation is not None or augments(trainer.classifier)
    below = trainer.frozen_outputs(firsts[0]) if deeper and not varies else None
    if features is None or varies:
        inputs = trainer.frozen_outputs(first_of_head, start=below, max_bytes=np.inf)
        assert inputs is not None  # for the type checker: one tensor enters the head
    else:
        inputs = FrozenOutputs(first_of_head, [features(e.source) for e in trainer.examples])
    if not is_warm_start:
        standardise_features(trainer.classifier, inputs.arrays[0], trainer.train.counts)
    if varies and not deeper:
        trainer.run(head, start=None)
    elif head.is_logistic:
        trainer.solve(head, start=inputs)
    else:
        trainer.run(head, start=inputs)
    for phase in deeper:
        trainer.run(phase, start=below)


def _pixel_statistics(images: ImageArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and variance of each channel over all images, some at a time."""
    scaler = StandardScaler()
    for batch in batches_of(images, 32):
        scaler.partial_fit(batch.reshape(-1, 3).astype(np.float64))
    mean, variance = scaler.mean_, scaler.var_
    return mean, np.where(variance > 1e-12, variance, 1.0)
