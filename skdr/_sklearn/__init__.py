"""What is private in scikit-learn, or not in all its versions: imported here and nowhere else."""

from skdr._sklearn._callbacks import CallbackSupportMixin, FitTasks, Reconstruction
from skdr._sklearn._compat import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    fit_context,
    safe_indexing,
    scored_by,
)

__all__ = [
    "CallbackSupportMixin",
    "FitTasks",
    "HasMethods",
    "Interval",
    "Options",
    "Reconstruction",
    "StrOptions",
    "fit_context",
    "safe_indexing",
    "scored_by",
]
