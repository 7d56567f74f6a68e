"""A network compiled for one phase of training."""

import copy
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr.devices import is_data_parallel
from skdr.networks import Learning, random_states
from skdr.runtime import adjust_updates
from skdr.training._phases import Phase, TrainingOptions


class CompiledPhase:
    """A network compiled for one phase; the next fit of the same kind resets it.

    Parameters
    ----------
    network : keras.Model
        The part of a classifier that is trained, its layers set trainable.
    phase : Phase
    learning : Learning
    options : TrainingOptions
    targets : ndarray of shape (n,) or (n, n_classes)
        Some of the targets, to build the metrics with.
    """

    def __init__(
        self,
        network: keras.Model,
        phase: Phase,
        learning: Learning,
        options: TrainingOptions,
        targets: NDArray[Any],
    ):
        self.network = network
        self._random_states = random_states(network)
        self.optimizer = make_optimizer(options.optimizer, phase.learning_rate)
        self.optimizer.build(network.trainable_variables)
        self._penalty = keras.Variable(0.0, trainable=False, name="penalty")
        self._n_warmup = keras.Variable(1.0, trainable=False, name="n_warmup")
        self._n_falling = keras.Variable(np.inf, trainable=False, name="n_falling")
        self._adjust_steps(learning)
        network.compile(
            optimizer=self.optimizer,
            loss=options.loss,
            weighted_metrics=copy.deepcopy(list(options.metrics)),
        )
        if not is_data_parallel():
            self._build_metrics(targets)
        states = self.optimizer.variables
        self._initial_state = [keras.ops.convert_to_numpy(state).copy() for state in states]

    def reset(self, phase: Phase, *, total_weight: float, n_steps: int, seed: int) -> None:
        """Begin anew: the optimizer as it was built, and random layers from a seed."""
        for variable, value in zip(self.optimizer.variables, self._initial_state, strict=True):
            variable.assign(value)
        if not is_schedule(phase.learning_rate):
            self.optimizer.learning_rate = phase.learning_rate
        n_classes = self.network.output_shape[-1]
        self._penalty.assign(phase.penalty(total_weight, n_classes))
        n_warmup = max(1.0, phase.warmup_epochs * n_steps)
        is_annealed = phase.is_annealed and not is_schedule(phase.learning_rate)
        self._n_warmup.assign(n_warmup)
        n_falling = max(1.0, phase.epochs * n_steps + 1 - n_warmup)
        self._n_falling.assign(n_falling if is_annealed else np.inf)
        for i, state in enumerate(self._random_states):
            state.assign(np.array([seed + i, 0], dtype=state.dtype))

    def _build_metrics(self, targets: NDArray[Any]) -> None:
        """Let metrics make their variables: made in a step, they would have it traced twice."""
        shape = (len(targets), *self.network.output_shape[1:])
        self.network.compute_metrics(None, targets, np.full(shape, 1 / shape[-1], np.float32))
        self.network.reset_metrics()

    def _adjust_steps(self, learning: Learning) -> None:
        """Give each weight its own learning rate and penalty, warm up and anneal.

        It is done where the optimizer updates one weight: this works with every
        optimizer, every schedule, and callbacks that set the learning rate.
        """
        variables = self.network.trainable_variables
        scales = [learning.scales.get(v.path, 1.0) for v in variables]
        is_penalised = [v.path in learning.head_kernels for v in variables]
        optimizer = self.optimizer

        def adjusted(
            number: int, gradient: Any, variable: Any, learning_rate: Any
        ) -> tuple[Any, Any]:
            if is_penalised[number]:
                gradient = gradient + self._penalty * keras.ops.convert_to_tensor(variable)
            step = keras.ops.cast(optimizer.iterations, "float32") + 1
            rising = keras.ops.minimum(1.0, step / self._n_warmup)
            fallen = keras.ops.clip((step - self._n_warmup) / self._n_falling, 0.0, 1.0)
            falling = (1 + keras.ops.cos(np.pi * fallen)) / 2
            return gradient, learning_rate * (scales[number] * rising * falling)

        adjust_updates(optimizer, variables, adjusted)


def is_schedule(learning_rate: Any) -> bool:
    """Return whether a learning rate changes from step to step by itself."""
    return isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule)


def make_optimizer(
    optimizer: str | keras.optimizers.Optimizer, learning_rate: Any
) -> keras.optimizers.Optimizer:
    """Return a fresh optimizer of the given kind, with a learning rate of its own."""
    template = keras.optimizers.get(optimizer)
    config = {**template.get_config(), "learning_rate": copy.deepcopy(learning_rate)}
    return type(template).from_config(config)
