"""MedMNIST: small medical images in one file, such as RetinaMNIST."""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skdr._grades import GRADE_NAMES
from skdr.datasets._files import on_disk
from skdr.datasets._tables import chosen_subsets, make_bunch

_DESCR = """\
MedMNIST ({name})
Medical images of one small size. There are no patient ids. RetinaMNIST: 1,080
images to train, 120 to validate and 400 to test, graded 0-4, from DeepDRiD; its
grades are ordered. J. Yang et al., Scientific Data 10, 2023.
"""
_SUBSETS = ("train", "val", "test")


def load_medmnist(
    path: str | os.PathLike[str],
    *,
    subset: str | Sequence[str] = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a file of MedMNIST, such as ``retinamnist.npz`` or ``retinamnist_224.npz``.

    MedMNIST has no patient ids.

    Parameters
    ----------
    path : str or path
        A file with the arrays ``train_images``, ``train_labels`` and so on,
        with one label per image.
    subset : {"train", "val", "test", "all"} or sequence of several, default="train"
        The part or parts of the official split.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether images come as a DataFrame with the columns ``"image"`` (an
        array in each row) and ``"subset"``, and labels as a Series. Needs
        pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (images, ndarray of shape (n_samples, height, width) or
        (n_samples, height, width, 3), uint8, or DataFrame), ``target``
        (shape (n_samples,)), ``groups`` and ``eye`` (None: not known),
        ``subset``, ``target_names`` (grades for RetinaMNIST, else numbers)
        and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of MedMNIST, or one with volumes or with several
        labels per image.

    References
    ----------
    .. [1] J. Yang et al., "MedMNIST v2 - a large-scale lightweight benchmark
       for 2D and 3D biomedical image classification", Scientific Data 10,
       2023.

    Examples
    --------
    >>> from skdr.datasets import load_medmnist
    >>> load_medmnist("retinamnist_224.npz").data.shape  # doctest: +SKIP
    (1080, 224, 224, 3)
    """
    path = on_disk(path)
    parts = {part: _load_part(path, part) for part in chosen_subsets(subset, _SUBSETS)}
    images, labels = zip(*parts.values(), strict=True)
    target = np.concatenate(labels)
    is_retina = path.stem.startswith("retinamnist")
    return make_bunch(
        {
            "image": images[0] if len(images) == 1 else np.concatenate(images),
            "target": target,
            "subset": [part for part, (_, labels) in parts.items() for _ in labels],
        },
        target_names=GRADE_NAMES if is_retina else [str(i) for i in range(target.max() + 1)],
        description=_DESCR.format(name=path.stem),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _load_part(path: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; download it from https://medmnist.com.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    except (KeyError, ValueError, AttributeError, TypeError, OSError, zipfile.BadZipFile) as exc:
        raise ValueError(f"{path} is no file of MedMNIST: {exc}.") from exc
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise ValueError(f"{path}: {part}_images of shape {images.shape} are no 2-D images.")
    if labels.size != len(images):
        raise ValueError(
            f"{path}: {part}_labels of shape {labels.shape} are not one label for each of "
            f"{len(images)} images."
        )
    return images, labels.ravel().astype(np.intp)
