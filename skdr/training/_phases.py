"""Phases of training: what learns, how fast, and the network compiled for it."""

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.devices import is_data_parallel
from skdr.networks import Augmentation
from skdr.runtime import fused_update_step


@dataclass(frozen=True)
class Phase:
    """One stage of training.

    Attributes
    ----------
    name : str
        As `history_` names it.
    epochs : int
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
    first : int
        Index, in `classifier.operations`, of the first operation that learns.
    update_batch_norm : bool
        Whether BatchNorm layers that learn update their statistics.
    scales : mapping of str to float
        Share of the learning rate of each weight, by path; 1 where missing.
    penalised : collection of str
        Paths of the weights that have an L2 penalty.
    penalty : float
        It, as a factor on the weight in its gradient.
    warmup_epochs : float
        Epochs over which the learning rate rises from 0.
    must_improve : bool
        Whether the weights go back to where the phase began, with a warning,
        if its last epoch has no lower loss than the last one of the phase
        before. Images set aside decide instead, where there are any.
    """

    name: str
    epochs: int
    learning_rate: Any
    first: int
    update_batch_norm: bool = False
    scales: Mapping[str, float] = field(default_factory=dict)
    penalised: Collection[str] = ()
    penalty: float = 0.0
    warmup_epochs: float = 0.0
    must_improve: bool = False


@dataclass(frozen=True)
class Settings:
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


class CompiledPhase:
    """A network compiled for one phase; the next fit of the same configuration resets it.

    Parameters
    ----------
    network : keras.Model
        The part of a classifier that is trained, its layers set trainable.
    phase : Phase
    settings : Settings
    targets : ndarray of shape (n,) or (n, n_classes)
        Some of what is to be learned.
    """

    def __init__(
        self, network: keras.Model, phase: Phase, settings: Settings, targets: NDArray[Any]
    ):
        self.network = network
        self.optimizer = make_optimizer(settings.optimizer, phase.learning_rate)
        self.optimizer.build(network.trainable_variables)
        self._penalty = keras.Variable(0.0, trainable=False, name="penalty")
        self._n_warmup = keras.Variable(1.0, trainable=False, name="n_warmup")
        self._adjust_steps(phase)
        network.compile(
            optimizer=self.optimizer,
            loss=settings.loss,
            weighted_metrics=copy.deepcopy(list(settings.metrics)),
        )
        if not is_data_parallel():
            self._build_metrics(targets)
        states = self.optimizer.variables
        self._initial_state = [keras.ops.convert_to_numpy(state).copy() for state in states]

    def reset(self, phase: Phase, *, n_steps: int, seed: int) -> None:
        """Begin anew: the optimizer knows nothing, and random layers start from a seed."""
        for variable, value in zip(self.optimizer.variables, self._initial_state, strict=True):
            variable.assign(value)
        if not isinstance(phase.learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            self.optimizer.learning_rate = phase.learning_rate
        self._penalty.assign(phase.penalty)
        self._n_warmup.assign(max(1.0, phase.warmup_epochs * n_steps))
        states = [v for v in self.network.variables if v.name == "seed_generator_state"]
        for i, state in enumerate(states):
            state.assign(np.array([seed + i, 0], dtype=state.dtype))

    def _build_metrics(self, targets: NDArray[Any]) -> None:
        """Have metrics make their variables: those made in a step have it traced twice."""
        shape = (len(targets), *self.network.output_shape[1:])
        self.network.compute_metrics(None, targets, np.full(shape, 1 / shape[-1], np.float32))
        self.network.reset_metrics()

    def _adjust_steps(self, phase: Phase) -> None:
        """Give each weight its own learning rate and penalty, and warm up.

        Done where the optimizer updates one weight, so that it holds for every
        optimizer, schedule and callback that sets the learning rate.
        """
        variables = self.network.trainable_variables
        scales = [phase.scales.get(v.path, 1.0) for v in variables]
        is_penalised = [v.path in phase.penalised for v in variables]
        optimizer, plain_update = self.optimizer, fused_update_step(self.optimizer)

        def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
            index = optimizer._get_variable_index(variable)
            if is_penalised[index]:
                gradient = gradient + self._penalty * keras.ops.convert_to_tensor(variable)
            progress = (keras.ops.cast(optimizer.iterations, "float32") + 1) / self._n_warmup
            share = scales[index] * keras.ops.minimum(1.0, progress)
            plain_update(gradient, variable, learning_rate * share)

        optimizer.update_step = update_step


def make_optimizer(
    optimizer: str | keras.optimizers.Optimizer, learning_rate: Any
) -> keras.optimizers.Optimizer:
    """Return a fresh optimizer of some kind with a learning rate of its own.

    One made from a name clips the norm of the whole gradient at 1.
    """
    template = keras.optimizers.get(optimizer)
    config = {**template.get_config(), "learning_rate": copy.deepcopy(learning_rate)}
    if isinstance(optimizer, str):
        config["global_clipnorm"] = 1.0
    return type(template).from_config(config)
