"""What a metric is here: a function of weights.

A metric is written once, as its *weighted form*. It is prepared on the labels
and predictions, and then computed for a matrix of weights, one row per resample:
sums over the images are one matrix product, and the ROC curve sorts once. The
public function computes it for one row, of ones or of `sample_weight`; a
bootstrap for one row per resample.

To add a metric:

1. In `_grading`, `_referable` or `_calibration`, write its weighted form, and
   below it the public function, decorated with `weighted_metric`.
2. In `_scorers`, add it to `_METRICS`, and to `ERRORS` if less is better: it is
   then in the report and in `grading_scorer`. Its own scorer, if any, stands there too.
3. In `__init__`, name it in the imports and in `__all__`.

Then list it in ``docs/api.rst``, and in ``tests/test_bootstrap.py``, which fails
without it.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skdr._labels import check_weights

Floats: TypeAlias = NDArray[np.float64]
#: From weights (n_resamples, n_samples) to values (n_resamples,) or (n_resamples, n_values).
Weighted: TypeAlias = Callable[[Floats], Floats]
Metric: TypeAlias = Callable[..., Any]
Range: TypeAlias = tuple[float, float]
_M = TypeVar("_M", bound=Metric)

#: By metric: the function that prepares its weighted form, and the range of its values.
_PREPARE: dict[Metric, Callable[..., Weighted]] = {}
RANGE_OF: dict[Metric, Range] = {}


def weighted_metric(
    prepare: Callable[..., Weighted], *, lowest: float, highest: float
) -> Callable[[_M], _M]:
    """Register the weighted form of a metric, and the range of the metric.

    Parameters
    ----------
    prepare : callable
        Takes what the metric takes, without `sample_weight`, and returns the
        weighted form.
    lowest, highest : float

    Returns
    -------
    decorator : callable
        Returns the metric itself.
    """

    def register(metric: _M) -> _M:
        _PREPARE[metric] = prepare
        RANGE_OF[metric] = (lowest, highest)
        return metric

    return register


def weighted_value(form: Weighted, y_true: Any, sample_weight: ArrayLike | None) -> Any:
    """Return a metric on the images as they are: a number, or one per grade."""
    if not len(y_true):
        raise ValueError("y_true is empty: a metric needs at least one image.")
    weights = check_weights(sample_weight, len(y_true))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = form(weights[None])[0]
    return value if np.ndim(value) else float(value)


def weighted_form(metric: Metric, y_true: NDArray[Any], y_pred: NDArray[Any]) -> Weighted:
    """Return a metric of labels and predictions, as a function of weights.

    Metrics registered by `weighted_metric` have such a form, also with keywords
    set by `functools.partial`. Any other metric is called once per resample, on
    repeated rows, so that it need not take weights.
    """
    keywords: dict[str, Any] = {}
    function = metric
    while isinstance(function, functools.partial) and not function.args:
        keywords = {**function.keywords, **keywords}
        function = function.func
    prepare = _PREPARE.get(function)
    if prepare is not None and set(keywords) <= set(inspect.signature(prepare).parameters):
        return prepare(y_true, y_pred, **keywords)
    return _repeated(metric, y_true, y_pred)


def _repeated(metric: Metric, y_true: NDArray[Any], y_pred: NDArray[Any]) -> Weighted:
    def values(weights: Floats) -> Floats:
        resamples = (np.repeat(np.arange(len(y_true)), row.astype(np.intp)) for row in weights)
        return np.array([metric(y_true[rows], y_pred[rows]) for rows in resamples], dtype=float)

    return values


def mean_of(values: Floats) -> Weighted:
    """Return the weighted form of the mean of a number for each image."""
    return lambda weights: weights @ values / weights.sum(axis=1)


def share_of(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> Weighted:
    """Return the weighted form of the share of hits among some images; NaN if there are none."""
    sums = np.column_stack([hits & among, among]).astype(float)

    def values(weights: Floats) -> Floats:
        hit, total = (weights @ sums).T
        return hit / total

    return values
