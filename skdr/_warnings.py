"""Warnings that point at the line of the user's own code."""

import inspect
import warnings

# skdr, packages that call it for the user, and modules that call functions for these.
_NOT_THE_USERS = {"contextlib", "functools", "imblearn", "joblib", "keras", "skdr", "sklearn"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's code that led here, however deep inside skdr that is.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning
    """
    warnings.warn(message, category, stacklevel=1 + _n_frames_to_user())


def _n_frames_to_user() -> int:
    """Return how many frames above `warn` the user's code is; without any, the outermost frame."""
    frame, n_frames = inspect.currentframe(), -1  # the present frame, and that of `warn`
    while frame is not None:
        package = frame.f_globals.get("__name__", "").split(".")[0]
        if package not in _NOT_THE_USERS:
            return n_frames
        frame, n_frames = frame.f_back, n_frames + 1
    return n_frames - 1
