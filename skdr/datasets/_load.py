"""Labelled images on disk: paths, labels and groups; nothing is decoded."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
)
_MAX_LISTED = 10


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a folder that holds one sub-folder of images a class.

    Parameters
    ----------
    path : str or path
        The folder. Images may lie deeper inside the class folders; hidden
        files and files of other kinds are passed over.
    class_names : sequence of str, default=None
        The sub-folders to load, in this order. By default all, sorted.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the column ``"image"``, and
        labels as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (names of the folders, shape (n_samples,)),
        ``target_names``, ``groups`` (None: a folder says nothing of who is
        on the images; split such data with care) and ``DESCR``.

    Raises
    ------
    ValueError
        If there are no class folders, or one holds no images.

    Examples
    --------
    >>> from skdr.datasets import load_image_folder
    >>> load_image_folder("flowers").target_names  # doctest: +SKIP
    ['daisy', 'rose', 'tulip']
    """
    folder = _existing_folder(path)
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    if class_names is not None:
        unknown = [name for name in class_names if name not in names]
        if unknown:
            raise ValueError(f"class_names={unknown} are no folders in {folder}; it has {names}.")
        names = list(class_names)
    if not names:
        raise ValueError(f"{folder} holds no sub-folders; expected one a class.")
    files = {name: _images_in(folder / name) for name in names}
    empty = [name for name in names if not files[name]]
    if empty:
        raise ValueError(f"The class folders {empty} in {folder} hold no images.")
    return _bunch(
        paths=[str(file) for name in names for file in files[name]],
        columns={},
        target=[name for name in names for _ in files[name]],
        target_names=names,
        groups=None,
        description=f"Images in {folder}, one folder a class.",
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


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
        The table, with columns ``image`` and ``level``.
    images : str, default=None
        The folder of images in `path`; by default ``images`` or ``train``.
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
        (patients), ``eye``, ``target_names`` and ``DESCR``.

    Raises
    ------
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
    folder = _existing_folder(path)
    rows = _read_table(folder / labels, ("image", "level"))
    image_folder = _image_folder(folder, images)
    names = [row["image"] for row in rows]
    _refuse(
        [name for name in names if not _is_eye_name(name)],
        f"{labels}: names that are not <patient>_left or <patient>_right",
    )
    _refuse([n for n, count in Counter(names).items() if count > 1], f"{labels}: names twice")
    _refuse(
        [f"{row['image']}: {row['level']!r}" for row in rows if row["level"] not in list("01234")],
        f"{labels}: grades that are not 0-4",
    )
    files = {p.stem: p for p in _images_in(image_folder)}
    _refuse([name for name in names if name not in files], f"images missing in {image_folder}")
    patients, eyes = zip(*(name.rsplit("_", 1) for name in names), strict=True)
    return _bunch(
        paths=[str(files[name]) for name in names],
        columns={"patient": np.array(patients), "eye": np.array(eyes)},
        target=[int(row["level"]) for row in rows],
        target_names=["none", "mild", "moderate", "severe", "proliferative"],
        groups=np.array(patients),
        description=f"Fundus photographs in {folder}, in the layout of EyePACS.",
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _bunch(
    *,
    paths: list[str],
    columns: dict[str, Any],
    target: list[Any],
    target_names: list[str],
    groups: Any,
    description: str,
    return_X_y: bool,
    as_frame: bool,
) -> Bunch | tuple[Any, Any]:
    data: Any = np.array(paths)
    labels: Any = np.array(target)
    if as_frame:
        import pandas as pd

        data = pd.DataFrame({"image": paths, **columns})
        labels = pd.Series(labels, name="target")
    if return_X_y:
        return data, labels
    return Bunch(
        data=data,
        target=labels,
        target_names=target_names,
        groups=groups,
        eye=columns.get("eye"),
        DESCR=description,
    )


def _existing_folder(path: str | os.PathLike[str]) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder.")
    return folder


def _image_folder(folder: Path, images: str | None) -> Path:
    candidates = ["images", "train"] if images is None else [images]
    for name in candidates:
        if (folder / name).is_dir():
            return folder / name
    raise FileNotFoundError(f"{folder} has no folder {' or '.join(candidates)} of images.")


def _images_in(folder: Path) -> list[Path]:
    """Return image files at any depth, sorted by path."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in _IMAGE_SUFFIXES and p.name[0] != "." and p.is_file()
    )


def _read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        header = [name.strip() for name in reader.fieldnames or []]
        missing = [column for column in columns if column not in header]
        if missing:
            raise ValueError(f"{path} has columns {header}; {missing} are missing.")
        rows = [
            {name.strip(): (value or "").strip() for name, value in row.items() if name}
            for row in reader
        ]
    rows = [row for row in rows if any(row.values())]
    if not rows:
        raise ValueError(f"{path} has no rows.")
    return rows


def _is_eye_name(name: str) -> bool:
    patient, _, eye = name.rpartition("_")
    return patient != "" and eye in ("left", "right") and Path(name).name == name


def _refuse(bad: list[str], what: str) -> None:
    if bad:
        more = f" and {len(bad) - _MAX_LISTED} more" if len(bad) > _MAX_LISTED else ""
        raise ValueError(f"{what}: {', '.join(map(str, bad[:_MAX_LISTED]))}{more}.")
