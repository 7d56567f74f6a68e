"""The trainer: the only caller of `Model.fit`. Seeds, early stopping, callbacks, memory."""

import copy
import math
import sys
from collections.abc import Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import keras
from numpy.typing import NDArray

from skdr._sklearn import FitTasks, Reconstruction
from skdr._warnings import warn
from skdr.devices import gpu_turn, is_out_of_memory, reuse_freed_memory
from skdr.images import ImageArray, batches_of
from skdr.networks import (
    BackboneLike,
    Learning,
    augmentation_layers,
    float32_layers,
    set_trainable,
    warn_if_head_alone_learns,
    what_learns,
)
from skdr.runtime import TrainableNetwork, batches_at_once, learner, parameter_key
from skdr.training._callbacks import (
    EpochTasks,
    History,
    KeepBest,
    Progress,
    Recorder,
    UserCallbacks,
)
from skdr.training._compiled import CompiledPhase, is_schedule
from skdr.training._examples import Batches, Examples
from skdr.training._phases import Phase, TrainingOptions
from skdr.training._solved_head import solve_head

# Outputs of the frozen layers are kept between epochs up to this size.
MAX_ACTIVATION_BYTES = 2**31


@dataclass(frozen=True)
class FrozenOutputs:
    """What enters an operation, by its index in `operations_of(classifier)`.

    One array for the training and, where there are any, one for the
    validation images.
    """

    first: int
    arrays: list[NDArray[Any]]


