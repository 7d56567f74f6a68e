"""Fundus photographs with grades of diabetic retinopathy, in the layouts they are shared in."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

from skdr.datasets._tables import (
    GRADE_NAMES,
    bunch,
    check_names,
    existing_folder,
    find_images,
    parse_grades,
    read_table,
    refuse,
)

_NO_PATIENTS = "Which images are of one patient is not known: scores may be too good."


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
        The table, with columns ``image`` and ``level``; that of the test
        images is ``"retinopathy_solution.csv"``, with ``Usage`` too.
    images : str, default=None
        The folder of images in `path`; by default ``images``, or else
        ``test`` where the table has a column ``Usage``, or else ``train``.
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
        (patients), ``eye``, ``target_names`` and ``DESCR``; for the test
        images also ``usage`` (``"Public"`` or ``"Private"``).

    Raises
    ------
    FileNotFoundError
        If the table or the folder is missing.
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
    candidates = ("images", "test" if is_test else "train") if images is None else (images,)
    names = [row["image"] for row in rows]
    unlike = "names that are not <patient>_left or <patient>_right"
    refuse([name for name in names if not _is_eye_name(name)], f"{labels}: {unlike}")
    check_names(names, labels)
    patients, eyes = zip(*(name.rsplit("_", 1) for name in names), strict=True)
    usage = {"usage": [row["Usage"] for row in rows]} if is_test else {}
    return _graded(
        find_images(existing_folder(folder, *candidates), names),
        parse_grades(names, [row["level"] for row in rows], labels),
        f"Fundus photographs in {folder}, in the layout of EyePACS.",
        groups=patients,
        columns={"eye": eyes, **usage},
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_aptos(
    path: str | os.PathLike[str],
    *,
    labels: str = "train.csv",
    images: str = "train_images",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load APTOS 2019 Blindness Detection (Kaggle).

    Parameters
    ----------
    path : str or path
        A folder with a table of labels and a folder of images named
        ``<id_code>.png``.
    labels : str, default="train.csv"
        The table, with columns ``id_code`` and ``diagnosis``.
    images : str, default="train_images"
        The folder of images in `path`.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the column ``"image"``, and
        grades as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths), ``target`` (grades 0-4), ``groups`` (None:
        APTOS does not name patients, and holds some images twice; see
        `skdr.model_selection.check_split`), ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the table or the folder is missing.
    ValueError
        If grades are not 0-4, ids occur twice or images are missing.

    Examples
    --------
    >>> from skdr.datasets import load_aptos
    >>> load_aptos("aptos2019").target_names  # doctest: +SKIP
    ['none', 'mild', 'moderate', 'severe', 'proliferative']
    """
    folder = existing_folder(path)
    rows = read_table(folder / labels, ("id_code", "diagnosis"))
    names = [row["id_code"] for row in rows]
    check_names(names, labels)
    return _graded(
        find_images(existing_folder(folder, images), names),
        parse_grades(names, [row["diagnosis"] for row in rows], labels),
        f"APTOS 2019 in {folder}. {_NO_PATIENTS} Some images occur twice.",
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_idrid(
    path: str | os.PathLike[str],
    *,
    subset: str = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load the disease grading of IDRiD, the Indian Diabetic Retinopathy Image Dataset.

    Parameters
    ----------
    path : str or path
        The folder ``B. Disease Grading``, or the one that holds it.
    subset : {"train", "test", "all"}, default="train"
        413, 103 or all 516 images. Their ids begin anew in each part, so that
        only paths tell them apart.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"``,
        ``"subset"`` and ``"macular_edema"``, and grades as a Series. Needs
        pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths), ``target`` (grades 0-4), ``subset``,
        ``macular_edema`` (risk, 0-2, as text), ``groups`` (None: IDRiD does
        not name patients), ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If a table or folder is missing.
    ValueError
        If grades are not 0-4, ids occur twice or images are missing.

    References
    ----------
    .. [1] P. Porwal et al., "Indian Diabetic Retinopathy Image Dataset
       (IDRiD)", Data 3(3), 2018.

    Examples
    --------
    >>> from skdr.datasets import load_idrid
    >>> len(load_idrid("idrid", subset="test").target)  # doctest: +SKIP
    103
    """
    parts = {"train": "a. {}Training {}", "test": "b. {}Testing {}"}
    folder = existing_folder(path)
    inner = folder / "B. Disease Grading"
    folder = inner if inner.is_dir() else folder
    paths: list[str] = []
    grades: list[int] = []
    risks: list[str] = []
    subsets: list[str] = []
    for part in _chosen(subset, tuple(parts)):
        name = parts[part].format("IDRiD_Disease Grading_", "Labels.csv")
        rows = read_table(folder / "2. Groundtruths" / name, ("Image name", "Retinopathy grade"))
        ids = [row["Image name"] for row in rows]
        check_names(ids, name)
        images = existing_folder(folder, f"1. Original Images/{parts[part].format('', 'Set')}")
        paths += find_images(images, ids)
        grades += parse_grades(ids, [row["Retinopathy grade"] for row in rows], name)
        risks += [row.get("Risk of macular edema", "") for row in rows]
        subsets += [part] * len(rows)
    return _graded(
        paths,
        grades,
        f"IDRiD disease grading in {folder}, {subset}. {_NO_PATIENTS}",
        columns={"subset": subsets, "macular_edema": risks},
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_messidor2(
    path: str | os.PathLike[str],
    *,
    labels: str = "messidor_data.csv",
    images: str | None = None,
    pairs: str = "messidor-2.csv",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load Messidor-2 with the adjudicated grades [1]_.

    Parameters
    ----------
    path : str or path
        A folder with the table of grades and the images.
    labels : str, default="messidor_data.csv"
        The table, with columns ``image_id``, ``adjudicated_dr_grade`` and
        ``adjudicated_gradable``. Images that are not gradable are left out
        and counted. Its extensions may differ from those of the files.
    images : str, default=None
        The folder of images in `path`; by default ``IMAGES``, ``images`` or
        `path` itself.
    pairs : str, default="messidor-2.csv"
        A table of the two images of each examination, left eye first.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"``, and,
        where `pairs` is there, ``"patient"`` and ``"eye"``, and grades as a
        Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths), ``target`` (grades 0-4), ``groups``
        (examinations, by their first image; None where there is no file
        `pairs`), ``eye`` (``"left"``, ``"right"`` or None), ``n_ungradable``,
        ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the table is missing.
    ValueError
        If grades are not 0-4, ids occur twice, images are missing, or one is
        in no pair; each such row is named.

    References
    ----------
    .. [1] J. Krause et al., "Grader Variability and the Importance of
       Reference Standards for Evaluating Machine Learning Models for Diabetic
       Retinopathy", Ophthalmology 125(8), 2018.

    Examples
    --------
    >>> from skdr.datasets import load_messidor2
    >>> load_messidor2("messidor2").n_ungradable  # doctest: +SKIP
    4
    """
    folder = existing_folder(path)
    columns = ("image_id", "adjudicated_dr_grade", "adjudicated_gradable")
    rows = read_table(folder / labels, columns)
    check_names([_lower_stem(row["image_id"]) for row in rows], labels)
    gradable = [row for row in rows if row["adjudicated_gradable"] not in ("0", "0.0")]
    names = [row["image_id"] for row in gradable]
    candidates = ("IMAGES", "images", ".") if images is None else (images,)
    groups, eyes = _pairs(folder / pairs, names)
    n_ungradable = len(rows) - len(gradable)
    return _graded(
        find_images(existing_folder(folder, *candidates), names),
        parse_grades(names, [row["adjudicated_dr_grade"] for row in gradable], labels),
        f"Messidor-2 in {folder}, adjudicated grades; {n_ungradable} images that are not "
        f"gradable are left out. {'' if groups else _NO_PATIENTS}".strip(),
        groups=groups,
        columns={"eye": eyes} if eyes else {},
        n_ungradable=n_ungradable,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_ddr(
    path: str | os.PathLike[str],
    *,
    subset: str = "train",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load the grading part of DDR [1]_.

    Parameters
    ----------
    path : str or path
        The folder ``DR_grading``, or the one that holds it, with
        ``train.txt``, ``valid.txt`` and ``test.txt`` (a name, a space and a
        grade a line) and folders of images of those names.
    subset : {"train", "valid", "test", "all"}, default="train"
        Images of grade 5, which are not gradable, are left out and counted.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"`` and
        ``"subset"``, and grades as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths), ``target`` (grades 0-4), ``subset``, ``groups``
        (None: DDR does not name patients), ``n_ungradable``,
        ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If a list or folder is missing.
    ValueError
        If a line is not a name and a grade 0-5, names occur twice or images
        are missing; each such line is named.

    References
    ----------
    .. [1] T. Li et al., "Diagnostic assessment of deep learning algorithms for
       diabetic retinopathy screening", Information Sciences 501, 2019.

    Examples
    --------
    >>> from skdr.datasets import load_ddr
    >>> load_ddr("ddr", subset="all").n_ungradable  # doctest: +SKIP
    1151
    """
    folder = existing_folder(path)
    folder = folder / "DR_grading" if (folder / "DR_grading").is_dir() else folder
    paths: list[str] = []
    grades: list[int] = []
    subsets: list[str] = []
    n_ungradable = 0
    for part in _chosen(subset, ("train", "valid", "test")):
        names, values = _read_list(folder / f"{part}.txt")
        check_names(names, f"{part}.txt")
        found = parse_grades(names, values, f"{part}.txt", allowed="012345")
        gradable = [(name, grade) for name, grade in zip(names, found, strict=True) if grade < 5]
        n_ungradable += len(names) - len(gradable)
        paths += find_images(existing_folder(folder, part), [name for name, _ in gradable])
        grades += [grade for _, grade in gradable]
        subsets += [part] * len(gradable)
    return _graded(
        paths,
        grades,
        f"DDR grading in {folder}, {subset}; {n_ungradable} images that are not gradable are "
        f"left out. {_NO_PATIENTS}",
        columns={"subset": subsets},
        n_ungradable=n_ungradable,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_deepdrid(
    path: str | os.PathLike[str],
    *,
    labels: str | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load one part of DeepDRiD, such as ``regular-fundus-training`` [1]_.

    Parameters
    ----------
    path : str or path
        A folder with a table of labels and ``Images/<patient_id>/<image_id>.jpg``.
    labels : str, default=None
        The table; by default the only ``.csv`` in the folder. The grade of an
        image is that of its eye, which ``_l`` or ``_r`` in its id tells.
        Images whose eye has no grade are left out and counted.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the columns ``"image"``,
        ``"patient"``, ``"eye"`` and ``"quality"``, and grades as a Series.
        Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths), ``target`` (grades 0-4), ``groups`` (patients),
        ``eye``, ``quality`` (overall, as text), ``n_ungradable``,
        ``target_names`` and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the table or the folder is missing.
    ValueError
        If ids do not tell the eye or occur twice, grades are not 0-4, or
        images are missing; each such row is named.

    References
    ----------
    .. [1] R. Liu et al., "DeepDRiD: Diabetic Retinopathy - Grading and Image
       Quality Estimation Challenge", Patterns 3(6), 2022.

    Examples
    --------
    >>> from skdr.datasets import load_deepdrid
    >>> load_deepdrid("regular-fundus-training").eye[0]  # doctest: +SKIP
    'left'
    """
    folder = existing_folder(path)
    table = _only_table(folder) if labels is None else folder / labels
    eye_columns = {"left": "left_eye_DR_Level", "right": "right_eye_DR_Level"}
    rows = read_table(table, ("patient_id", "image_id", *eye_columns.values()))
    unlike = [row["image_id"] for row in rows if _eye_of_id(row["image_id"]) is None]
    refuse(unlike, f"{table.name}: ids without _l or _r")
    eyes = [str(_eye_of_id(row["image_id"])) for row in rows]
    values = [row[eye_columns[eye]] for row, eye in zip(rows, eyes, strict=True)]
    known = [i for i, value in enumerate(values) if value]
    names = [f"{rows[i]['patient_id']}/{rows[i]['image_id']}" for i in known]
    check_names(names, table.name)
    n_ungradable = len(rows) - len(known)
    return _graded(
        find_images(existing_folder(folder, "Images"), names),
        parse_grades(names, [values[i] for i in known], table.name),
        f"DeepDRiD in {folder}; {n_ungradable} images without a grade are left out.",
        groups=[rows[i]["patient_id"] for i in known],
        columns={
            "eye": [eyes[i] for i in known],
            "quality": [rows[i].get("Overall quality", "") for i in known],
        },
        n_ungradable=n_ungradable,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _graded(paths: Sequence[str], grades: Sequence[int], description: str, **kwargs: Any) -> Any:
    return bunch(paths, grades, target_names=GRADE_NAMES, description=description, **kwargs)


def _chosen(subset: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    if subset not in (*parts, "all"):
        raise ValueError(f"subset={subset!r} must be one of {[*parts, 'all']}.")
    return parts if subset == "all" else (subset,)


def _is_eye_name(name: str) -> bool:
    patient, _, eye = name.rpartition("_")
    return patient != "" and eye in ("left", "right") and Path(name).name == name


def _lower_stem(name: str) -> str:
    return name.rsplit(".", 1)[0].lower()


def _pairs(path: Path, names: Sequence[str]) -> tuple[list[str], list[str]] | tuple[None, None]:
    """Return the examination and the eye of each image, where a table of pairs tells."""
    if not path.is_file():
        return None, None
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    delimiter = ";" if lines and ";" in lines[0] else ","
    cells = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    eye_of = {
        _lower_stem(cell): (row[0], eye)
        for row in cells
        for cell, eye in zip(row, ("left", "right"), strict=False)
    }
    refuse([n for n in names if _lower_stem(n) not in eye_of], f"images in no pair of {path.name}")
    found = [eye_of[_lower_stem(name)] for name in names]
    return [first for first, _ in found], [eye for _, eye in found]


def _read_list(path: Path) -> tuple[list[str], list[str]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    lines = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    lines = [line for line in lines if line]
    refuse([" ".join(ln) for ln in lines if len(ln) != 2], f"{path.name}: no name and grade")
    if not lines:
        raise ValueError(f"{path} has no rows.")
    return [name for name, _ in lines], [grade for _, grade in lines]


def _only_table(folder: Path) -> Path:
    tables = sorted(folder.glob("*.csv"))
    if len(tables) != 1:
        found = [table.name for table in tables]
        raise FileNotFoundError(f"{folder} has {found} for tables; set labels= to one of them.")
    return tables[0]


def _eye_of_id(name: str) -> str | None:
    side = name.rpartition("_")[2][:1].lower()
    return {"l": "left", "r": "right"}.get(side)
