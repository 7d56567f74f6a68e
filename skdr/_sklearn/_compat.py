"""Private names of scikit-learn that its versions agree on, or that `sklearn-compat` bridges."""

from collections.abc import Mapping
from typing import Any

from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn_compat.base import _fit_context as fit_context
from sklearn_compat.utils._indexing import _safe_indexing as safe_indexing


def scored_by(scorer: Any) -> tuple[Any, int, Mapping[str, Any]]:
    """Return the metric of a scorer, the sign that it is given, and its keywords.

    The metric is None for a scorer that is neither scikit-learn's nor skdr's.
    """
    metric = getattr(scorer, "_score_func", getattr(scorer, "metric", None))
    sign = getattr(scorer, "_sign", getattr(scorer, "sign", 1))
    return metric, sign, getattr(scorer, "_kwargs", {})


__all__ = [
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "fit_context",
    "safe_indexing",
    "scored_by",
]
