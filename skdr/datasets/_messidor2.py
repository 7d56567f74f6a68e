"""Messidor-2 with the grades that three retina specialists agreed on."""

import os
from pathlib import Path
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
Messidor-2, with adjudicated grades
1,748 fundus photographs of 874 examinations in France, both eyes each, graded
0-4 by three retina specialists who discussed what they disagreed on; 4 images
that they held ungradable are excluded. J. Krause et al., Ophthalmology
125(8), 2018.
"""
_LABELS, _PAIRS = "messidor_data.csv", "messidor-2.csv"


def load_messidor2(
    path: str | os.PathLike[str],
    *,
    images: str | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load Messidor-2 with adjudicated grades.

    Images whose ``adjudicated_gradable`` is 0 are excluded.

    Parameters
    ----------
    path : str or path
        A folder with a folder of images, the grades ``messidor_data.csv``
        (columns ``image_id``, ``adjudicated_dr_grade`` and
        ``adjudicated_gradable``; the endings in ``image_id`` need not be
        those of the files) and, for patients and eyes, the pairs
        ``messidor-2.csv`` (columns ``left`` and ``right``).
    images : str, default=None
        The folder of images in `path`; by default ``IMAGES`` or ``images``.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"``,
        ``"patient"`` and ``"eye"``, and grades as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (grades 0-4, shape (n_samples,)), ``groups``
        (patients, named for the image of their left eye) and ``eye``, both
        None where there is no ``messidor-2.csv``, ``n_excluded`` (number of
        ungradable images), ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the grades or the folder of images are not there.
    ValueError
        If grades are not 0-4, names occur twice, or images are missing in the
        folder or in the pairs; each such row is named.

    References
    ----------
    .. [1] J. Krause et al., "Grader variability and the importance of
       reference standards for evaluating machine learning models for
       diabetic retinopathy", Ophthalmology 125(8), 2018.

    Examples
    --------
    >>> from skdr.datasets import load_messidor2
    >>> data = load_messidor2("messidor2")  # doctest: +SKIP
    >>> len(data.target), data.n_excluded  # doctest: +SKIP
    (1744, 4)
    """
    folder = existing_folder(path)
    columns = ("image_id", "adjudicated_dr_grade", "adjudicated_gradable")
    rows = read_table(folder / _LABELS, columns)
    gradable = [row for row in rows if row["adjudicated_gradable"].removesuffix(".0") != "0"]
    names = [row["image_id"] for row in gradable]
    choices = ["IMAGES", "images"] if images is None else [images]
    found: dict[str, Any] = {
        "image": find_images(sub_folder(folder, *choices), names, _LABELS),
        "target": to_grades(names, [row["adjudicated_dr_grade"] for row in gradable], _LABELS),
    }
    description = _DESCR + f"Without {_PAIRS} it is not known whose eyes they are.\n"
    if (folder / _PAIRS).exists():
        found["patient"], found["eye"] = _patients_and_eyes(folder / _PAIRS, names)
        description = _DESCR
    return make_bunch(
        found,
        description=description,
        n_excluded=len(rows) - len(gradable),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _patients_and_eyes(path: Path, names: list[str]) -> tuple[list[str], list[str]]:
    """Look each image up in the pairs; pairs that share an image are of one patient."""
    patients: dict[str, str] = {}
    eyes: dict[str, str] = {}
    for row in read_table(path, ("left", "right")):
        pair = {eye: stem(row[eye]) for eye in ("left", "right") if row[eye]}
        known = [patients[image] for image in pair.values() if image in patients]
        raise_if_any(
            [*pair.values()] if len(set(known)) > 1 else [], f"{path.name}: of two patients"
        )
        for eye, image in pair.items():
            patients[image] = known[0] if known else next(iter(pair.values()))
            eyes.setdefault(image, eye)
    raise_if_any([name for name in names if stem(name) not in patients], f"missing in {path}")
    return [patients[stem(name)] for name in names], [eyes[stem(name)] for name in names]
