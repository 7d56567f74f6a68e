"""A fit as scikit-learn's callbacks (version 1.9 or later) see it: phases, and their epochs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for that of scikit-learn 1.9: there are no callbacks."""


# Returns the attributes that turn an estimator in `fit` into a fitted one.
Reconstruction: TypeAlias = Callable[[], Mapping[str, Any]]


class FitTasks:
    """Report the tasks of a fit to scikit-learn's callbacks: the fit, its phases, their epochs.

    The callbacks are those of `set_callbacks`, of the estimator or of the search, pipeline or
    other estimator around it. With an older scikit-learn there are none.

    Parameters
    ----------
    estimator : estimator
        In its `fit`, whose decorator `fit_context` ends what is begun here.
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

    def phase(self, name: str, n_epochs: int) -> Any:
        """Return the task of a phase; None without callbacks."""
        return self._fit and self._fit.subcontext(task_name=name, max_subtasks=n_epochs)

    def epoch(self, phase: Any) -> Any:
        """Return the task of the next epoch of a phase; None without callbacks."""
        return phase and phase.subcontext(task_name="epoch")

    def finish(self) -> None:
        """Report the end of the fit, with the estimator as it is."""
        self.end(self._fit, dict)

    def begin(self, task: Any) -> None:
        """Report the start of a task."""
        if task is not None:
            task.call_on_fit_task_begin(**self._told)

    def end(self, task: Any, reconstruction: Reconstruction) -> bool:
        """Report the end of a task, and return whether a callback asks to stop there."""
        if task is None:
            return False
        return task.call_on_fit_task_end(**self._told, reconstruction_attributes=reconstruction)


__all__ = ["CallbackSupportMixin", "FitTasks", "Reconstruction"]
