"""Folds: split, fit one strategy on one of them, keep its outputs for the images left out."""

import json
import os
import time
import traceback
import uuid
import zipfile
from collections.abc import Iterable, Sized
from dataclasses import asdict, dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import check_cv
from sklearn.utils.metaestimators import available_if

from skdr._sklearn import safe_indexing
from skdr._stratified import stratified_folds
from skdr._warnings import warn

Split: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
_DEFAULT_FOLDS = 5


def make_splits(
    cv: Any, y: NDArray[Any], groups: NDArray[Any] | None, random_state: int | None
) -> list[Split]:
    """Return the training and test rows of each fold.

    Parameters
    ----------
    cv : int, splitter or iterable of splits
        A number stands for shuffled, stratified folds that keep groups together.
    y : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,) or None
    random_state : int or None

    Returns
    -------
    splits : list of tuple of (training rows, test rows)

    Raises
    ------
    ValueError
        If there are more folds than patients or images of a class, or a split
        names no rows, or rows that do not exist.
    """
    cv = _DEFAULT_FOLDS if cv is None else cv
    if isinstance(cv, Integral):
        _check_n_folds(int(cv), y, groups)
        cv = stratified_folds(int(cv), groups, random_state=random_state)
    elif isinstance(cv, Iterable) and not hasattr(cv, "split"):
        cv = _checked_pairs(cv)
    splitter = check_cv(cv, y, classifier=True)
    return [
        (_rows(train, len(y), "trains"), _rows(test, len(y), "tests"))
        for train, test in splitter.split(np.zeros(len(y)), y, groups)
    ]


def _check_n_folds(n_folds: int, y: NDArray[Any], groups: NDArray[Any] | None) -> None:
    """Raise an error if there are too few images or patients for so many folds."""
    if n_folds < 2:
        raise ValueError(f"cv={n_folds} leaves nothing to train on; set cv=2 or more.")
    classes, counts = np.unique(y, return_counts=True)
    rarest, n_images = classes[counts.argmin()].item(), int(counts.min())
    if n_images < n_folds:
        fewer = f"Set cv={n_images}, merge the class" if n_images > 1 else "Merge the class"
        raise ValueError(
            f"cv={n_folds} makes more folds than class {rarest!r} has images, {n_images}. {fewer} "
            "with another, or leave it out."
        )
    n_groups = n_folds if groups is None else len(np.unique(groups))
    if n_groups < n_folds:
        raise ValueError(
            f"cv={n_folds} makes more folds than groups has patients, {n_groups}: each patient is "
            "tested in one fold. Set a smaller cv, or check that groups names patients."
        )


def _checked_pairs(cv: Iterable[Any]) -> list[Any]:
    """Return splits that are given as rows, after checking that each has two sides."""
    splits = list(cv)
    if not splits:
        raise ValueError("cv= holds no splits; give a number of folds, such as cv=5.")
    for split in splits:
        if not isinstance(split, Sized) or len(split) != 2:
            raise ValueError(
                "cv= must hold pairs of training and test rows, but holds a "
                f"{type(split).__name__} that is no pair."
            )
    return splits


def _rows(rows: Any, n_images: int, use: str) -> NDArray[np.intp]:
    """Return the rows of one side of a split as positions."""
    given = np.asarray(rows)
    if given.dtype == bool and given.shape == (n_images,):
        return np.flatnonzero(given)
    if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
        raise ValueError(
            f"cv= has a split that {use} on {rows!r}; each side of a split must be an array of "
            "positions in X, and not empty."
        )
    if given.max() >= n_images or given.min() < -n_images:
        outside = given.max() if given.max() >= n_images else given.min()
        raise ValueError(f"cv= has a split that {use} on X[{outside}], and X has {n_images} rows.")
    return given % n_images


@dataclass(frozen=True)
class FoldOutputs:
    """The outputs of a strategy, fitted on one side of a split, for the images of the other.

    Attributes
    ----------
    predicted : ndarray of shape (n_test,)
        Positions of the predicted classes in `classes`.
    probabilities : ndarray of shape (n_test, n_known) or None
        As ``predict_proba`` returns them; None where there is no such method.
    decisions : ndarray of shape (n_test, n_known) or (n_test,), or None
        As ``decision_function`` returns them.
    known : ndarray of shape (n_known,)
        Positions, among all classes, of the classes of the training images.
    fit_seconds, predict_seconds : float
    """

    predicted: NDArray[np.intp]
    probabilities: NDArray[np.floating] | None
    decisions: NDArray[np.floating] | None
    known: NDArray[np.intp]
    fit_seconds: float
    predict_seconds: float


