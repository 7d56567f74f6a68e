"""Training: the only caller of `Model.fit`. Seeds, phases, early stopping, callbacks."""

import copy
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from skdr._callbacks import History, KeepBest, Progress, Recorder, UserCallbacks
from skdr.networks import (
    Augmentation,
    ForwardPass,
    augmentation_layers,
    batches_of,
    part_between,
    set_trainable,
)

# Outputs of the frozen layers are kept between epochs up to this size.
MAX_ACTIVATION_BYTES = 2**31


@dataclass(frozen=True)
class Examples:
    """Images with what is to be learned from them.

    Attributes
    ----------
    images : ndarray of shape (n, height, width, 3)
        RGB in 0..255.
    targets : ndarray of shape (n,) or (n, n_classes)
        Class numbers, or one column a class, as the loss wants them.
    weights : ndarray of shape (n,)
        Weights in the loss, of mean 1.
    counts : ndarray of shape (n,)
        Sample weights alone, without class weights: how many images each
        stands for.
    """

    images: NDArray[Any]
    targets: NDArray[Any]
    weights: NDArray[np.float32]
    counts: NDArray[np.float64]


@dataclass(frozen=True)
class FrozenOutputs:
    """What enters an operation, by its index in `classifier.operations`.

    One array for the training and, where there are any, one for the
    validation images; and the tail of the network that takes them.
    """

    first: int
    arrays: list[NDArray[Any]]
    tail: keras.Model


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
    penalties : mapping of str to float
        L2 penalty of each weight, by path, as a factor on the weight in its
        gradient; 0 where missing.
    warmup_epochs : float
        Epochs over which the learning rate rises from 0.
    must_improve : bool
        Whether the weights go back to where the phase began, with a warning,
        if no epoch has a lower loss than the last one of the phase before.
    """

    name: str
    epochs: int
    learning_rate: Any
    first: int
    update_batch_norm: bool = False
    scales: Mapping[str, float] = field(default_factory=dict)
    penalties: Mapping[str, float] = field(default_factory=dict)
    warmup_epochs: float = 0.0
    must_improve: bool = False


@dataclass(frozen=True)
class Settings:
    """What all phases share; see the classifiers' parameters of these names."""

    optimizer: str | keras.optimizers.Optimizer
    loss: str | keras.losses.Loss | Callable[..., Any]
    metrics: Sequence[Any]
    batch_size: int
    augmentation: Augmentation
    n_iter_no_change: int
    tol: float
    verbose: int
    seed: int


