"""Intervals of metrics, by resampling patients."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_consistent_length

from skdr._labels import without_group
from skdr._warnings import warn
from skdr.metrics._weighted import Floats, Metric, Weighted, weighted_form

_CHUNK = 2**20  # weights held at once


@dataclass(frozen=True)
class BootstrapInterval:
    """A metric, and its interval over resamples of the patients.

    Made by `bootstrap_interval` and `bootstrap_difference`.

    Attributes
    ----------
    estimate : float or ndarray of shape (n_values,)
        The metric on the images as they are.
    low, high : float or ndarray of shape (n_values,)
        The ends of the interval.
    confidence_level : float
        The share of the resamples inside it.
    distribution : ndarray of shape (n_resamples,) or (n_resamples, n_values)
        The metric on each resample; NaN where it is undefined.
    """

    estimate: Any
    low: Any
    high: Any
    confidence_level: float
    distribution: Floats = field(repr=False)

    def __str__(self) -> str:
        shown = zip(*map(np.atleast_1d, (self.estimate, self.low, self.high)), strict=True)
        return "\n".join(f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in shown)


def bootstrap_interval(
    metric: Metric,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> BootstrapInterval:
    """Compute a metric and its percentile interval over resampled patients.

    Patients are drawn with replacement, each with all of their images: two
    eyes of one patient tell less than two eyes of two patients.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_pred)``, a number or a row of numbers. Those of
        `skdr.metrics`, and accuracy, balanced accuracy and mean absolute error
        of scikit-learn, are computed for all resamples together, also inside
        `functools.partial`. Any other is called once per resample.
    y_true : array-like of shape (n_samples,)
        Grades.
    y_pred : array-like of shape (n_samples,) or (n_samples, n_labels)
        What the metric takes: grades, scores or probabilities.
    groups : array-like of shape (n_samples,), default=None
        The patient of each image; None if each image is of another patient.
    n_resamples : int, default=2000
    confidence_level : float, default=0.95
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    interval : BootstrapInterval
        With a warning if the metric is undefined in some of the resamples; the
        interval is then that of the others.

    Raises
    ------
    ValueError
        If there are fewer than two patients.

    See Also
    --------
    bootstrap_difference : For two sets of predictions of the same images.

    References
    ----------
    .. [1] B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.metrics import bootstrap_interval, quadratic_weighted_kappa
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.integers(5, size=200)
    >>> y_pred = (y_true + rng.integers(2, size=200)).clip(max=4)
    >>> patients = np.repeat(np.arange(100), 2)
    >>> interval = bootstrap_interval(
    ...     quadratic_weighted_kappa, y_true, y_pred, groups=patients, random_state=0
    ... )
    >>> interval.low < interval.estimate < interval.high
    True
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    check_consistent_length(y_true, y_pred)
    form = weighted_form(metric, y_true, y_pred)
    (distribution,) = resample([form], len(y_true), groups, n_resamples, random_state)
    interval = interval_of(metric(y_true, y_pred), distribution, confidence_level)
    _warn_of_undefined(interval)
    return interval


def bootstrap_difference(
    metric: Metric,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_pred_other: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_resamples: int = 2000,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> BootstrapInterval:
    """Compute by how much a metric differs between two predictions, and its interval.

    Both predictions are scored on the same resamples of the patients, so that
    what is hard for both cancels out.

    Parameters
    ----------
    metric : callable
        As in `bootstrap_interval`.
    y_true : array-like of shape (n_samples,)
        Grades.
    y_pred, y_pred_other : array-like of shape (n_samples,) or (n_samples, n_labels)
        What the metric takes. The difference is that of the first less the other.
    groups : array-like of shape (n_samples,), default=None
        The patient of each image; None if each image is of another patient.
    n_resamples : int, default=2000
    confidence_level : float, default=0.95
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    interval : BootstrapInterval
        As in `bootstrap_interval`, of the difference.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import accuracy_score
    >>> from skdr.metrics import bootstrap_difference
    >>> y_true = np.arange(100) % 5
    >>> better, worse = np.where(np.arange(100) % 7, y_true, 0), np.zeros(100)
    >>> difference = bootstrap_difference(accuracy_score, y_true, better, worse, random_state=0)
    >>> difference.low > 0
    True
    """
    y_true, *both = map(np.asarray, (y_true, y_pred, y_pred_other))
    check_consistent_length(y_true, *both)
    forms = [weighted_form(metric, y_true, y) for y in both]
    first, other = resample(forms, len(y_true), groups, n_resamples, random_state)
    estimate = np.subtract(*(metric(y_true, y) for y in both))
    interval = interval_of(estimate, first - other, confidence_level)
    _warn_of_undefined(interval)
    return interval


def resample(
    forms: Sequence[Weighted],
    n_samples: int,
    groups: ArrayLike | None,
    n_resamples: int,
    random_state: int | np.random.RandomState | None,
) -> list[Floats]:
    """Return the values of each of several metrics, all on the same resamples."""
    patients = np.arange(n_samples) if groups is None else column_or_1d(groups)
    check_consistent_length(np.empty(n_samples), patients)
    if nameless := without_group(patients):
        raise ValueError(
            f"groups names no patient for {len(nameless)} images, the first groups[{nameless[0]}]; "
            "give each of them a name of its own."
        )
    _, patient_of_row = np.unique(patients, return_inverse=True)
    parts = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for counts in _draw(patient_of_row.max() + 1, n_samples, n_resamples, random_state):
            weights = counts if groups is None else counts[:, patient_of_row]
            parts.append([form(weights) for form in forms])
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def interval_of(estimate: Any, distribution: Floats, confidence_level: float) -> BootstrapInterval:
    """Return the interval between the percentiles of a distribution."""
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level={confidence_level!r} must be between 0 and 1.")
    tail = (1 - confidence_level) / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        low, high = np.nanquantile(distribution, [tail, 1 - tail], axis=0)
    if distribution.ndim == 1:
        estimate, low, high = float(estimate), float(low), float(high)
    return BootstrapInterval(estimate, low, high, confidence_level, distribution)


def _draw(
    n_patients: int,
    n_samples: int,
    n_resamples: int,
    random_state: int | np.random.RandomState | None,
) -> Iterator[Floats]:
    """Yield how often each patient is drawn, for some resamples at a time."""
    if n_patients < 2:
        raise ValueError("A bootstrap needs at least two patients; groups holds one.")
    if n_resamples < 1:
        raise ValueError(f"n_resamples={n_resamples!r} must be at least 1.")
    random = check_random_state(random_state)
    at_once = max(1, _CHUNK // n_samples)
    for start in range(0, n_resamples, at_once):
        n = min(at_once, n_resamples - start)
        drawn = random.randint(n_patients, size=(n, n_patients), dtype=np.int32)
        drawn = drawn + n_patients * np.arange(n)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=n * n_patients)
        yield counts.reshape(n, n_patients).astype(float)


def _warn_of_undefined(interval: BootstrapInterval) -> None:
    undefined = np.isnan(interval.distribution).sum(axis=0)
    n = int(np.max(undefined, where=np.isfinite(interval.estimate), initial=0))
    if n:
        warn(
            f"The metric is undefined in {n} of {len(interval.distribution)} resamples, which "
            "hold no image of a grade that too few patients have. The interval is that of the "
            "others."
        )
