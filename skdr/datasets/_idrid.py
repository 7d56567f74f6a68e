"""IDRiD: the Indian data set, its part on grading."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

from skdr.datasets._tables import (
    chosen_subsets,
    existing_folder,
    find_images,
    make_bunch,
    merge,
    read_table,
    sub_folder,
    to_grades,
)

_DESCR = """\
IDRiD, Indian Diabetic Retinopathy Image Dataset: disease grading
Fundus photographs of an eye clinic in Nanded, India: 413 to train, 103 to
test. There are no patient ids. P. Porwal et al., Data 3(3), 2018.
"""
_PARTS = {
    "train": ("a. IDRiD_Disease Grading_Training Labels.csv", "a. Training Set"),
    "test": ("b. IDRiD_Disease Grading_Testing Labels.csv", "b. Testing Set"),
}


def load_idrid(
    path: str | os.PathLike[str],
    *,
    subset: str | Sequence[str] = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load the grading part of IDRiD, the Indian Diabetic Retinopathy Image Dataset.

    The data set has no patient ids. Names of images start again at
    ``IDRiD_001`` in each subset; the paths tell them apart.

    Parameters
    ----------
    path : str or path
        The folder ``B. Disease Grading``, or one that holds it.
    subset : {"train", "test", "all"} or sequence of several, default="train"
        The part or parts of the official split.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"`` and
        ``"subset"``, and grades as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (grades 0-4, shape (n_samples,)), ``groups``
        and ``eye`` (None: not known), ``subset`` (``"train"`` or ``"test"``),
        ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If a table or a folder of images is not there.
    ValueError
        If grades are not 0-4, names occur twice in a subset or images are
        missing; each such row is named.

    References
    ----------
    .. [1] P. Porwal et al., "Indian Diabetic Retinopathy Image Dataset
       (IDRiD): a database for diabetic retinopathy screening research",
       Data 3(3), 2018.

    Examples
    --------
    >>> from skdr.datasets import load_idrid
    >>> load_idrid("IDRiD", subset="test").data.shape  # doctest: +SKIP
    (103,)
    """
    folder = existing_folder(path)
    if (folder / "B. Disease Grading").is_dir():
        folder = folder / "B. Disease Grading"
    return make_bunch(
        merge([_load_part(folder, part) for part in chosen_subsets(subset, list(_PARTS))]),
        description=_DESCR,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _load_part(folder: Path, part: str) -> dict[str, list[Any]]:
    labels, images = _PARTS[part]
    rows = read_table(folder / "2. Groundtruths" / labels, ("Image name", "Retinopathy grade"))
    names = [row["Image name"] for row in rows]
    image_folder = sub_folder(folder, f"1. Original Images/{images}")
    return {
        "image": find_images(image_folder, names, labels),
        "target": to_grades(names, [row["Retinopathy grade"] for row in rows], labels),
        "subset": [part] * len(names),
    }
