"""Cheap classifiers on features, cross-validated on the folds that strategies would get."""

from typing import Any

import numpy as np
from imblearn.pipeline import make_pipeline
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from skdr._stratified import stratified_folds
from skdr.estimators import FineTunedCNNClassifier, head_penalty
from skdr.model_selection.comparison._folds import Split
from skdr.preprocessing import DampedScaler

# Parts of the training images that make the learning curve: a quarter, a half, all.
_N_PARTS = 4
_SHARES = (1, 2, 4)


def head_probe(classifier: FineTunedCNNClassifier) -> Any:
    """Return the logistic regression that the head phase of a classifier amounts to."""
    head = LogisticRegression(
        C=head_penalty(classifier), class_weight=classifier.class_weight, max_iter=300, tol=1e-3
    )
    return make_pipeline(DampedScaler(), head)


def rescale_penalty(classical: Any, n_features: int, reference: int) -> Any:
    """Return a linear model with the same regularisation on another number of features.

    Standardised vectors grow with the number of features: with a penalty that
    suits a thousand features, a model on twenty learns nothing.

    Parameters
    ----------
    classical : Pipeline
        What follows the extractor; its last step may have a `C`.
    n_features, reference : int
        The number of features now, and the one that its `C` was chosen for.

    Returns
    -------
    model : Pipeline
    """
    model = clone(classical)
    parameters = model.steps[-1][1].get_params()
    if "C" in parameters and parameters.get("kernel", "linear") == "linear":
        model.steps[-1][1].set_params(C=parameters["C"] * reference / n_features)
    return model


def probe_scores(
    probe: Any, features: NDArray[np.float32], y: NDArray[np.intp], splits: list[Split]
) -> NDArray[np.float64]:
    """Return the balanced accuracy of a probe in each fold.

    Parameters
    ----------
    probe : estimator
        On features; fitted as clones.
    features : ndarray of shape (n_images, n_features)
    y : ndarray of shape (n_images,)
    splits : list of tuple of (training rows, test rows)

    Returns
    -------
    scores : ndarray of shape (n_folds,)
    """
    return np.array([_fold_score(probe, features, y, train, test) for train, test in splits])


def learning_curve(
    probe: Any,
    features: NDArray[np.float32],
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    splits: list[Split],
    random_state: int | None,
) -> dict[int, NDArray[np.float64]]:
    """Return the scores of a probe on growing parts of the training images of each fold.

    Parameters
    ----------
    probe, features, y, splits
        See `probe_scores`.
    groups : ndarray of shape (n_images,) or None
        Images of one group are taken or left out together.
    random_state : int or None

    Returns
    -------
    scores : dict of int to ndarray of shape (n_folds,)
        By the mean number of training images.
    """
    parts = [_parts(train, y, groups, random_state) for train, _ in splits]
    curve = {}
    for share in _SHARES:
        shortened = [
            (np.concatenate(own[:share]), test)
            for own, (_, test) in zip(parts, splits, strict=True)
        ]
        n_train = round(float(np.mean([len(train) for train, _ in shortened])))
        curve[n_train] = probe_scores(probe, features, y, shortened)
    return curve


def doubling_gains(curve: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what twice the training images bring in each fold: the slope of its curve."""
    doublings, scores = np.log2(np.array(list(curve))), np.array(list(curve.values()))
    if len(curve) < 2:
        return np.full(scores.shape[1], np.nan)
    centred = doublings - doublings.mean()
    return centred @ scores / np.sum(np.square(centred))


def _fold_score(
    probe: Any,
    features: NDArray[np.float32],
    y: NDArray[np.intp],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> float:
    known = np.unique(y[train])
    if len(known) == 1:  # a small part of few patients may hold one class only
        predicted = np.full(len(test), known[0])
    else:
        predicted = clone(probe).fit(features[train], y[train]).predict(features[test])
    # The mean recall of the classes in the test images; the others do not count.
    return float(recall_score(y[test], predicted, labels=np.unique(y[test]), average="macro"))


def _parts(
    train: NDArray[np.intp],
    y: NDArray[np.intp],
    groups: NDArray[Any] | None,
    random_state: int | None,
) -> list[NDArray[np.intp]]:
    """Split training rows into parts that are alike and share no group."""
    counts = np.bincount(y[train])
    n_parts = min(_N_PARTS, int(counts[counts > 0].min()))
    if n_parts < 2:
        return [train]
    splitter = stratified_folds(n_parts, groups, random_state=random_state)
    own_groups = None if groups is None else groups[train]
    return [train[part] for _, part in splitter.split(train, y[train], own_groups)]