@dataclass(frozen=True)
class FitFailure:
    """Why there are no outputs.

    Attributes
    ----------
    error : str
        Type and message of the exception.
    details : str
        Its traceback.
    """

    error: str
    details: str


class FoldPredictions(ClassifierMixin, BaseEstimator):
    """Stands in for the fitted strategy where scorers want it, and computes nothing anew.

    Parameters
    ----------
    outputs : FoldOutputs
    classes : ndarray of shape (n_classes,)
        All class labels, sorted.
    """

    def __init__(self, outputs: FoldOutputs, classes: NDArray[Any]):
        self.outputs = outputs
        self.classes = classes
        self.classes_ = classes[outputs.known]

    def predict(self, X: Any) -> NDArray[Any]:
        return self.classes[self.outputs.predicted]

    @available_if(lambda self: self.outputs.probabilities is not None)
    def predict_proba(self, X: Any) -> Any:
        return self.outputs.probabilities

    @available_if(lambda self: self.outputs.decisions is not None)
    def decision_function(self, X: Any) -> Any:
        return self.outputs.decisions

    def __sklearn_is_fitted__(self) -> bool:
        return True


def fit_fold(
    strategy: Any,
    X: Any,
    y: NDArray[np.intp],
    classes: NDArray[Any],
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> FoldOutputs | FitFailure:
    """Fit a clone of a strategy on one side of a split, and predict the other.

    Parameters
    ----------
    strategy : estimator
    X : array or DataFrame
    y : ndarray of shape (n_samples,)
        Positions of the labels in `classes`.
    classes : ndarray of shape (n_classes,)
        All class labels, sorted.
    split : tuple of (training rows, test rows)

    Returns
    -------
    outputs : FoldOutputs or FitFailure
        A failure if an exception, other than an interruption, ended the fit.
    """
    train, test = split
    try:
        start = time.perf_counter()
        fitted = clone(strategy).fit(safe_indexing(X, train), classes[y[train]])
        fitted_at = time.perf_counter()
        images = safe_indexing(X, test)
        predicted = _positions(fitted.predict(images), classes)
        outputs = {
            name: np.asarray(getattr(fitted, method)(images)) if hasattr(fitted, method) else None
            for name, method in (
                ("probabilities", "predict_proba"),
                ("decisions", "decision_function"),
            )
        }
        return FoldOutputs(
            predicted=predicted,
            known=_positions(fitted.classes_, classes),
            fit_seconds=fitted_at - start,
            predict_seconds=time.perf_counter() - fitted_at,
            **outputs,
        )
    except Exception as exc:
        return FitFailure(f"{type(exc).__name__}: {exc}", traceback.format_exc())


def _positions(labels: Any, classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the positions of labels in the sorted classes."""
    labels = np.asarray(labels)
    positions = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    strange = labels[classes[positions] != labels]
    if len(strange):
        raise ValueError(f"predicted {strange.tolist()[0]!r}, which is none of {classes.tolist()}")
    return positions


class FoldStore:
    """Finished folds in a folder, one file each; nothing in it is ever unpickled.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"folder={str(folder)!r} is a file; give a folder.")
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> FoldOutputs | None:
        """Return the outputs of a fold, or None where they are missing or damaged."""
        file = self.folder / f"{key}.npz"
        if not file.exists():
            return None
        try:
            with np.load(file, allow_pickle=False) as arrays:
                seconds = json.loads(str(arrays["seconds"]))
                held = {name: arrays[name] for name in arrays.files if name != "seconds"}
            return FoldOutputs(**{"probabilities": None, "decisions": None, **held, **seconds})
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as exc:
            warn(f"{file} is damaged ({exc}); the fit is done again.")
            return None

    def put(self, key: str, outputs: FoldOutputs) -> None:
        """Write the outputs of a fold completely or, with a warning, not at all."""
        values = {name: value for name, value in asdict(outputs).items() if value is not None}
        seconds = {name: values.pop(name) for name in ("fit_seconds", "predict_seconds")}
        part = self.folder / f"{key}.{uuid.uuid4().hex}.part"  # a name that no other process uses
        try:
            with part.open("wb") as file:
                np.savez(file, seconds=json.dumps(seconds), **values)
            part.replace(self.folder / f"{key}.npz")
        except OSError as exc:  # a full disk must not end the comparison
            part.unlink(missing_ok=True)
            warn(
                f"A fit is not kept in {str(self.folder)!r}: {exc}. It counts in this comparison, "
                f"and another call would do it again."
            )
