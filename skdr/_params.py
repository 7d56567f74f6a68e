"""The one place that uses what is private in scikit-learn, or not in all its versions."""

from collections.abc import Mapping
from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for the one of scikit-learn 1.9: no callbacks."""


def scored_by(scorer: Any) -> tuple[Any, int, Mapping[str, Any]]:
    """Return the metric of a scorer, the sign that it is given, and its keywords.

    Of a scorer that is none of scikit-learn's or skdr's the metric is None.
    """
    metric = getattr(scorer, "_score_func", getattr(scorer, "metric", None))
    sign = getattr(scorer, "_sign", getattr(scorer, "sign", 1))
    return metric, sign, getattr(scorer, "_kwargs", {})


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "fit_context",
    "safe_indexing",
    "scored_by",
]
