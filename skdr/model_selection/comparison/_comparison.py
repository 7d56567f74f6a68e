"""What a comparison of strategies found: tables, intervals, conclusions."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdr._optional import import_optional
from skdr._sklearn import safe_indexing
from skdr._text_table import TextTable
from skdr._warnings import warn
from skdr.metrics._ranges import Range, metric_range
from skdr.model_selection._findings import StrategyFindings
from skdr.model_selection._intervals import Interval, corrected_interval, on_few_folds
from skdr.model_selection._page import html_page, picture
from skdr.model_selection.comparison._folds import FitFailure, FoldOutputs, FoldPredictions
from skdr.model_selection.comparison._plot import StrategyComparisonDisplay
from skdr.model_selection.comparison._report import (
    ComparedImages,
    OutOfFold,
    mistakes_section,
    strategy_section,
    what_was_compared,
)


@dataclass(frozen=True, repr=False, eq=False)
class StrategyComparison(StrategyFindings):
    """Scores of strategies on the same folds; made by `compare_strategies`.

    Says the same things by the same names as `StrategyAdvice`: `best`,
    `estimator`, `conclusion`, `reasons` and `to_frame`.

    Attributes
    ----------
    strategies : dict of str to estimator
        What was compared, unfitted, each behind the sampler if one was given.
    X : array of shape (n_samples, n_columns) or DataFrame
        The images.
    y : ndarray of shape (n_samples,)
        Their labels.
    groups : ndarray of shape (n_samples,) or None
        Their patients.
    splits : list of tuple of (training rows, test rows)
    scoring : dict of str to scorer
        The first one decides which strategy is best.
    results : dict of (str, int) to FoldOutputs or FitFailure
        The outputs of each strategy for the test images of each fold.
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
        """Scores by metric and strategy, one per fold; NaN where a fit failed."""
        return {
            metric: {name: self._scores(scorer, metric, name) for name in self.strategies}
            for metric, scorer in self.scoring.items()
        }

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """Lowest and highest possible score by metric; infinite where no limit is known."""
        return {metric: metric_range(scorer) for metric, scorer in self.scoring.items()}

    @property
    def metric(self) -> str:
        """Name of the metric that decides."""
        return next(iter(self.scoring))

    @property
    def best(self) -> str:
        """Name of the strategy with the highest mean of the first metric.

        Raises
        ------
        ValueError
            If no strategy has a score in every fold.
        """
        if self._best is None:
            raise ValueError(
                f"No strategy has a score by {self.metric} in every fold: none is best. See "
                "errors(name), and scores."
            )
        return self._best

    @cached_property
    def _best(self) -> str | None:
        means = {name: float(np.mean(s)) for name, s in self.scores[self.metric].items()}
        known = {name: mean for name, mean in means.items() if not np.isnan(mean)}
        return max(known, key=lambda name: known[name], default=None)

    def interval(self, strategy: str, metric: str | None = None) -> Interval:
        """Average the scores of a strategy over the folds.

        Parameters
        ----------
        strategy : str
        metric : str, default=None
            By default the metric that decides.

        Returns
        -------
        interval : Interval
            The mean, and the ends of its 95% interval within the limits of the metric.
        """
        metric = metric or self.metric
        return self._interval(self.scores[metric][strategy]).within(*self.ranges[metric])

    def difference(self, strategy: str, other: str, metric: str | None = None) -> Interval:
        """Average the paired differences of two strategies, fold by fold.

        Parameters
        ----------
        strategy, other : str
        metric : str, default=None
            By default the metric that decides.

        Returns
        -------
        interval : Interval
            The mean of `strategy` minus `other`, and the ends of its 95% interval.
        """
        metric = metric or self.metric
        (low, high), scores = self.ranges[metric], self.scores[metric]
        return self._interval(scores[strategy] - scores[other]).within(low - high, high - low)

    def predictions(self, strategy: str) -> NDArray[Any]:
        """Return the out-of-fold predictions of a strategy.

        Parameters
        ----------
        strategy : str

        Returns
        -------
        predicted : ndarray of shape (n_samples,)
            Those of the first fold that tests an image.

        Raises
        ------
        ValueError
            If an image was in no fold whose fit succeeded.
        """
        codes = self._codes(strategy)
        self._check_complete(strategy, codes < 0)
        return self.classes[codes]

    def probabilities(self, strategy: str) -> NDArray[np.float64] | None:
        """Return the out-of-fold probabilities of a strategy, if it has any.

        Parameters
        ----------
        strategy : str

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes) or None
            One column per class in sorted order; rows sum to 1. Where several
            folds test an image, their mean.

        Raises
        ------
        ValueError
            If an image was in no fold whose fit succeeded.
        """
        probabilities = self._mean_probabilities(strategy)
        if probabilities is not None:
            self._check_complete(strategy, np.isnan(probabilities[:, 0]))
        return probabilities

    def errors(self, strategy: str) -> list[str]:
        """Return the errors of the fits of a strategy.

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
        """Return one row per strategy: means with intervals, differences from the best, seconds.

        Returns
        -------
        frame : pandas.DataFrame
            Its index holds the names of the strategies. Beside each metric
            stand the ends of its 95% interval, ``"... low"`` and ``"... high"``.
        """
        pd = import_optional("pandas", purpose="to_frame")
        rows = {name: self._summary_row(name) for name in self.strategies}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("strategy")

    def folds_to_frame(self) -> Any:
        """Return one row per strategy and fold: scores, seconds, numbers of images, errors.

        Returns
        -------
        frame : pandas.DataFrame
        """
        pd = import_optional("pandas", purpose="folds_to_frame")
        return pd.DataFrame([self._fold_row(name, fold) for name, fold in self.results])

    @property
    def conclusion(self) -> str:
        """Which strategy scores highest, in a sentence."""
        if self._best is None:
            return f"No strategy has a score by {self.metric} in every fold: none is best."
        where = f"over {self._n_folds} folds" if self._n_folds > 1 else "in one fold"
        return f"{self.best} has the highest {self.metric}, {self.interval(self.best)} {where}."

    @property
    def reasons(self) -> list[str]:
        """Which strategies can be told from the best, and which cannot, in plain sentences."""
        others = [name for name in self.strategies if name != self._best]
        return [*map(self._sentence_on, others), *on_few_folds(self._n_folds)]

    def plot(self, *, axes: Any = None) -> StrategyComparisonDisplay:
        """Draw the score of each fold and the means with their intervals.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One per metric; by default a new figure.

        Returns
        -------
        display : StrategyComparisonDisplay
        """
        intervals = {
            metric: {name: self.interval(name, metric) for name in self.strategies}
            for metric in self.scoring
        }
        return StrategyComparisonDisplay(self.scores, intervals, self.ranges).plot(axes=axes)

    def __repr__(self) -> str:
        return (
            f"StrategyComparison(strategies={list(self.strategies)}, n_images={len(self.y)}, "
            f"n_folds={self._n_folds}, metric={self.metric!r})"
        )

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one file with conclusion, table, plots and the worst mistakes.

        Parameters
        ----------
        path : path
            No other file is needed to read it. It shows images of patients:
            mind who gets it.
        """
        images = ComparedImages(self.X, self.y, self.classes, self.groups, self.strategies)
        said = {name: self._out_of_fold(name) for name in self.strategies}
        body = [
            what_was_compared(images, self._n_folds),
            self._repr_html_(),
            picture(self.plot().figure_, "Scores of each fold, means and intervals"),
            *(part for name in said for part in strategy_section(images, said[name])),
            *(mistakes_section(images, said[self._best]) if self._best else []),
        ]
        Path(path).write_text(html_page("Comparison of strategies", body), encoding="utf-8")

    @property
    def _n_folds(self) -> int:
        return len(self.splits)

    def _table(self) -> TextTable:
        gap = [] if self._best is None else [f"minus {self._best}"]
        columns = ["strategy", *self.scoring, *gap, "fit [s]"]
        return TextTable(columns, [self._cells(name) for name in self.strategies])

    def _cells(self, name: str) -> list[str]:
        scores = [str(self.interval(name, metric)) for metric in self.scoring]
        seconds = self._fit_seconds(name)
        fit = "failed" if np.isnan(seconds) else f"{seconds:.1f}"
        if self._best is None:
            return [name, *scores, fit]
        gap = "" if name == self._best else f"{self.difference(name, self._best):+.3f}"
        return [name, *scores, gap, fit]

    def _summary_row(self, name: str) -> dict[str, float]:
        row: dict[str, float] = {}
        for metric in self.scoring:
            row |= self.interval(name, metric).named(metric)
        if self._best is not None:
            row |= self.difference(name, self._best).named(f"minus {self._best}")
        return {**row, "fit_seconds": self._fit_seconds(name), "n_failed": len(self.errors(name))}

    def _fit_seconds(self, name: str) -> float:
        """Return the median over the folds, NaN where all failed."""
        seconds = [outputs.fit_seconds for outputs, _ in self._outputs(name)]
        return float(np.median(seconds)) if seconds else np.nan

    def _sentence_on(self, name: str) -> str:
        """Return what can be said of a strategy that is not the best."""
        best = self._best
        if best is None or np.isnan(self.interval(name).estimate):
            cause = "failed" if self.errors(name) else f"has no score by {self.metric}"
            return f"{name} {cause} in some folds and is not compared."
        gap = self.difference(best, name)
        if np.isnan(gap.low):
            return f"One fold does not tell whether {best} is better than {name}."
        if gap.low > 0:
            return f"{best} is better than {name}, by {gap}."
        return f"{best} and {name} cannot be told apart: the difference is {gap:+.3f}."

    def _fold_row(self, name: str, fold: int) -> dict[str, Any]:
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
        """Return the outputs of a strategy, with their rows, in the folds where it did not fail."""
        by_fold = [(self.results[name, fold], test) for fold, (_, test) in enumerate(self.splits)]
        return [(result, test) for result, test in by_fold if isinstance(result, FoldOutputs)]

    def _out_of_fold(self, name: str) -> OutOfFold:
        codes, probabilities = self._codes(name), self._mean_probabilities(name)
        return OutOfFold(name, self.errors(name), codes, probabilities)

    def _codes(self, name: str) -> NDArray[np.intp]:
        """Return the predicted class of each image by position, -1 where no fold tests it."""
        codes = np.full(len(self.y), -1)
        for outputs, test in self._outputs(name):
            codes[test] = np.where(codes[test] < 0, outputs.predicted, codes[test])
        return codes

    def _mean_probabilities(self, name: str) -> NDArray[np.float64] | None:
        """Return the probabilities of all classes, NaN where no fold tests an image."""
        total = np.zeros((len(self.y), len(self.classes)))
        for outputs, test in self._outputs(name):
            if outputs.probabilities is None:
                return None
            total[np.ix_(test, outputs.known)] += outputs.probabilities
        sums = total.sum(axis=1, keepdims=True)
        return np.divide(total, sums, out=np.full(total.shape, np.nan), where=sums > 0)

    def _scores(self, scorer: Any, metric: str, name: str) -> NDArray[np.float64]:
        """Return the scores of a strategy, and warn once of the folds that have none."""
        scores, causes = np.full(self._n_folds, np.nan), {}
        for fold, (_, test) in enumerate(self.splits):
            result = self.results[name, fold]
            if isinstance(result, FitFailure):
                continue
            try:
                judged = FoldPredictions(result, self.classes)
                scores[fold] = scorer(judged, safe_indexing(self.X, test), self.y[test])
            except (ValueError, AttributeError) as exc:  # too few classes, or no probabilities
                causes[fold] = exc
        if causes:
            first, *others = causes
            more = f" and {len(others)} more" if others else ""
            warn(f"No score for {name!r} in fold {first}{more} by {metric}: {causes[first]}")
        return scores

    def _check_complete(self, strategy: str, missing: NDArray[np.bool_]) -> None:
        if missing.any():
            raise ValueError(
                f"{strategy!r} has no prediction for {missing.sum()} of {len(missing)} images: "
                "their folds failed, or cv= tests only some of them."
            )
