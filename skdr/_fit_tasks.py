"""A fit as scikit-learn's callbacks (version 1.9 or later) see it: phases, and their epochs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras

# Returns attributes that make of an estimator in fit a fitted one.
Reconstruction: TypeAlias = Callable[[], Mapping[str, Any]]


class FitTasks:
    """Tell scikit-learn's callbacks of the tasks of a fit: itself, its phases, their epochs.

    The callbacks are those of `set_callbacks`, of the estimator or of the search, pipeline or
    other estimator around it. With an older scikit-learn nobody is told anything.

    Parameters
    ----------
    estimator : estimator
        In its `fit`, which `fit_context` decorates: that ends what is begun here.
    X, y
        As `fit` got them.
    sample_weight : array-like or None
    n_phases : int, default=0
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, sample_weight: Any = None, *, n_phases: int = 0
    ):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self._fit = estimator._init_callback_context(max_subtasks=n_phases)
            self._fit.call_on_fit_task_begin(**self._told)
        self.stopped = False

    def epochs_of(self, phase: str, n_epochs: int, reconstruction: Reconstruction) -> "EpochTasks":
        """Return the callback of Keras that tells of a phase and its epochs."""
        task = self._fit and self._fit.subcontext(task_name=phase, max_subtasks=n_epochs)
        return EpochTasks(self, task, reconstruction)

    def finish(self) -> None:
        """Tell that the fit has ended, with the estimator as it is."""
        self.end(self._fit, dict)

    def begin(self, task: Any) -> None:
        """Tell that a task begins."""
        if task is not None:
            task.call_on_fit_task_begin(**self._told)

    def end(self, task: Any, reconstruction: Reconstruction) -> bool:
        """Tell that a task has ended, and return whether a callback wants to stop there."""
        if task is None:
            return False
        return task.call_on_fit_task_end(**self._told, reconstruction_attributes=reconstruction)


class EpochTasks(keras.callbacks.Callback):
    """Tells of one phase; a callback that asks to stop after an epoch ends the phase."""

    def __init__(self, tasks: FitTasks, phase: Any, reconstruction: Reconstruction):
        super().__init__()
        self._tasks, self._phase, self._reconstruction = tasks, phase, reconstruction

    def on_train_begin(self, logs: Any = None) -> None:
        self._tasks.begin(self._phase)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = self._phase and self._phase.subcontext(task_name="epoch")
        self._tasks.begin(self._epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._tasks.end(self._epoch, self._reconstruction):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        # Asked after a phase to stop: the phases that follow are left out.
        self._tasks.stopped |= self._tasks.end(self._phase, self._reconstruction)