@contextmanager
def keras_seed(seed: int) -> Iterator[None]:
    """Make what Keras draws reproducible, and give the global generator back as it was.

    Keras seeds initializers and dropout from Python's global generator.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


class Trainer:
    """Train a classifier in phases.

    Parameters
    ----------
    classifier : keras.Model
        On images; changed in place, and left uncompiled.
    train : Examples
    validation : Examples or None
        Where given, training stops when the loss on them no longer falls, and
        the weights of the best epoch are kept.
    settings : Settings
    callbacks : sequence of keras.callbacks.Callback
        Deep copies are called, through all phases as through one training.

    Attributes
    ----------
    history : dict of str to list
        One entry an epoch: ``"phase"``, ``"epoch"`` (from 1, in its phase),
        ``"learning_rate"`` and what Keras reports.
    """

    def __init__(
        self,
        classifier: keras.Model,
        train: Examples,
        validation: Examples | None,
        settings: Settings,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ):
        self.classifier = classifier
        self.train = train
        self.validation = validation
        self.settings = settings
        self.history: History = {}
        self.keep_best = KeepBest(settings.n_iter_no_change, settings.tol)
        self._user_callbacks = UserCallbacks(classifier, copy.deepcopy(list(callbacks)))

    def frozen_outputs(
        self,
        first: int,
        *,
        start: FrozenOutputs | None = None,
        max_bytes: int | None = MAX_ACTIVATION_BYTES,
    ) -> FrozenOutputs | None:
        """Compute what enters operation `first`, for all images, once.

        Parameters
        ----------
        first : int
            Index in `classifier.operations`.
        start : FrozenOutputs, optional
            Of an earlier operation, to go on from.
        max_bytes : int or None
            The size up to which outputs are computed.

        Returns
        -------
        outputs : FrozenOutputs or None
            None where nothing comes before, the network cannot be cut there,
            or the outputs are too large.
        """
        tail = part_between(self.classifier, first) if first else None
        if tail is None:
            return None
        images = [examples.images for examples in self._examples()]
        start = start or FrozenOutputs(0, images, self.classifier)
        part = part_between(self.classifier, start.first, first)
        assert part is not None  # for the type checker: it could be cut at both ends
        n_images = sum(len(array) for array in start.arrays)
        n_values = np.prod([n or 1 for n in part.output_shape[1:]], dtype=int)
        if max_bytes is not None and n_images * n_values * 4 > max_bytes:
            return None
        forward, size = ForwardPass(part), self.settings.batch_size
        arrays = [forward(batches_of(array, size)) for array in start.arrays]
        return FrozenOutputs(first, arrays, tail)

    def run(self, phase: Phase, *, start: FrozenOutputs | None) -> None:
        """Train one phase.

        Parameters
        ----------
        phase : Phase
        start : FrozenOutputs or None
            What enters the first operation that learns: training then runs
            from there. With None it runs from the images, augmented.
        """
        set_trainable(self.classifier, phase.first, update_batch_norm=phase.update_batch_norm)
        network, inputs = self._learning_part(start)
        batch_size, seed = self.settings.batch_size, self.settings.seed
        n_steps = -(-len(inputs[0]) // batch_size)
        self._compile(network, phase, n_steps)
        self._user_callbacks.begin_phase(network)
        before = network.get_weights() if phase.must_improve else None
        network.fit(
            _shuffled_batches(inputs[0], self.train, batch_size, seed),
            shuffle=False,
            steps_per_epoch=n_steps,
            epochs=phase.epochs,
            validation_data=self._validation_data(inputs),
            validation_batch_size=batch_size,
            callbacks=self._callbacks(phase),
            verbose=0,
        )
        if before is not None and self._made_worse(phase):
            network.set_weights(before)

    def _learning_part(self, start: FrozenOutputs | None) -> tuple[keras.Model, list[NDArray[Any]]]:
        """Return the network to train, and what enters it for each set of examples."""
        if start is None:
            network = self._augmented(augmentation_layers(self.settings.augmentation))
            return network, [examples.images for examples in self._examples()]
        return start.tail, start.arrays

    def _compile(self, network: keras.Model, phase: Phase, n_steps: int) -> None:
        settings = self.settings
        _seed_random_layers(network, settings.seed)
        optimizer = make_optimizer(settings.optimizer, phase.learning_rate)
        optimizer.build(network.trainable_variables)
        _adjust_steps(optimizer, network.trainable_variables, phase, n_steps)
        network.compile(
            optimizer=optimizer,
            loss=copy.deepcopy(settings.loss),
            weighted_metrics=copy.deepcopy(list(settings.metrics)),
        )

    def _callbacks(self, phase: Phase) -> list[keras.callbacks.Callback]:
        return [
            Recorder(phase.name, self.history),
            *([self.keep_best] if self.validation is not None else []),
            *([Progress(phase.name, phase.epochs)] if self.settings.verbose else []),
            self._user_callbacks,
        ]

    def _made_worse(self, phase: Phase) -> bool:
        """Whether a phase never got below the loss with which the one before ended."""
        phases, losses = self.history["phase"], self.history["loss"]
        earlier = [loss for name, loss in zip(phases, losses, strict=True) if name != phase.name]
        own = [loss for name, loss in zip(phases, losses, strict=True) if name == phase.name]
        if not earlier or not own or min(own) < earlier[-1]:
            return False
        warnings.warn(
            f"Phase {phase.name!r} did not lower the training loss ({earlier[-1]:.3g} before, "
            f"{min(own):.3g} at best in it); the weights from before it are kept. Set a lower "
            f"learning_rate or more epochs.",
            UserWarning,
            stacklevel=2,
        )
        return True

    def finish(self) -> None:
        """End the training, after the last phase."""
        self._user_callbacks.finish()

    def _examples(self) -> list[Examples]:
        return [self.train] if self.validation is None else [self.train, self.validation]

    def _augmented(self, layers: list[keras.Layer]) -> keras.Model:
        images = x = keras.Input(self.classifier.input_shape[1:])
        for layer in layers:
            x = layer(x)
        return keras.Model(images, self.classifier(x))

    def _validation_data(self, inputs: list[NDArray[Any]]) -> tuple[Any, ...] | None:
        if self.validation is None:
            return None
        return (inputs[1], self.validation.targets, self.validation.weights)


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


def _adjust_steps(
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[keras.Variable],
    phase: Phase,
    n_steps: int,
) -> None:
    """Give each weight its own learning rate and penalty, and warm up.

    Done where the optimizer updates one weight, so that it holds for every
    optimizer, schedule and callback that sets the learning rate.
    """
    scales = [phase.scales.get(v.path, 1.0) for v in variables]
    penalties = [phase.penalties.get(v.path, 0.0) for v in variables]
    n_warmup = max(1.0, phase.warmup_epochs * n_steps)
    plain_update = optimizer.update_step

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = optimizer._get_variable_index(variable)
        if penalties[index]:
            gradient = gradient + penalties[index] * keras.ops.convert_to_tensor(variable)
        progress = (keras.ops.cast(optimizer.iterations, "float32") + 1) / n_warmup
        share = scales[index] * keras.ops.minimum(1.0, progress)
        plain_update(gradient, variable, learning_rate * share)

    optimizer.update_step = update_step


def _shuffled_batches(
    inputs: NDArray[Any], examples: Examples, batch_size: int, seed: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield batches for ever, each epoch in an order of its own."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(inputs))
        for batch in batches_of(order, batch_size):
            images = inputs[batch].astype(np.float32, copy=False)
            yield images, examples.targets[batch], examples.weights[batch]


def _seed_random_layers(network: keras.Model, seed: int) -> None:
    """Start dropout and augmentation from a seed, the user's layers too."""
    states = [v for v in network.variables if v.name == "seed_generator_state"]
    for i, state in enumerate(states):
        state.assign(np.array([seed + i, 0], dtype=state.dtype))
