"""Compare strategies on the same folds."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from difflib import get_close_matches
from functools import cached_property
from typing import Any, TypeAlias

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import check_scoring, get_scorer_names

from skdr._fingerprint import code_fingerprint
from skdr._grades import are_grades
from skdr._progress import ProgressBar
from skdr._warnings import warn
from skdr.images import ImageForm
from skdr.metrics import (
    GradingScorer,
    grade_recalls_scorer,
    quadratic_weighted_kappa_scorer,
    referable_roc_auc_scorer,
)
from skdr.model_selection._check_split import warn_of_shared_folds
from skdr.model_selection._inputs import (
    check_labelled_images,
    check_strategies,
    image_columns,
    image_form,
    images_in,
)
from skdr.model_selection._sampling import check_sampler, with_sampler
from skdr.model_selection._strategies import make_strategies
from skdr.model_selection.comparison._comparison import StrategyComparison
from skdr.model_selection.comparison._folds import (
    FitFailure,
    FoldOutputs,
    FoldStore,
    Split,
    fit_fold,
    make_splits,
)

Job: TypeAlias = tuple[str, int]
# What joblib raises when a process dies: one of its own, or a worker of dask with its data.
_PROCESS_DIED = (BrokenExecutor, CancelledError)
_MAX_IN_VAIN = 3


def compare_strategies(
    X: Any,
    y: ArrayLike,
    *,
    strategies: Mapping[str, Any] | None = None,
    groups: ArrayLike | None = None,
    cv: Any = 5,
    scoring: Mapping[str, Any] | Sequence[str] | str | None = None,
    sampler: Any = None,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    random_state: int | None = None,
    verbose: int = 0,
) -> StrategyComparison:
    """Cross-validate strategies on the same folds, and say which can be told apart.

    Each strategy is fitted once per fold. Its predictions and probabilities for
    the images that it did not see are kept, and all scores are computed from
    them. A strategy that fails does not end the others. If a process dies, its
    fits are done again; if that happens three times in a row without a finished
    fit, its error is raised.

    Parameters
    ----------
    X : array-like, DataFrame or sequence of n_samples images
        Images in any of the forms that the user guide lists.
    y : array-like of shape (n_samples,)
        Class labels.
    strategies : mapping of str to estimator, default=None
        What to compare; by default `make_strategies`.
    groups : array-like of shape (n_samples,), default=None
        Patients: images of one are never on both sides of a split.
    cv : int, splitter, iterable of splits or None, default=5
        A number of folds stands for a shuffled `StratifiedGroupKFold`, or
        `StratifiedKFold` without `groups`; None is 5. Two or three folds say
        almost nothing about how scores vary.
    scoring : str, list of str, mapping of str to scorer, or None, default=None
        Metrics, as scikit-learn takes them; the first decides which strategy
        is best, and higher must be better. By default balanced accuracy and,
        on the grades 0-4, quadratic weighted kappa and the AUC of referable
        disease.
    sampler : imbalanced-learn sampler, default=None
        Works inside the training folds only.
    folder : path, default=None
        Where finished fits are written. The same call with the same images
        goes on from there: after an interruption finished fits are not done
        again. It holds predictions, but no images.
    n_jobs : int, default=None
        Fits at a time, as in joblib. Networks use all cores themselves; with
        more than one job give the strategies a cache folder.
    random_state : int, default=None
        Seed of the folds, and of the default strategies.
    verbose : int, default=0
        1 shows a bar of the fits.

    Returns
    -------
    comparison : StrategyComparison
        The best strategy, a conclusion with reasons, tables, plots, predictions.

    Raises
    ------
    ValueError
        If lengths differ, labels or patients are missing, there is nothing to
        compare, there are more folds than images of a class, or a metric is
        not known.
    TypeError
        If a strategy is not an estimator, or `sampler` is not a sampler.
    RuntimeError
        If every fit of every strategy failed; the first error is shown.

    Warns
    -----
    skdr.exceptions.LeakageWarning
        If an image, or a patient in `groups`, is on both sides of a fold.

    See Also
    --------
    make_strategies : The four ways to use a ConvNet.
    sklearn.model_selection.cross_validate : The same for one estimator.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdr import PretrainedFeatureExtractor
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.model_selection import compare_strategies
    >>> data = make_fundus_images(60, image_size=32, random_state=0)
    >>> strategies = {
    ...     layer: make_pipeline(
    ...         PretrainedFeatureExtractor(layer=layer, image_size=32), LogisticRegression(C=0.01)
    ...     )
    ...     for layer in ("block3", "last")
    ... }
    >>> comparison = compare_strategies(
    ...     data.images, data.target, groups=data.groups, strategies=strategies, cv=2,
    ...     scoring="accuracy", random_state=0,
    ... )
    >>> comparison.to_frame()[["accuracy", "n_failed"]].shape
    (2, 2)
    """
    if strategies is None:
        strategies = make_strategies(random_state=random_state)
    check_strategies(strategies)
    check_sampler(sampler)
    rows, labels, patients = check_labelled_images(X, y, groups)
    scorers = _scorers(scoring, next(iter(strategies.values())), np.unique(labels))
    fits = _Fits(
        {name: with_sampler(sampler, strategy, rows) for name, strategy in strategies.items()},
        rows,
        labels,
        make_splits(cv, labels, patients, random_state),
        None if folder is None else FoldStore(folder),
    )
    warn_of_shared_folds(fits.splits, fits.digests, patients)
    results = fits.run(n_jobs, verbose)
    _tell_failures(results)
    own = {name: with_sampler(sampler, strategy, X) for name, strategy in strategies.items()}
    return StrategyComparison(own, rows, labels, patients, fits.splits, scorers, results)


class _Fits:
    """Every strategy on every fold.

    Parameters
    ----------
    strategies : mapping of str to estimator
    X : array or DataFrame
    y : ndarray of shape (n_samples,)
    splits : list of tuple of (training rows, test rows)
    store : FoldStore or None
    """

    def __init__(
        self,
        strategies: Mapping[str, Any],
        X: Any,
        y: NDArray[Any],
        splits: list[Split],
        store: FoldStore | None,
    ):
        self.strategies, self.X, self.splits, self.store = strategies, X, splits, store
        self.classes, self.codes = np.unique(y, return_inverse=True)
        self.jobs = [(name, fold) for name in strategies for fold in range(len(splits))]

    @cached_property
    def digests(self) -> list[bytes] | None:
        """A digest of each image; None where no strategy says which column holds images."""
        source = images_in(self.X, self.strategies)
        return None if source is None else source.digests()

    def run(self, n_jobs: int | None, verbose: int) -> dict[Job, FoldOutputs | FitFailure]:
        """Return the outputs of all fits; those that are finished are not computed again."""
        keys = {} if self.store is None else self._keys()
        found = {job: self.store.get(key) for job, key in keys.items()} if self.store else {}
        results: dict[Job, FoldOutputs | FitFailure] = {
            job: outputs for job, outputs in found.items() if outputs is not None
        }
        bar = ProgressBar(len(self.jobs), "fit", verbose)
        bar.add(len(results))
        for job, outputs in self._compute([j for j in self.jobs if j not in results], n_jobs):
            results[job] = outputs
            if self.store and job in keys and isinstance(outputs, FoldOutputs):
                self.store.put(keys[job], outputs)
            bar.add(1)
        return {job: results[job] for job in self.jobs}

    def _compute(
        self, jobs: list[Job], n_jobs: int | None
    ) -> Iterator[tuple[Job, FoldOutputs | FitFailure]]:
        """Yield each fit as it ends; fits lost with a process that dies are done again."""
        to_do, n_in_vain = dict.fromkeys(jobs), 0
        while to_do:
            try:
                for job, outputs in self._in_parallel(list(to_do), n_jobs):
                    del to_do[job]
                    n_in_vain = 0
                    yield job, outputs
            except _PROCESS_DIED as exc:  # noqa: PERF203
                n_in_vain += 1
                if n_in_vain == _MAX_IN_VAIN:
                    raise
                warn(
                    f"A process died, perhaps of memory ({type(exc).__name__}); "
                    f"{len(to_do)} fits that were not finished are done again."
                )

    def _in_parallel(
        self, jobs: list[Job], n_jobs: int | None
    ) -> Iterator[tuple[Job, FoldOutputs | FitFailure]]:
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        data = (self.X, self.codes, self.classes)
        yield from parallel(
            joblib.delayed(_fit_job)((name, fold), self.strategies[name], *data, self.splits[fold])
            for name, fold in jobs
        )

    def _contents(self) -> Any:
        """Return a value that is equal only for the same X: images by digest, all else as it is."""
        if self.digests is None:
            return self.X
        form = image_form(self.strategies)
        if form is None or form.image_column is None or not hasattr(self.X, "columns"):
            return self.digests
        images = image_columns(self.strategies)
        others = {
            str(name): ImageForm(image_column=name).source(self.X).digests()
            if name in images
            else self.X[name].to_list()
            for name in self.X.columns
            if name != form.image_column
        }
        return [self.digests, others]

    def _keys(self) -> dict[Job, str]:
        """Return names for fits, equal only for the same strategy, images, labels and split."""
        data = joblib.hash([self._contents(), self.codes, self.classes.tolist()])
        keys = {}
        for name, strategy in self.strategies.items():
            try:
                code = code_fingerprint(strategy)
            except TypeError as exc:
                warn(
                    f"Fits of {name!r} are not kept in the folder, because skdr cannot tell "
                    f"whether it is the same strategy the next time: {exc}."
                )
                continue
            for fold, split in enumerate(self.splits):
                parts = f"{code} {data} {joblib.hash([np.asarray(rows) for rows in split])}"
                keys[name, fold] = hashlib.sha256(parts.encode()).hexdigest()[:40]
        return keys


def _fit_job(job: Job, *args: Any) -> tuple[Job, FoldOutputs | FitFailure]:
    return job, fit_fold(*args)


def _scorers(scoring: Any, strategy: Any, classes: NDArray[Any]) -> dict[str, Any]:
    """Return scorers by the name of their metric, all of them checked."""
    if scoring is None:
        scorers: dict[str, Any] = {"balanced accuracy": "balanced_accuracy"}
        if are_grades(classes):
            scorers["quadratic kappa"] = quadratic_weighted_kappa_scorer
            scorers["referable AUC"] = referable_roc_auc_scorer
    elif isinstance(scoring, str):
        scorers = {scoring: scoring}
    elif isinstance(scoring, Mapping):
        scorers = dict(scoring)
    elif isinstance(scoring, Sequence) and all(isinstance(name, str) for name in scoring):
        scorers = {name: name for name in scoring}
    else:
        raise TypeError(
            f"scoring={scoring!r} must be the name of a metric, a list of names, or a mapping of "
            'names to scorers, such as {"kappa": quadratic_weighted_kappa_scorer}.'
        )
    if not scorers:
        raise ValueError("scoring is empty; name a metric.")
    return {name: _scorer(scorer, strategy) for name, scorer in scorers.items()}


def _scorer(scorer: Any, strategy: Any) -> Any:
    if isinstance(scorer, str) and scorer not in get_scorer_names():
        close = get_close_matches(scorer, get_scorer_names(), n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"scoring={scorer!r} is no metric of scikit-learn. {hint}See "
            "sklearn.metrics.get_scorer_names()."
        )
    if isinstance(scorer, GradingScorer) or scorer is grade_recalls_scorer:
        raise ValueError(
            f"scoring={scorer!r} returns several scores, and each metric needs one; give scorers "
            "of one metric, such as quadratic_weighted_kappa_scorer."
        )
    return check_scoring(strategy, scoring=scorer)


def _tell_failures(results: Mapping[Job, FoldOutputs | FitFailure]) -> None:
    failed = {job: r for job, r in results.items() if isinstance(r, FitFailure)}
    if not failed:
        return
    first = next(iter(failed.values()))
    if len(failed) == len(results):
        raise RuntimeError(f"Every fit failed, the first with:\n{first.details}")
    names = list(dict.fromkeys(name for name, _ in failed))
    warn(
        f"{len(failed)} of {len(results)} fits failed ({', '.join(names)}), the first with "
        f"{first.error}. Their scores are NaN; folds_to_frame() has all errors."
    )
