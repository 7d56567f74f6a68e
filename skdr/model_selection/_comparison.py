"""What a comparison of strategies found: tables, intervals, conclusions."""

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from skdr._optional import import_optional
from skdr._params import safe_indexing
from skdr._warnings import warn
from skdr.model_selection._folds import FitFailure, FoldOutputs, FoldPredictions
from skdr.model_selection._plot import StrategyComparisonDisplay

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over folds and where it would lie on other splits.

    Attributes
    ----------
    mean, low, high : float
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def corrected_interval(
    values: NDArray[np.float64], n_test_over_n_train: float, confidence: float = _CONFIDENCE
) -> Interval:
    """Return the mean of values over folds, with the corrected resampled t interval.

    Folds share their training images, so their scores vary less than those of
    independent samples would: the variance of the mean is ``(1 / k + n_test /
    n_train)`` times that of the folds, in place of ``1 / k`` [1]_.

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
    half = float(stats.t.ppf((1 + confidence) / 2, k - 1) * error)
    return Interval(mean, mean - half, mean + half)


@dataclass(frozen=True)
class StrategyComparison:
    """Scores of strategies on the same folds; made by `compare_strategies`.

    Attributes
    ----------
    strategies : dict of str to estimator
        What was compared, unfitted.
    X : array of shape (n_samples, ...) or DataFrame
        The images.
    y : ndarray of shape (n_samples,)
        Their labels.
    groups : ndarray of shape (n_samples,) or None
        Their patients.
    splits : list of tuple of (training rows, test rows)
    scoring : dict of str to scorer
        The first is the one that decides.
    results : dict of (str, int) to FoldOutputs or FitFailure
        What each strategy said of the test images of each fold.
    """

    strategies: Mapping[str, Any]
    X: Any
    y: NDArray[Any]
    groups: NDArray[Any] | None
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]]
    scoring: Mapping[str, Any]
    results: Mapping[tuple[str, int], FoldOutputs | FitFailure]

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The labels, sorted."""
        return np.unique(self.y)

    @cached_property
    def scores(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Scores by metric and strategy, one a fold; NaN where a fit failed."""
        return {
            metric: {
                name: np.array([self._score(scorer, name, fold) for fold in range(self._n_folds)])
                for name in self.strategies
            }
            for metric, scorer in self.scoring.items()
        }

    @property
    def metric(self) -> str:
        """Name of the metric that decides."""
        return next(iter(self.scoring))

    @property
    def best_(self) -> str:
        """Name of the strategy with the highest mean of the first metric."""
        means = {name: np.mean(values) for name, values in self.scores[self.metric].items()}
        return max(means, key=lambda name: -np.inf if np.isnan(means[name]) else means[name])

    @property
    def best_estimator_(self) -> Any:
        """The best strategy, unfitted."""
        return self.strategies[self.best_]

    def interval(self, strategy: str, metric: str | None = None) -> Interval:
        """Average the scores of a strategy over the folds.

        Parameters
        ----------
        strategy : str
        metric : str, default=None
            By default the one that decides.

        Returns
        -------
        interval : Interval
            The mean, and the ends of its 95% interval.
        """
        return self._interval(self.scores[metric or self.metric][strategy])

    def difference(self, strategy: str, other: str, metric: str | None = None) -> Interval:
        """Average the paired differences of two strategies, fold by fold.

        Parameters
        ----------
        strategy, other : str
        metric : str, default=None
            By default the one that decides.

        Returns
        -------
        interval : Interval
            The mean of `strategy` less `other`, and the ends of its 95% interval.
        """
        scores = self.scores[metric or self.metric]
        return self._interval(scores[strategy] - scores[other])

    def predictions(self, strategy: str) -> NDArray[Any]:
        """Return the out-of-fold predictions of a strategy.

        Parameters
        ----------
        strategy : str

        Returns
        -------
        predicted : ndarray of shape (n_samples,)
            From the first fold that tests an image.

        Raises
        ------
        ValueError
            If an image was in no fold whose fit succeeded.
        """
        codes = np.full(len(self.y), -1)
        for outputs, test in self._outputs(strategy):
            codes[test] = np.where(codes[test] < 0, outputs.predicted, codes[test])
        self._check_complete(strategy, codes < 0)
        return self.classes[codes]

    def probabilities(self, strategy: str) -> NDArray[np.float64] | None:
        """Return the out-of-fold probabilities of a strategy, where it has such.

        Parameters
        ----------
        strategy : str

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or None
            Of the classes in sorted order, each row 1 in all; the mean, where
            several folds test an image.

        Raises
        ------
        ValueError
            If an image was in no fold whose fit succeeded.
        """
        total = np.zeros((len(self.y), len(self.classes)))
        for outputs, test in self._outputs(strategy):
            if outputs.probabilities is None:
                return None
            total[np.ix_(test, outputs.known)] += outputs.probabilities
        sums = total.sum(axis=1, keepdims=True)
        self._check_complete(strategy, sums[:, 0] == 0)
        return total / sums

    def errors(self, strategy: str) -> list[str]:
        """Return what went wrong.

        Parameters
        ----------
        strategy : str

        Returns
        -------
        errors : list of str
            One for each fold that failed.
        """
        results = [self.results[strategy, fold] for fold in range(self._n_folds)]
        return [result.error for result in results if isinstance(result, FitFailure)]

    def to_frame(self) -> Any:
        """Return one row a strategy and fold: scores, seconds, numbers of images, errors.

        Returns
        -------
        frame : pandas.DataFrame
        """
        pd = import_optional("pandas", purpose="to_frame")

        return pd.DataFrame([self._row(name, fold) for name, fold in self.results])

    def summary(self) -> Any:
        """Return one row a strategy: means with intervals, differences from the best, seconds.

        Returns
        -------
        frame : pandas.DataFrame
            Its index holds the names of the strategies.
        """
        pd = import_optional("pandas", purpose="to_frame")

        rows = {}
        for name in self.strategies:
            row = {metric: str(self.interval(name, metric)) for metric in self.scoring}
            gap = "" if name == self.best_ else str(self.difference(name, self.best_))
            seconds = [o.fit_seconds for o, _ in self._outputs(name)]
            fit = f"{np.median(seconds):.1f}" if seconds else "failed"
            rows[name] = {**row, f"less {self.best_}": gap, "fit [s]": fit}
        return pd.DataFrame.from_dict(rows, orient="index")

    @property
    def conclusions(self) -> list[str]:
        """What can be said, and what cannot, in plain sentences."""
        best, found = self.best_, [self._sentence_on_best()]
        for name in self.strategies:
            if name == best:
                continue
            gap = self.difference(best, name)
            if np.isnan(gap.mean):
                found.append(f"{name} failed in some folds and is not compared.")
            elif np.isnan(gap.low):
                found.append(f"One fold does not tell whether {best} is better than {name}.")
            elif gap.low > 0:
                found.append(f"{best} is better than {name}, by {gap}.")
            else:
                found.append(f"{best} and {name} cannot be told apart: the difference is {gap}.")
        return found

    def plot(self, *, axes: Any = None) -> StrategyComparisonDisplay:
        """Draw the score of each fold and the means with their intervals.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One a metric; by default a new figure.

        Returns
        -------
        display : StrategyComparisonDisplay
        """
        return StrategyComparisonDisplay.from_comparison(self, axes=axes)

    def __str__(self) -> str:
        return "\n".join([self.summary().to_string(), "", *self.conclusions])

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.conclusions)
        return f"{self.summary().to_html(border=0)}<ul>{said}</ul>"

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one file with table, conclusions, plots and the worst mistakes.

        Parameters
        ----------
        path : path
            Nothing beside the file is needed to read it. It shows images of
            patients: mind who gets it.
        """
        from skdr.model_selection._report import comparison_page

        Path(path).write_text(comparison_page(self), encoding="utf-8")

    @property
    def _n_folds(self) -> int:
        return len(self.splits)

    def _row(self, name: str, fold: int) -> dict[str, Any]:
        result, (train, test) = self.results[name, fold], self.splits[fold]
        fitted = result if isinstance(result, FoldOutputs) else None
        return {
            "strategy": name,
            "fold": fold,
            **{metric: by[name][fold] for metric, by in self.scores.items()},
            "fit_seconds": fitted.fit_seconds if fitted else np.nan,
            "predict_seconds": fitted.predict_seconds if fitted else np.nan,
            "n_train": len(train),
            "n_test": len(test),
            "error": result.error if isinstance(result, FitFailure) else "",
        }

    def _interval(self, values: NDArray[np.float64]) -> Interval:
        sizes = [len(test) / len(train) for train, test in self.splits]
        return corrected_interval(values, float(np.mean(sizes)))

    def _outputs(self, name: str) -> list[tuple[FoldOutputs, NDArray[np.intp]]]:
        """Return what a strategy said in the folds where it did not fail, and of which rows."""
        by_fold = [(self.results[name, fold], test) for fold, (_, test) in enumerate(self.splits)]
        return [(result, test) for result, test in by_fold if isinstance(result, FoldOutputs)]

    def _score(self, scorer: Any, name: str, fold: int) -> float:
        result, (_, test) = self.results[name, fold], self.splits[fold]
        if isinstance(result, FitFailure):
            return np.nan
        try:
            judged = FoldPredictions(result, self.classes)
            return float(scorer(judged, safe_indexing(self.X, test), self.y[test]))
        except (ValueError, AttributeError) as exc:  # too few classes, or no probabilities
            warn(f"No score for {name!r} in fold {fold}: {exc}")
            return np.nan

    def _check_complete(self, strategy: str, missing: NDArray[np.bool_]) -> None:
        if missing.any():
            raise ValueError(
                f"{strategy!r} has said nothing of {missing.sum()} of {len(missing)} images: "
                "their folds failed, or cv= tests only some of them."
            )

    def _sentence_on_best(self) -> str:
        interval = self.interval(self.best_)
        return f"{self.best_} has the highest {self.metric}, {interval} over {self._n_folds} folds."
