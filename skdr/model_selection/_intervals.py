"""Means over folds, and where they would lie on other splits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
# With so few folds an interval is so wide that it tells almost nothing.
_FEW_FOLDS = (2, 3)
_ENOUGH_FOLDS = 5


@dataclass(frozen=True)
class Interval:
    """A mean over folds and where it would lie on other splits.

    Attributes
    ----------
    estimate, low, high : float
        The mean, and the ends of its interval; ends that are NaN are not known.
    """

    estimate: float
    low: float
    high: float

    def within(self, low: float, high: float) -> "Interval":
        """Return the interval, cut at the limits of a score or of a difference of scores.

        Parameters
        ----------
        low, high : float
            The limits of the metric, which may be infinite.

        Returns
        -------
        interval : Interval
        """
        cut = np.clip([self.estimate, self.low, self.high], low, high)
        return Interval(*cut.tolist())

    def named(self, name: str) -> dict[str, float]:
        """Return the three numbers as columns of a table."""
        return {name: self.estimate, f"{name} low": self.low, f"{name} high": self.high}

    def __format__(self, spec: str) -> str:
        if np.isnan(self.estimate):
            return "-"
        shown = [format(value, spec or ".3f") for value in (self.estimate, self.low, self.high)]
        return shown[0] if np.isnan(self.low) else "{} [{}, {}]".format(*shown)

    def __str__(self) -> str:
        return format(self)


def corrected_interval(
    values: NDArray[np.float64], n_test_over_n_train: float, confidence: float = CONFIDENCE
) -> Interval:
    """Return the mean of values over folds, with the corrected resampled t interval.

    Folds share their training images, so their scores vary less than those of
    independent samples would: the variance of the mean is ``(1 / k + n_test /
    n_train)`` times that of the folds, in place of ``1 / k`` [1]_. With few
    folds the interval may go beyond the limits of a metric: see
    `Interval.within`.

    Parameters
    ----------
    values : ndarray of shape (k,)
        One score, or paired difference, a fold.
    n_test_over_n_train : float
    confidence : float, default=0.95

    Returns
    -------
    interval : Interval
        NaN bounds for a single fold; NaN throughout where a value is NaN.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the Generalization Error",
       Machine Learning 52, 2003.
    """
    k, mean = len(values), float(np.mean(values))
    if k < 2:
        return Interval(mean, np.nan, np.nan)
    error = np.sqrt((1 / k + n_test_over_n_train) * np.var(values, ddof=1))
    half = float(_n_errors(k, confidence) * error)
    return Interval(mean, mean - half, mean + half)


def on_few_folds(n_folds: int) -> list[str]:
    """Return a sentence on what intervals mean where there are only two or three folds."""
    if n_folds not in _FEW_FOLDS:
        return []
    return [
        f"{n_folds} folds hardly tell how much scores vary: a {CONFIDENCE:.0%} interval reaches "
        f"{_n_errors(n_folds):.1f} standard errors either way, and {_n_errors(_ENOUGH_FOLDS):.1f} "
        f"with {_ENOUGH_FOLDS} folds. Set cv={_ENOUGH_FOLDS} or more to tell strategies apart."
    ]


def _n_errors(n_folds: int, confidence: float = CONFIDENCE) -> float:
    """Return how many standard errors an interval reaches either way."""
    return float(stats.t.ppf((1 + confidence) / 2, n_folds - 1))
