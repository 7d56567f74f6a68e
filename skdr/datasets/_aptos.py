"""APTOS 2019: photographs from rural India, from Kaggle's competition of 2019."""

import os
from typing import Any

from sklearn.utils import Bunch

from skdr.datasets._tables import (
    existing_folder,
    find_images,
    make_bunch,
    read_table,
    sub_folder,
    to_grades,
)

_DESCR = """\
APTOS 2019 Blindness Detection (Kaggle)
3,662 graded fundus photographs from Aravind Eye Hospital, India. There are no
patient ids, and some photographs occur more than once, some of them with
different grades: give all copies one group before splitting, and see
skdr.model_selection.check_split.
"""


def load_aptos(
    path: str | os.PathLike[str],
    *,
    labels: str = "train.csv",
    images: str = "train_images",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a folder in the layout of APTOS 2019 (Kaggle, Blindness Detection).

    The data set has no patient ids, so a split cannot keep the images of a
    patient on one side, and it holds copies: see
    `skdr.model_selection.check_split`.

    Parameters
    ----------
    path : str or path
        A folder with a table of labels and a folder of images.
    labels : str, default="train.csv"
        The table, with columns ``id_code`` and ``diagnosis``.
    images : str, default="train_images"
        The folder of images, ``<id_code>.png``.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the column ``"image"``, and
        grades as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (grades 0-4, shape (n_samples,)), ``groups``
        and ``eye`` (None: not known), ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the table or the folder of images is not there.
    ValueError
        If grades are not 0-4, names occur twice or images are missing; each
        such row is named.

    Examples
    --------
    >>> from skdr.datasets import load_aptos
    >>> X, y = load_aptos("aptos2019", return_X_y=True)  # doctest: +SKIP
    >>> X[0]  # doctest: +SKIP
    'aptos2019/train_images/000c1434d8d7.png'
    """
    folder = existing_folder(path)
    rows = read_table(folder / labels, ("id_code", "diagnosis"))
    names = [row["id_code"] for row in rows]
    return make_bunch(
        {
            "image": find_images(sub_folder(folder, images), names, labels),
            "target": to_grades(names, [row["diagnosis"] for row in rows], labels),
        },
        description=_DESCR,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
