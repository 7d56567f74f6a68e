"""DeepDRiD: two photographs of each eye."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

from skdr.datasets._files import stem
from skdr.datasets._tables import (
    chosen_subsets,
    existing_folder,
    find_images,
    make_bunch,
    merge,
    raise_if_any,
    read_table,
    sub_folder,
    to_grades,
)

_DESCR = """\
DeepDRiD, regular fundus photographs
Two photographs of each eye of 300 patients to train and of 100 to validate, from
Shanghai, each eye graded 0-4. Rows in which the grade stands in the column of
the other eye contradict themselves and are excluded. R. Liu et al., Patterns
3(6), 2022.
"""
_PARTS = {"train": "regular-fundus-training", "validation": "regular-fundus-validation"}
_EYES = {"l": "left", "r": "right"}


def load_deepdrid(
    path: str | os.PathLike[str],
    *,
    subset: str | Sequence[str] = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load the regular fundus photographs of DeepDRiD.

    The grade of an image is that of its eye, not that of the patient:
    ``left_eye_DR_Level`` where the name of the image goes on with ``_l``,
    ``right_eye_DR_Level`` where it goes on with ``_r``. Rows that have no grade
    there are excluded: some tables have it in the column of the other eye, and
    do not show whether the name or the column is wrong.

    Parameters
    ----------
    path : str or path
        The folder ``regular_fundus_images``, or one that holds it. The
        columns ``patient_id``, ``image_id``, ``left_eye_DR_Level`` and
        ``right_eye_DR_Level`` are read; images are found by ``image_id`` in
        the folder ``Images`` of the subset. The labels of the challenge's
        test set come as a spreadsheet and are not read.
    subset : {"train", "validation", "all"} or sequence of several, default="train"
        The part or parts of the official split.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"``,
        ``"patient"``, ``"eye"`` and ``"subset"``, and grades as a Series.
        Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (grades 0-4, shape (n_samples,)), ``groups``
        (patients), ``eye`` (``"left"`` or ``"right"``), ``subset``,
        ``n_excluded`` (number of rows without a grade of their eye),
        ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If a table or a folder of images is not there.
    ValueError
        If grades are not 0-4, names do not end in ``_l`` or ``_r`` and a
        number or occur twice, or images are missing; each such row is named.

    References
    ----------
    .. [1] R. Liu et al., "DeepDRiD: Diabetic retinopathy - grading and image
       quality estimation challenge", Patterns 3(6), 2022.

    Examples
    --------
    >>> from skdr.datasets import load_deepdrid
    >>> data = load_deepdrid("DeepDRiD")  # doctest: +SKIP
    >>> data.groups[:5].tolist()  # doctest: +SKIP
    ['1', '1', '1', '1', '2']
    """
    folder = existing_folder(path)
    if (folder / "regular_fundus_images").is_dir():
        folder = folder / "regular_fundus_images"
    parts, n_excluded = zip(
        *(_load_part(folder, part) for part in chosen_subsets(subset, list(_PARTS))), strict=True
    )
    return make_bunch(
        merge(parts),
        description=_DESCR,
        n_excluded=sum(n_excluded),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _load_part(folder: Path, part: str) -> tuple[dict[str, list[Any]], int]:
    """Return the columns of the images with a grade of their eye, and the number of others."""
    labels = f"{_PARTS[part]}.csv"
    columns = ("patient_id", "image_id", "left_eye_DR_Level", "right_eye_DR_Level")
    rows = read_table(folder / _PARTS[part] / labels, columns)
    raise_if_any(
        [row["image_id"] for row in rows if _eye(row["image_id"]) is None],
        f"{labels}: names that do not end in _l or _r and a number",
    )
    graded = [row for row in rows if _grade(row)]
    names = [row["image_id"] for row in graded]
    return {
        "image": find_images(sub_folder(folder / _PARTS[part], "Images"), names, labels),
        "target": to_grades(names, [_grade(row) for row in graded], labels),
        "patient": [row["patient_id"] for row in graded],
        "eye": [_eye(name) for name in names],
        "subset": [part] * len(names),
    }, len(rows) - len(graded)


def _eye(name: str) -> str | None:
    match = re.search(r"_([lr])\d+$", stem(name))
    return _EYES[match[1]] if match else None


def _grade(row: dict[str, str]) -> str:
    return row[f"{_eye(row['image_id'])}_eye_DR_Level"]