class Trainer:
    """Train a classifier in phases.

    Parameters
    ----------
    network : TrainableNetwork
        The classifier on images, with what was compiled for it before;
        changed in place.
    backbone : str, keras.Model or callable
        What it was built from.
    train : Examples
    validation : Examples or None
        Where given, training stops when the loss on them no longer falls, and
        the weights of the best epoch are kept.
    options : TrainingOptions
    callbacks : sequence of keras.callbacks.Callback
        Deep copies are called, through all phases as through one training.
    tasks : FitTasks
        Tells scikit-learn's callbacks.
    as_fitted : callable
        Returns the attributes that the estimator would have if training ended now.

    Attributes
    ----------
    history : dict of str to list
        One entry per epoch: ``"phase"``, ``"epoch"`` (from 1, in its phase),
        ``"learning_rate"`` and what Keras reports.
    batch_size : int
        Images in one step.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        backbone: BackboneLike,
        train: Examples,
        validation: Examples | None,
        options: TrainingOptions,
        callbacks: Sequence[keras.callbacks.Callback],
        tasks: FitTasks,
        as_fitted: Reconstruction,
    ):
        self.network = network
        self.classifier = network.network
        self.train = train
        self.validation = validation
        self.options = options
        self.batch_size = options.batch_size
        self.history: History = {}
        self.keep_best = KeepBest(options.n_iter_no_change, options.tol)
        self._backbone, self._tasks, self._as_fitted = backbone, tasks, as_fitted
        self._user_callbacks = UserCallbacks(self.classifier, copy.deepcopy(list(callbacks)))

    @property
    def examples(self) -> list[Examples]:
        """The examples to train on and, where there are any, those to validate on."""
        return [self.train] if self.validation is None else [self.train, self.validation]

    def what_learns(self, phase: Phase) -> Learning:
        """Return what a phase trains; see `what_learns`."""
        return what_learns(self.classifier, self._backbone, phase.trainable, phase.layer_decay)

    def warn_if_head_alone_learns(self, phase: Phase) -> None:
        """Warn if a phase trains no layer below the head, unless it says so itself."""
        if phase.trainable not in ("head", 0):
            warn_if_head_alone_learns(
                self.classifier,
                self._backbone,
                phase.trainable,
                update_batch_norm=phase.update_batch_norm,
            )

    def frozen_outputs(
        self,
        first: int,
        *,
        start: FrozenOutputs | None = None,
        max_bytes: float | None = None,
    ) -> FrozenOutputs | None:
        """Compute what enters operation `first`, for all images, once.

        Parameters
        ----------
        first : int
            Index in `operations_of(classifier)`.
        start : FrozenOutputs, optional
            Of an earlier operation, to go on from.
        max_bytes : float, default=None
            The size up to which outputs are computed; None is
            `MAX_ACTIVATION_BYTES`.

        Returns
        -------
        outputs : FrozenOutputs or None
            None if no operation comes before it, the network cannot be cut
            there, or the outputs are too large.
        """
        below = self.network.part(0, first) if first and self.network.part(first) else None
        if below is None:
            return None
        max_bytes = MAX_ACTIVATION_BYTES if max_bytes is None else max_bytes
        n_bytes = 4 * math.prod(below.output_shape[1:]) * sum(len(e) for e in self.examples)
        if n_bytes > max_bytes:
            self._say(
                f"The outputs of the frozen layers would take {n_bytes / 2**30:.1f} GiB, more than "
                f"{max_bytes / 2**30:.1f}: each epoch runs the frozen layers too."
            )
            return None
        inputs = [e.images for e in self.examples] if start is None else start.arrays
        forward = self.network.forward_pass(start.first if start else 0, first)
        return FrozenOutputs(
            first, [forward(batches_of(array, self.batch_size)) for array in inputs]
        )

    def run(self, phase: Phase, *, start: FrozenOutputs | None) -> None:
        """Train one phase.

        Parameters
        ----------
        phase : Phase
        start : FrozenOutputs or None
            What enters the first operation that learns: training then begins
            there. With None it begins at the images, augmented.
        """
        if self._tasks.stopped:
            return
        learning = self.what_learns(phase)
        first, update_batch_norm = learning.first_trainable, phase.update_batch_norm
        set_trainable(self.classifier, first, update_batch_norm=update_batch_norm)
        inputs = [e.images for e in self.examples] if start is None else start.arrays
        at_once = self._batches_at_once(inputs[0])
        compiled = self._compiled(phase, learning, start, many=at_once > 1)
        network = compiled.network
        if at_once > 1:  # the network cuts what it gets in one call into batches of this size
            network.batch_size.assign(self.batch_size)
        if self.options.finds_batch_size:
            self._find_batch_size(network, inputs[0])
        self._user_callbacks.begin_phase(network)
        # With images set aside, `KeepBest` goes back to the weights of the best epoch anyway.
        may_be_undone = phase.revert_if_worse and self.validation is None
        before = network.get_weights() if may_be_undone else None
        # Training images are shuffled by the seed; validation images stay in order.
        rows, seeds = at_once * self.batch_size, (self.options.seed, None)
        with gpu_turn(), reuse_freed_memory(hand_back=True), ExitStack() as stack:
            feeds = [
                stack.enter_context(Batches(array, examples, rows, epochs=phase.epochs, seed=seed))
                for array, examples, seed in zip(inputs, self.examples, seeds, strict=False)
            ]
            train, validation = feeds[0], feeds[1] if len(feeds) > 1 else None
            n_steps = -(-len(self.train) // self.batch_size)
            compiled.reset(
                phase,
                total_weight=self.train.total_weight,
                n_steps=n_steps,
                seed=self.options.seed,
            )
            network.fit(
                train,
                shuffle=False,
                epochs=phase.epochs,
                steps_per_epoch=train.steps_per_epoch,
                validation_data=validation,
                validation_steps=validation and validation.steps_per_epoch,
                callbacks=self._callbacks(phase),
                verbose=0,
            )
        if before is not None and self._made_worse(phase):
            network.set_weights(before)

    def solve(self, phase: Phase, *, start: FrozenOutputs) -> None:
        """Solve the logistic regression that a phase trains, as if in one epoch.

        Parameters
        ----------
        phase : Phase
        start : FrozenOutputs
            What enters the head.
        """
        if self._tasks.stopped:
            return
        assert phase.C is not None
        learning = self.what_learns(phase)
        set_trainable(self.classifier, learning.first_trainable, update_batch_norm=False)
        network = self._compiled(phase, learning, start, many=False).network
        as_one_epoch = self._callbacks(replace(phase, epochs=1), is_solved=True)
        callbacks = keras.callbacks.CallbackList(as_one_epoch, model=network)
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        train = self.train
        weights = train.weights * (train.total_weight / len(train))
        solve_head(self.classifier, start.arrays[0], train.class_numbers, weights, phase.C)
        with gpu_turn():
            logs = network.evaluate(
                start.arrays[0],
                train.targets,
                sample_weight=train.weights,
                batch_size=self.batch_size,
                return_dict=True,
                verbose=0,
            )
        callbacks.on_epoch_end(0, logs)
        callbacks.on_train_end()

    def _batches_at_once(self, inputs: ImageArray) -> int:
        """Return how many batches make one step of Keras: one if callbacks have to see each."""
        if self._user_callbacks or self.options.finds_batch_size:
            return 1
        return batches_at_once(inputs.shape[1:], self.batch_size)

    def _compiled(
        self, phase: Phase, learning: Learning, start: FrozenOutputs | None, *, many: bool
    ) -> CompiledPhase:
        """Return the network compiled for a phase, by an earlier fit if it is still kept."""
        key = self._compiled_key(phase, learning, start, many=many)
        compiled = None if key is None else self.network.compiled.get(key)
        if compiled is None:
            with float32_layers():
                part, targets = self._learning_part(start, many=many), self.train.targets[:1]
                compiled = CompiledPhase(part, phase, learning, self.options, targets)
            if key is not None:
                self.network.compiled[key] = compiled
        return compiled

    def _compiled_key(
        self, phase: Phase, learning: Learning, start: FrozenOutputs | None, *, many: bool
    ) -> Hashable | None:
        """Return all that a compiled phase depends on and `reset` does not set."""
        rate = phase.learning_rate if is_schedule(phase.learning_rate) else None
        try:
            options = (self.options.compiled_key, parameter_key(rate))
        except TypeError:  # skdr cannot tell what the user's code does
            return None
        trained = (learning.first_trainable, phase.update_batch_norm)
        adjusted = (frozenset(learning.scales.items()), frozenset(learning.head_kernels))
        return (options, trained, adjusted, start and start.first, many)

    def _find_batch_size(self, network: keras.Model, inputs: ImageArray) -> None:
        """Halve the batches until one step fits into the memory of the device."""
        before = network.get_weights()
        while True:
            feed = Batches(inputs, self.train, self.batch_size)
            images, targets, weights = feed[0]
            try:
                with gpu_turn():
                    network.train_on_batch(images, targets, sample_weight=weights)
                break
            except Exception as exc:
                if self.batch_size == 1 or not is_out_of_memory(exc):
                    raise
            self.batch_size = -(-self.batch_size // 2)
        network.set_weights(before)
        network.reset_metrics()

    def _callbacks(
        self, phase: Phase, *, is_solved: bool = False
    ) -> list[keras.callbacks.Callback]:
        return [
            Recorder(phase.name, self.history, is_solved=is_solved),
            *([self.keep_best] if self.validation is not None else []),
            EpochTasks(self._tasks, phase.name, phase.epochs, self._as_fitted),
            Progress(phase.name, phase.epochs, self.options.verbose),
            *([self._user_callbacks] if self._user_callbacks else []),
        ]

    def _made_worse(self, phase: Phase) -> bool:
        """Whether a phase ended with no lower loss than the last epoch before it."""
        phases, losses = self.history["phase"], self.history["loss"]
        earlier = [loss for name, loss in zip(phases, losses, strict=True) if name != phase.name]
        own = [loss for name, loss in zip(phases, losses, strict=True) if name == phase.name]
        if not earlier or not own or own[-1] < earlier[-1]:
            return False
        warn(
            f"Phase {phase.name!r} did not lower the training loss ({earlier[-1]:.3g} before, "
            f"{own[-1]:.3g} at its end); the weights from before it are kept. Set a lower "
            f"learning_rate or more epochs."
        )
        return True

    def finish(self) -> None:
        """End the training, after the last phase."""
        self._user_callbacks.finish()

    def _learning_part(self, start: FrozenOutputs | None, *, many: bool) -> keras.Model:
        """Return the network to train: from the images, augmented, or from inside."""
        if start is not None:
            tail: Any = self.network.part(start.first)
            return learner(tail.inputs, tail.outputs, many=many)
        images = x = keras.Input(self.classifier.input_shape[1:])
        for layer in augmentation_layers(self.options.augmentation):
            x = layer(x)
        return learner(images, self.classifier(x))

    def _say(self, message: str) -> None:
        if self.options.verbose:
            sys.stdout.write(f"{message}\n")
