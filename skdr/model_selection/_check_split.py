"""A check that no patient and no image is on both sides of a split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length

from skdr._labels import check_groups, listed
from skdr._warnings import warn
from skdr.exceptions import LeakageWarning
from skdr.images import ImageForm, ImageSource


def check_split(
    X_train: Any,
    X_test: Any,
    *,
    groups_train: ArrayLike | None = None,
    groups_test: ArrayLike | None = None,
    image_column: str | None = None,
    image_shape: tuple[int, ...] | None = None,
) -> None:
    """Warn of a patient or an image on both sides of a split.

    Scores on such a split promise too much: a network may know a patient's
    eyes, or even the same photograph, from training. Images are the same if
    their files, or their pixels in memory, are the same byte for byte; copies
    that were resized or saved again are not found.

    Parameters
    ----------
    X_train, X_test : array-like, sequence or DataFrame
        Images in any form. Files are read, not decoded.
    groups_train, groups_test : array-like, default=None
        The patient of each image, where patients are known.
    image_column : str, default=None
    image_shape : tuple of int, default=None
        How images are found in X, see `PretrainedFeatureExtractor`.

    Warns
    -----
    skdr.exceptions.LeakageWarning
        If patients or images are on both sides, one warning for each. Turn it
        into an error with ``warnings.simplefilter("error", LeakageWarning)``.

    See Also
    --------
    balanced_train_test_split : A split with no patient on both sides.
    sklearn.model_selection.StratifiedGroupKFold : Folds with no patient in two.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from skdr.model_selection import check_split
    >>> images = np.arange(4 * 64).reshape(4, 8, 8)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     check_split(images[:3], images[2:])
    >>> print(caught[0].message)
    1 of 2 test images is a training image too: X_test[0] is X_train[2].
    """
    if (groups_train is None) != (groups_test is None):
        raise ValueError("Give both groups_train and groups_test, or neither.")
    form = ImageForm(image_shape, image_column)
    train, test = form.source(X_train), form.source(X_test)
    if groups_train is not None and groups_test is not None:
        check_consistent_length(train.indices, groups_train)
        check_consistent_length(test.indices, groups_test)
        if message := _shared_patients(groups_train, groups_test):
            warn(message, LeakageWarning)
    if message := _shared_images(train, test):
        warn(message, LeakageWarning)


def warn_of_shared_folds(
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    digests: Sequence[bytes] | None,
    patients: NDArray[Any] | None,
) -> None:
    """Warn of patients and of images on both sides of some folds.

    Parameters
    ----------
    splits : sequence of tuple of (training rows, test rows)
    digests : sequence of bytes or None
        The contents of each image, where X is known to hold images.
    patients : ndarray of shape (n_samples,) or None
    """
    for kind, values, cure in (
        ("patient", patients, "Split with groups, as cv=5 does."),
        ("image", digests, "Leave copies out, or give one group to all copies of an image."),
    ):
        if values is None:
            continue
        numbers: dict[Any, int] = {}
        own = np.array([numbers.setdefault(value, len(numbers)) for value in values])
        shared = [test[np.isin(own[test], own[train])] for train, test in splits]
        rows = np.unique(np.concatenate(shared))
        if len(rows):
            warn(
                f"{len(rows)} of {len(own)} images are tested by fits that were trained on the "
                f"same {kind}: X[{listed(rows.tolist())}]. Scores promise too much. {cure}",
                LeakageWarning,
            )


def _shared_patients(groups_train: ArrayLike, groups_test: ArrayLike) -> str:
    """Return a message on patients on both sides; empty if there are none."""
    train, test = check_groups(groups_train), check_groups(groups_test)
    shared = np.intersect1d(train, test).tolist()
    if not shared:
        return ""
    patients = f"{len(shared)} patient{'s are' if len(shared) > 1 else ' is'}"
    n_images = np.isin(test, shared).sum()
    return (
        f"{patients} on both sides of the split, with {n_images} of {len(test)} test images: "
        f"{listed(shared)}. Split with groups, as StratifiedGroupKFold and "
        "balanced_train_test_split do."
    )


def _shared_images(train: ImageSource, test: ImageSource) -> str:
    """Return a message on images on both sides; empty if there are none."""
    in_train: dict[bytes, int] = {}
    for i, digest in enumerate(train.digests()):
        in_train.setdefault(digest, i)
    shared = [
        f"X_test{test.describe(i)[1:]} is X_train{train.describe(in_train[digest])[1:]}"
        for i, digest in enumerate(test.digests())
        if digest in in_train
    ]
    if not shared:
        return ""
    verb = "are training images" if len(shared) > 1 else "is a training image"
    return f"{len(shared)} of {len(test)} test images {verb} too: {listed(shared)}."
