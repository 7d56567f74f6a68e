"""MedMNIST files: small images of medicine, in one `.npz`."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skdr.datasets._tables import bunch

_SUBSETS = ("train", "val", "test")


def load_medmnist(
    path: str | os.PathLike[str],
    *,
    subset: str = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a MedMNIST file, such as ``retinamnist_224.npz`` [1]_.

    Parameters
    ----------
    path : str or path
        The ``.npz`` file; nothing in it is unpickled.
    subset : {"train", "val", "test", "all"}, default="train"
        Its official parts. RetinaMNIST has 1,080, 120 and 400 images.
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether images come as a DataFrame with the column ``"image"``, and
        labels as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (ndarray of shape (n_samples, h, w) or (n_samples, h, w,
        3), uint8), ``target`` (shape (n_samples,)), ``target_names``,
        ``subset`` (the part of each image), ``groups`` (None: MedMNIST does
        not say which images are of one patient) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If it is no such file, or an image has several labels.

    References
    ----------
    .. [1] J. Yang et al., "MedMNIST v2 - A large-scale lightweight benchmark
       for 2D and 3D biomedical image classification", Scientific Data, 2023.

    Examples
    --------
    >>> from skdr.datasets import load_medmnist
    >>> load_medmnist("retinamnist_224.npz").data.shape  # doctest: +SKIP
    (1080, 224, 224, 3)
    """
    if subset not in (*_SUBSETS, "all"):
        raise ValueError(f"subset={subset!r} must be one of {[*_SUBSETS, 'all']}.")
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing.")
    names = _SUBSETS if subset == "all" else (subset,)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            parts = [(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in names]
    except (KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise ValueError(f"{file} is no MedMNIST file: {exc}") from exc
    labels = np.concatenate([part[1].reshape(len(part[0]), -1) for part in parts])
    if labels.shape[1] != 1:
        raise ValueError(f"{file} has {labels.shape[1]} labels an image; skdr takes one.")
    return bunch(
        np.concatenate([part[0] for part in parts]),
        labels[:, 0].tolist(),
        target_names=[str(label) for label in np.unique(labels)],
        description=f"MedMNIST, {file.name}, {subset}. Nothing is known of patients.",
        columns={"subset": np.repeat(names, [len(part[0]) for part in parts]).tolist()},
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
