"""DDR: photographs from 147 hospitals in China."""

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
    raise_if_any,
    read_text,
    sub_folder,
    to_grades,
)

_DESCR = """\
DDR: general-purpose dataset for diabetic retinopathy, grading
13,673 fundus photographs from 147 hospitals in 23 provinces of China; 1,151 of
them are labelled 5, ungradable, and excluded. There are no patient ids.
T. Li et al., Information Sciences 501, 2019.
"""
_SUBSETS = ("train", "valid", "test")
_UNGRADABLE = "5"


def load_ddr(
    path: str | os.PathLike[str],
    *,
    subset: str | Sequence[str] = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load the grading part of DDR.

    The data set has no patient ids. Images labelled 5, ungradable, are
    excluded.

    Parameters
    ----------
    path : str or path
        The folder ``DR_grading``, or one that holds it. It has
        ``train.txt``, ``valid.txt`` and ``test.txt`` without a header, one
        line per image (``007-0004-000.jpg 0``), and folders of images with
        the same names.
    subset : {"train", "valid", "test", "all"} or sequence of several, default="train"
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
        and ``eye`` (None: not known), ``subset``, ``n_excluded`` (number of
        ungradable images), ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If a table or a folder of images is not there.
    ValueError
        If a line is not a name and a grade, grades are not 0-5, names occur
        twice in a subset or images are missing; each such line is named.

    References
    ----------
    .. [1] T. Li et al., "Diagnostic assessment of deep learning algorithms
       for diabetic retinopathy screening", Information Sciences 501, 2019.

    Examples
    --------
    >>> from skdr.datasets import load_ddr
    >>> load_ddr("DDR-dataset", subset="all").n_excluded  # doctest: +SKIP
    1151
    """
    folder = existing_folder(path)
    if (folder / "DR_grading").is_dir():
        folder = folder / "DR_grading"
    parts, n_excluded = zip(
        *(_load_part(folder, part) for part in chosen_subsets(subset, _SUBSETS)), strict=True
    )
    return make_bunch(
        merge(parts),
        description=_DESCR,
        n_excluded=sum(n_excluded),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _load_part(folder: Path, part: str) -> tuple[dict[str, list[Any]], int]:
    """Return the columns of the gradable images, and the number of the others."""
    labels = f"{part}.txt"
    lines = [line.rsplit(maxsplit=1) for line in read_text(folder / labels).splitlines()]
    rows = [line for line in lines if line]
    raise_if_any(
        [" ".join(row) for row in rows if len(row) != 2], f"{labels}: not a name and a grade"
    )
    gradable = [row for row in rows if row[1] != _UNGRADABLE]
    names = [name for name, _ in gradable]
    columns: dict[str, list[Any]] = {
        "image": find_images(sub_folder(folder, part), names, labels),
        "target": to_grades(names, [grade for _, grade in gradable], labels),
        "subset": [part] * len(names),
    }
    return columns, len(rows) - len(gradable)
