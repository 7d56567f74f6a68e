"""The range of each metric, so that no interval goes beyond it."""

from collections.abc import Hashable
from functools import partial
from typing import Any

from skdr._sklearn import scored_by
from skdr.metrics._weighted import RANGE_OF, Range

UNBOUNDED: Range = (-float("inf"), float("inf"))
# Only for functions of these packages does the name say what they compute.
_PACKAGES = {"imblearn", "sklearn"}

_SHARES = [
    "average_precision_score", "completeness_score", "f1_score", "fbeta_score",
    "fowlkes_mallows_score", "geometric_mean_score", "hamming_loss", "homogeneity_score",
    "jaccard_score", "ndcg_score", "normalized_mutual_info_score", "precision_score", "rand_score",
    "recall_score", "roc_auc_score", "sensitivity_score", "specificity_score",
    "top_k_accuracy_score", "v_measure_score", "zero_one_loss",
]  # fmt: skip
_AGREEMENTS = ["adjusted_rand_score", "cohen_kappa_score", "matthews_corrcoef"]
_ERRORS = [
    "hinge_loss", "log_loss", "macro_averaged_mean_absolute_error", "mean_squared_error",
    "root_mean_squared_error",
]  # fmt: skip
_AT_MOST_1 = ["adjusted_mutual_info_score", "d2_brier_score", "d2_log_loss_score"]
#: By the names of functions, before a scorer changes the sign. Metrics of skdr, and other functions
#: with a weighted form, give their range to `weighted_metric`.
_RANGES: dict[str, Range] = {
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(_AGREEMENTS, (-1.0, 1.0)),
    "brier_score_loss": (0.0, 2.0),
    **dict.fromkeys(_ERRORS, (0.0, float("inf"))),
    **dict.fromkeys(_AT_MOST_1, (-float("inf"), 1.0)),
}


def metric_range(scorer: Any) -> Range:
    """Return the lowest and the highest number that a scorer can return.

    Parameters
    ----------
    scorer : callable
        As `sklearn.metrics.get_scorer`, `sklearn.metrics.make_scorer` or
        `make_grading_scorer` return it.

    Returns
    -------
    low, high : float
        Infinite where there is no limit, or none is known.
    """
    metric: Any
    metric, sign, keywords = scored_by(scorer)
    while isinstance(metric, partial):
        metric, keywords = metric.func, {**metric.keywords, **keywords}
    low, high = _range_of(metric)
    if keywords.get("adjusted"):  # balanced accuracy, less that of guessing
        low = -1.0
    if not keywords.get("normalize", True):  # a number of images in place of a share
        high = float("inf")
    return (low, high) if sign > 0 else (-high, 0.0 - low)


def _range_of(metric: Any) -> Range:
    if isinstance(metric, Hashable) and metric in RANGE_OF:
        return RANGE_OF[metric]
    package = (getattr(metric, "__module__", None) or "").split(".")[0]
    if package not in _PACKAGES:
        return UNBOUNDED
    return _RANGES.get(getattr(metric, "__name__", ""), UNBOUNDED)
