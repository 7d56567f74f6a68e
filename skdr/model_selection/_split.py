"""Splits with equally many images of each class and no patient on both sides."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import (
    Bounds,
    LinearConstraint,
    milp,
)
from sklearn.model_selection import BaseShuffleSplit
from sklearn.utils import check_consistent_length, check_random_state, check_scalar

from skdr._labels import check_groups, encode_labels
from skdr._sklearn import safe_indexing


class BalancedGroupSplit(BaseShuffleSplit):
    """Random splits with equally many images of each class, no patient on both sides.

    Patients are drawn for the test side, evenly over patients with the same
    grades, so that both sides hold the same mixture of them; if a side then has
    too few images of a class, an integer linear program moves as few patients
    as possible. So a split is found whenever one exists. Finally, images are
    drawn from the patients of each side; the others are left out.

    Test scores on classes of equal size say little about patients of whom most
    are healthy: report scores on natural shares too, for instance by
    `sklearn.model_selection.StratifiedGroupKFold`, which leaves no image out
    and keeps the natural shares of the classes.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits, drawn independently of one another.
    train_per_class : int, default=150
        Number of training images of each class.
    test_per_class : int, default=40
        Number of test images of each class.
    random_state : int, RandomState instance or None, default=None

    See Also
    --------
    balanced_train_test_split : One such split of images and labels.
    sklearn.model_selection.StratifiedGroupKFold : Folds with natural shares.

    Examples
    --------
    >>> import numpy as np
    >>> from skdr.model_selection import BalancedGroupSplit
    >>> grades = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    >>> patients = np.array(["a", "a", "b", "b", "c", "c", "d", "d"])
    >>> splitter = BalancedGroupSplit(1, train_per_class=2, test_per_class=1, random_state=0)
    >>> train, test = next(splitter.split(grades, grades, patients))
    >>> sorted(grades[train].tolist()), sorted(grades[test].tolist())
    ([0, 0, 1, 1], [0, 1])
    >>> set(patients[train]) & set(patients[test])
    set()
    """

    __metadata_request__split = {"groups": True}

    def __init__(
        self,
        n_splits: int = 5,
        *,
        train_per_class: int = 150,
        test_per_class: int = 40,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_splits = n_splits
        self.train_per_class = train_per_class
        self.test_per_class = test_per_class
        self.random_state = random_state

    def split(
        self, X: Any, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Generate the positions of training and test images.

        Parameters
        ----------
        X : array-like, sequence or DataFrame of length n_samples
            The images; only their number counts.
        y : array-like of shape (n_samples,)
            The class of each image.
        groups : array-like of shape (n_samples,), default=None
            The patient of each image. By default each image counts as
            a patient.

        Yields
        ------
        train : ndarray of shape (n_classes * train_per_class,)
            Positions in random order.
        test : ndarray of shape (n_classes * test_per_class,)

        Raises
        ------
        ValueError
            If there is no such split; the message says how many images of each
            class are possible.
        """
        for name in ("n_splits", "train_per_class", "test_per_class"):
            check_scalar(getattr(self, name), name, Integral, min_val=1)
        check_consistent_length(X, y, groups)
        classes, labels = encode_labels(y)
        patients = np.arange(len(labels))
        if groups is not None:
            patients = np.unique(check_groups(groups), return_inverse=True)[1]
        counts = np.zeros((patients.max() + 1, len(classes)), dtype=int)
        np.add.at(counts, (patients, labels), 1)
        rng = check_random_state(self.random_state)
        sizes = (self.train_per_class, self.test_per_class)
        for _ in range(self.n_splits):
            in_test = _draw_test_patients(counts, *sizes, rng)
            _check_sizes(counts, in_test, sizes, classes)
            sides = (~in_test[patients], in_test[patients])
            train, test = (
                _draw_per_class(labels, side, size, rng)
                for side, size in zip(sides, sizes, strict=True)
            )
            yield train, test


