"""What happens between batches and epochs: history, early stopping, progress, callbacks."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from skdr._progress import ProgressBar
from skdr._sklearn import FitTasks, Reconstruction

History = dict[str, list[Any]]


class Recorder(keras.callbacks.Callback):
    """Write each epoch into the history, and raise an error if the loss is not finite.

    The learning rate is that of the optimizer, or NaN where the phase is solved without one.
    """

    def __init__(self, phase: str, history: History, *, is_solved: bool = False):
        super().__init__()
        self._phase, self._is_solved = phase, is_solved
        self._history = history

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = logs or {}
        rate = np.nan if self._is_solved else self.model.optimizer.learning_rate
        row: dict[str, Any] = {
            "phase": self._phase,
            "epoch": epoch + 1,
            "learning_rate": float(keras.ops.convert_to_numpy(rate)),
            **{name: float(value) for name, value in logs.items()},
        }
        for name, value in row.items():
            self._history.setdefault(name, []).append(value)
        if not np.isfinite(row["loss"]):
            raise ValueError(
                f"Training diverged: the loss of epoch {epoch + 1} of phase {self._phase!r} is "
                f"{row['loss']}. Set a lower learning rate than {row['learning_rate']:g}."
            )


class KeepBest(keras.callbacks.Callback):
    """Stop when the validation loss no longer falls, and go back to the best weights.

    The lowest loss of earlier phases counts too: a phase that never gets below
    it changes nothing.
    """

    def __init__(self, n_iter_no_change: int, tol: float):
        super().__init__()
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.best_loss = np.inf
        self.best_logs: Mapping[str, float] = {}

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._best_weights = self.model.get_weights()
        self._n_without_gain = 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = dict(logs or {})
        self._n_without_gain += 1
        if logs["val_loss"] < self.best_loss - self.tol:
            self._n_without_gain = 0
        if logs["val_loss"] < self.best_loss:
            self.best_loss, self.best_logs = logs["val_loss"], logs
            self._best_weights = self.model.get_weights()
        if self._n_without_gain >= self.n_iter_no_change:
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self.model.set_weights(self._best_weights)


class Progress(keras.callbacks.Callback):
    """Shows the epochs of one phase."""

    def __init__(self, phase: str, n_epochs: int, verbose: int):
        super().__init__()
        self._n_epochs, self._unit, self._verbose = n_epochs, f"{phase} epoch", verbose

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._bar = ProgressBar(self._n_epochs, self._unit, self._verbose)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._bar.add(1, logs)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self._bar.end()  # it may have been stopped early


class EpochTasks(keras.callbacks.Callback):
    """Reports one phase to scikit-learn's callbacks; a callback that asks to stop ends it."""

    def __init__(self, tasks: FitTasks, phase: str, n_epochs: int, reconstruction: Reconstruction):
        super().__init__()
        self._tasks, self._reconstruction = tasks, reconstruction
        self._phase = tasks.phase(phase, n_epochs)

    def on_train_begin(self, logs: Any = None) -> None:
        self._tasks.begin(self._phase)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = self._tasks.epoch(self._phase)
        self._tasks.begin(self._epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._tasks.end(self._epoch, self._reconstruction):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        # A callback that asks to stop after a phase leaves out the later phases too.
        self._tasks.stopped |= self._tasks.end(self._phase, self._reconstruction)


class UserCallbacks(keras.callbacks.Callback):
    """Show the user's callbacks one training of the whole classifier.

    The network that is trained may be a part of the classifier, and training
    has phases; a ModelCheckpoint, CSVLogger or LearningRateScheduler expects
    neither. Callbacks see the classifier with the present optimizer, epochs
    numbered through all phases, one beginning and one end.
    """

    def __init__(self, classifier: keras.Model, callbacks: list[keras.callbacks.Callback]):
        super().__init__()
        self._callbacks = callbacks
        self._view = classifier
        if callbacks:
            self._view = keras.Model(classifier.inputs, classifier.outputs, name=classifier.name)
        self._n_epochs = 0
        self._has_begun = False

    def __bool__(self) -> bool:
        """Whether there are any: a callback on batches makes Keras wait for each loss."""
        return bool(self._callbacks)

    def begin_phase(self, network: keras.Model) -> None:
        if self._callbacks:
            self._view.compile(optimizer=network.optimizer, loss=network.loss)
        self._offset = self._n_epochs

    def finish(self) -> None:
        """Tell the callbacks that training has ended; they do not see the end of a phase."""
        if self._has_begun:
            self._call("on_train_end")

    def on_train_begin(self, logs: Any = None) -> None:
        self._view.stop_training = False
        for callback in self._callbacks:
            callback.set_params(self.params)
            callback.set_model(self._view)
            if not self._has_begun:
                callback.on_train_begin(logs)
        self._has_begun = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._call("on_epoch_begin", self._offset + epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._n_epochs = self._offset + epoch + 1
        self._call("on_epoch_end", self._offset + epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("on_test_batch_end", batch, logs)

    def _call(self, hook: str, *args: Any) -> None:
        for callback in self._callbacks:
            getattr(callback, hook)(*args)
        if self._view.stop_training and self.model is not None:
            self.model.stop_training = True
