"""Recommend a strategy for a user's images, from one pass over two networks."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skdr._sklearn import safe_indexing
from skdr._stratified import stratified_folds
from skdr.estimators import FineTunedCNNClassifier, PretrainedFeatureExtractor
from skdr.model_selection._inputs import check_labelled_images, check_strategies
from skdr.model_selection._sampling import check_sampler, with_sampler
from skdr.model_selection._strategies import make_strategies
from skdr.model_selection.advice._advice import StrategyAdvice
from skdr.model_selection.advice._decision import COST_ORDER
from skdr.model_selection.advice._evidence import Evidence, measure
from skdr.model_selection.advice._probe import rescale_penalty
from skdr.model_selection.comparison._folds import Split, make_splits

_MIN_IMAGES = 4


def recommend_strategy(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    strategies: Mapping[str, Any] | None = None,
    cv: Any = 5,
    sampler: Any = None,
    max_images: int | None = 2000,
    random_state: int | None = None,
) -> StrategyAdvice:
    """Say which of the four strategies suits the data, how sure that is, and why.

    No network is trained. The images pass the frozen network of the strategies
    once, and once the same network with random weights; all else is measured
    on the features of their layers, which are kept for later fits.

    Frozen features and transfer are cross-validated: both amount to a linear
    model on stored features. The gain of fine-tuning over transfer, and that of
    end-to-end training over random features, are inferred from other data sets,
    as a share of the errors that are left, with the uncertainty seen there. The
    cheapest strategy within one standard error of the best is recommended [1]_.

    Parameters
    ----------
    X : array-like, DataFrame or sequence of n_samples images
        Images in any of the forms that the user guide lists.
    y : array-like of shape (n_samples,)
        Class labels.
    groups : array-like of shape (n_samples,), default=None
        Patients: images of one are never on both sides of a split.
    strategies : mapping of str to estimator, default=None
        The four as `make_strategies` returns them, where the network, its
        image size and preprocessing are chosen.
    cv : int, splitter, iterable of splits or None, default=5
        A number of folds stands for a shuffled `StratifiedGroupKFold`, or
        `StratifiedKFold` without `groups`; None is 5. Two or three folds say
        almost nothing about how scores vary.
    sampler : imbalanced-learn sampler, default=None
        Works inside the training folds only, on features.
    max_images : int or None, default=2000
        If there are more images, this many are drawn: whole patients, with the
        shares of the classes kept. Scores are then those at that size. None
        takes all; splits of your own in `cv` need all images.
    random_state : int, default=None
        Seed of the folds, the random weights and the default strategies.

    Returns
    -------
    advice : StrategyAdvice
        Recommendation, reasons, predicted scores, and the pipeline to fit.

    Raises
    ------
    ValueError
        If lengths differ, labels or patients are missing, a class has fewer
        than four images or than there are folds, or there is one fold.
    TypeError
        If `strategies` are not of the kinds that `make_strategies` returns, or
        `sampler` is not a sampler.

    See Also
    --------
    compare_strategies : Trains and cross-validates all of them, which decides.

    References
    ----------
    .. [1] L. Breiman et al., "Classification and Regression Trees", 1984,
       section 3.4.3: the one standard error rule.

    Examples
    --------
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.model_selection import make_strategies, recommend_strategy
    >>> data = make_fundus_images(60, image_size=32, random_state=0)
    >>> advice = recommend_strategy(
    ...     data.images, data.target, groups=data.groups, cv=3, random_state=0,
    ...     strategies=make_strategies(image_size=32, random_state=0),
    ... )
    >>> advice.to_frame().index.tolist()
    ['frozen_svm', 'transfer', 'fine_tune', 'scratch']
    >>> pipeline = advice.estimator
    """
    if strategies is None:
        strategies = make_strategies(random_state=random_state)
    _check_the_four(strategies)
    check_sampler(sampler)
    images, labels, patients = check_labelled_images(X, y, groups)
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    _check_counts(classes, counts)
    _check_max_images(max_images, cv, counts, classes)
    rows = _drawn(codes, patients, max_images, random_state)
    own_groups = None if patients is None else patients[rows]
    splits = _splits(cv, labels[rows], own_groups, len(labels), random_state)
    measured = measure(
        strategies,
        safe_indexing(images, rows),
        codes[rows],
        own_groups,
        splits,
        sampler,
        random_state,
    )
    evidence = Evidence(
        n_by_class=dict(zip(classes.tolist(), counts.tolist(), strict=True)),
        n_groups=None if patients is None else len(np.unique(patients)),
        **measured,
    )
    own = {name: clone(strategies[name]) for name in COST_ORDER}
    if evidence.best_layer != evidence.last:
        own["frozen_svm"] = _at_layer(own["frozen_svm"], evidence)
    return StrategyAdvice(evidence, {name: with_sampler(sampler, s, X) for name, s in own.items()})


def _at_layer(frozen: Pipeline, evidence: Evidence) -> Pipeline:
    """Return the pipeline on the layer with the best probe, with the penalty of that probe."""
    extractor = clone(frozen[0]).set_params(layer=evidence.best_layer)
    widths = evidence.widths
    classical = rescale_penalty(frozen[1:], widths[evidence.best_layer], widths[evidence.last])
    return Pipeline([(frozen.steps[0][0], extractor), *classical.steps])


def _check_counts(classes: NDArray[Any], counts: NDArray[np.intp]) -> None:
    if counts.min() < _MIN_IMAGES:
        rarest = counts.argmin()
        raise ValueError(
            f"Class {classes[rarest]!s} has {counts[rarest]} images; advice needs at least "
            f"{_MIN_IMAGES} of each class. Merge it with another, or leave it out."
        )


def _check_max_images(
    max_images: Any, cv: Any, counts: NDArray[np.intp], classes: NDArray[Any]
) -> None:
    """Raise an error if too few images of a class would be drawn."""
    if max_images is None:
        return
    if not isinstance(max_images, Integral) or max_images < 1:
        raise ValueError(f"max_images={max_images!r} must be a whole number from 1, or None.")
    needed = max(_MIN_IMAGES, int(cv) if isinstance(cv, Integral) else 0)
    n_images, rarest = int(counts.sum()), counts.argmin()
    n_parts, most_parts = _n_parts(n_images, int(max_images)), int(counts[rarest]) // needed
    if n_parts > most_parts > 0:
        raise ValueError(
            f"max_images={max_images} of {n_images} would draw fewer than {needed} images of class "
            f"{classes[rarest]!s}; set max_images={-(-n_images // most_parts)} or more, or None."
        )


def _check_the_four(strategies: Mapping[str, Any]) -> None:
    """Raise an error if strategies are not of the kinds that `make_strategies` returns."""
    check_strategies(strategies)
    missing = [name for name in COST_ORDER if name not in strategies]
    if missing:
        raise ValueError(
            f"strategies has no {', '.join(missing)}; advice is on the four of make_strategies. "
            "compare_strategies takes any."
        )
    frozen, transfer = strategies["frozen_svm"], strategies["transfer"]
    is_frozen = isinstance(frozen, Pipeline) and isinstance(frozen[0], PretrainedFeatureExtractor)
    if not (is_frozen and isinstance(transfer, FineTunedCNNClassifier)):
        raise TypeError(
            "strategies['frozen_svm'] must be a Pipeline that begins with a "
            "PretrainedFeatureExtractor, and strategies['transfer'] a FineTunedCNNClassifier, as "
            "make_strategies returns them; it takes the network, image size and preprocessing."
        )


def _splits(
    cv: Any,
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    n_given: int,
    random_state: int | None,
) -> list[Split]:
    if len(y) < n_given and not (isinstance(cv, Integral) or hasattr(cv, "split")):
        raise ValueError(
            f"cv= holds rows of all {n_given} images, of which {len(y)} were drawn; set "
            "max_images=None, or give a number of folds or a splitter as cv."
        )
    splits = make_splits(cv, y, groups, random_state)
    if len(splits) < 2:
        raise ValueError("cv= makes one fold, which says nothing of its error; give two or more.")
    return splits


def _drawn(
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    max_images: int | None,
    random_state: int | None,
) -> NDArray[np.intp]:
    """Return rows to measure on, whole groups in the shares of the classes."""
    if max_images is None or len(y) <= max_images:
        return np.arange(len(y))
    n_parts = _n_parts(len(y), max_images)
    parts = stratified_folds(n_parts, groups, random_state=random_state)
    return next(parts.split(y, y, groups))[1]


def _n_parts(n_images: int, max_images: int) -> int:
    """Return in how many parts images are split, for one of them to be small enough."""
    return -(-n_images // max_images)
