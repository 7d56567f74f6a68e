"""EyePACS: the photographs of Kaggle's competition of 2015."""

import os
from typing import Any

from sklearn.utils import Bunch

from skdr.datasets._files import stem
from skdr.datasets._tables import (
    existing_folder,
    find_images,
    make_bunch,
    raise_if_any,
    read_table,
    sub_folder,
    to_grades,
)

_DESCR = """\
EyePACS, Diabetic Retinopathy Detection (Kaggle, 2015)
Fundus photographs of both eyes of each patient, from many cameras, good and bad,
each graded 0-4 by one clinician. 35,126 training images; 53,576 test images.
The terms are those of the competition.
"""


def load_eyepacs(
    path: str | os.PathLike[str],
    *,
    labels: str = "trainLabels.csv",
    images: str | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a folder in the layout of EyePACS (Kaggle, Diabetic Retinopathy Detection, 2015).

    Parameters
    ----------
    path : str or path
        A folder with a table of labels and a folder of images named
        ``<patient>_<left|right>.jpeg``.
    labels : str, default="trainLabels.csv"
        The table, with columns ``image`` and ``level``. That of the test
        images is ``"retinopathy_solution.csv"``, with a column ``Usage``.
    images : str, default=None
        The folder of images in `path`; by default ``images``, else ``train``,
        or ``test`` where the table has a column ``Usage``.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"``,
        ``"patient"`` and ``"eye"`` (and ``"subset"``), and grades as a
        Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (grades 0-4, shape (n_samples,)), ``groups``
        (patients), ``eye`` (``"left"`` or ``"right"``), ``subset``
        (``"Public"`` or ``"Private"`` for test images, else None),
        ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the table or the folder of images is not there.
    ValueError
        If grades are not 0-4, names are not ``<patient>_<eye>`` or occur
        twice, or images are missing; each such row is named.

    Examples
    --------
    >>> from skdr.datasets import load_eyepacs
    >>> data = load_eyepacs("eyepacs")  # doctest: +SKIP
    >>> data.groups[:2].tolist()  # doctest: +SKIP
    ['10', '10']
    """
    folder = existing_folder(path)
    rows = read_table(folder / labels, ("image", "level"))
    is_test = "Usage" in rows[0]
    choices = ["images", "test" if is_test else "train"] if images is None else [images]
    names = [row["image"] for row in rows]
    raise_if_any(
        [name for name in names if not _is_eye_name(stem(name))],
        f"{labels}: names that are not <patient>_left or <patient>_right",
    )
    patients, eyes = zip(*(stem(name).rsplit("_", 1) for name in names), strict=True)
    columns: dict[str, Any] = {
        "image": find_images(sub_folder(folder, *choices), names, labels),
        "target": to_grades(names, [row["level"] for row in rows], labels),
        "patient": patients,
        "eye": eyes,
    }
    if is_test:
        columns["subset"] = [row["Usage"] for row in rows]
    return make_bunch(
        columns,
        description=_DESCR,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _is_eye_name(name: str) -> bool:
    patient, _, eye = name.rpartition("_")
    return patient != "" and eye in ("left", "right")