def balanced_train_test_split(
    X: Any,
    y: Any,
    *arrays: Any,
    train_per_class: int = 150,
    test_per_class: int = 40,
    groups: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> list[Any]:
    """Draw training and test images, equally many of each class, no patient on both sides.

    See `BalancedGroupSplit` for the method, and for what scores on classes of
    equal size do not say.

    Parameters
    ----------
    X : array-like, sequence or DataFrame of length n_samples
        Images in any form.
    y : array-like of shape (n_samples,)
        The class of each image.
    *arrays : array-likes of length n_samples
        What else is to be split, such as the groups.
    train_per_class : int, default=150
        Number of training images of each class.
    test_per_class : int, default=40
        Number of test images of each class.
    groups : array-like of shape (n_samples,), default=None
        The patient of each image. By default each image counts as a
        patient.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    splitting : list
        ``[X_train, X_test, y_train, y_test]`` and two more of each of
        `arrays`, in random order, of the types that were given.

    Raises
    ------
    ValueError
        If there is no such split; the message says how many images of each
        class are possible.

    See Also
    --------
    check_split : Warn of patients or images on both sides.
    sklearn.model_selection.StratifiedGroupKFold : Folds with natural shares.

    Examples
    --------
    >>> from skdr.datasets import make_fundus_images
    >>> from skdr.model_selection import balanced_train_test_split
    >>> data = make_fundus_images(80, image_size=16, random_state=0)
    >>> X_train, X_test, y_train, y_test = balanced_train_test_split(
    ...     data.images,
    ...     data.target,
    ...     train_per_class=4,
    ...     test_per_class=2,
    ...     groups=data.groups,
    ...     random_state=0,
    ... )
    >>> X_train.shape, sorted(y_test.tolist())
    ((20, 16, 16, 3), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    """
    check_consistent_length(X, y, *arrays)
    splitter = BalancedGroupSplit(
        1,
        train_per_class=train_per_class,
        test_per_class=test_per_class,
        random_state=random_state,
    )
    sides = next(splitter.split(X, y, groups))
    return [safe_indexing(array, side) for array in (X, y, *arrays) for side in sides]


def _draw_test_patients(
    counts: NDArray[np.intp], n_train: int, n_test: int, rng: np.random.RandomState
) -> NDArray[np.bool_]:
    """Return which patients go to the test side.

    `counts`, of shape (n_patients, n_classes), has the number of images.
    Patients with the same counts are of one kind; of each kind the same share
    is drawn.
    """
    kinds, kind, n_of_kind = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    share = n_test / (n_train + n_test)
    n_drawn = np.floor(n_of_kind * share + rng.uniform(size=len(kinds))).astype(int)
    n_drawn = _move_fewest(kinds, n_of_kind, n_drawn, n_train, n_test)
    shuffled = rng.permutation(len(counts))
    by_kind = shuffled[np.argsort(kind.ravel()[shuffled], kind="stable")]
    in_test = np.zeros(len(counts), dtype=bool)
    for members, n in zip(np.split(by_kind, np.cumsum(n_of_kind)[:-1]), n_drawn, strict=True):
        in_test[members[:n]] = True
    return in_test


def _move_fewest(
    kinds: NDArray[np.intp],
    n_of_kind: NDArray[np.intp],
    n_drawn: NDArray[np.intp],
    n_train: int,
    n_test: int,
) -> NDArray[np.intp]:
    """Move the fewest patients for which each class has enough images on both sides.

    Where that is impossible, as few images as possible are missing.
    """
    in_test = n_drawn @ kinds
    missing = np.concatenate([n_test - in_test, n_train - (n_of_kind @ kinds - in_test)])
    if (missing <= 0).all():
        return n_drawn
    # The unknowns: patients of each kind who move to the test side, who move
    # from it, and images of each class that stay missing, in test and training.
    n_moves, n_missing = 2 * len(kinds), len(missing)
    gain = np.hstack([kinds.T, -kinds.T])
    penalty = n_of_kind.sum() + 1  # more than all moves together
    program = milp(
        np.repeat([1, penalty], [n_moves, n_missing]),
        integrality=np.repeat([1, 0], [n_moves, n_missing]),
        bounds=Bounds(0, np.concatenate([n_of_kind - n_drawn, n_drawn, [np.inf] * n_missing])),
        constraints=LinearConstraint(
            np.hstack([np.vstack([gain, -gain]), np.eye(n_missing)]), missing, np.inf
        ),
        options={"mip_rel_gap": 0},
    )
    to_test, to_train = np.rint(program.x[:n_moves]).astype(int).reshape(2, -1)
    return n_drawn + to_test - to_train


def _check_sizes(
    counts: NDArray[np.intp],
    in_test: NDArray[np.bool_],
    sizes: tuple[int, int],
    classes: NDArray[Any],
) -> None:
    had = np.stack([counts[~in_test].sum(axis=0), counts[in_test].sum(axis=0)], axis=1)
    short = np.flatnonzero((had < sizes).any(axis=1))
    if len(short):
        listed = "; ".join(
            f"of class {classes[i]}, {min(had[i, 0], sizes[0])} to train and "
            f"{min(had[i, 1], sizes[1])} to test ({counts[:, i].sum()} images of "
            f"{np.count_nonzero(counts[:, i])} patient(s))"
            for i in short
        )
        raise ValueError(
            f"Cannot draw train_per_class={sizes[0]} and test_per_class={sizes[1]} images with "
            f"no patient on both sides. What could be had at best: {listed}. Ask for fewer."
        )


def _draw_per_class(
    labels: NDArray[np.intp], side: NDArray[np.bool_], size: int, rng: np.random.RandomState
) -> NDArray[np.intp]:
    rows = rng.permutation(np.flatnonzero(side))
    drawn = [rows[labels[rows] == label][:size] for label in np.unique(labels)]
    return rng.permutation(np.concatenate(drawn))
