"""What all loaders share: tables of labels, files of images, the Bunch that they return."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from sklearn.utils import Bunch

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
)
GRADE_NAMES = ("none", "mild", "moderate", "severe", "proliferative")
_MAX_LISTED = 10


def existing_folder(path: str | os.PathLike[str], *candidates: str) -> Path:
    """Return a folder, or the first of some candidates in it that is one.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder.")
    found = [folder / name for name in candidates if (folder / name).is_dir()]
    if candidates and not found:
        named = " or ".join(map(repr, candidates))
        raise FileNotFoundError(f"{folder} has no folder {named} of images.")
    return found[0] if found else folder


def images_in(folder: Path) -> list[Path]:
    """Return image files at any depth, sorted by path."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in IMAGE_SUFFIXES and p.name[0] != "." and p.is_file()
    )


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header; blank rows and spaces around cells do not count.

    Raises
    ------
    FileNotFoundError
        If it is missing.
    ValueError
        If columns are missing, or all rows are blank.
    """
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


def refuse(bad: Iterable[Any], what: str) -> None:
    """Raise one error that lists all bad items, if there are any."""
    bad = list(bad)
    if bad:
        more = f" and {len(bad) - _MAX_LISTED} more" if len(bad) > _MAX_LISTED else ""
        raise ValueError(f"{what}: {', '.join(map(str, bad[:_MAX_LISTED]))}{more}.")


def check_names(names: Sequence[str], table: str) -> None:
    """Refuse names of images that occur twice, or that point outside their folder."""
    outside = [n for n in names if ".." in _parts(n) or _parts(n)[:1] == ["/"] or ":" in n]
    refuse(outside, f"{table}: names that point outside the folder of images")
    refuse([n for n, count in Counter(names).items() if count > 1], f"{table}: names twice")


def parse_grades(
    names: Sequence[str], values: Sequence[str], table: str, allowed: Sequence[str] = "01234"
) -> list[int]:
    """Return grades as integers; refuse what is none."""
    values = [value.removesuffix(".0") for value in values]
    bad = [f"{n}: {v!r}" for n, v in zip(names, values, strict=True) if v not in tuple(allowed)]
    refuse(bad, f"{table}: grades that are not 0-4")
    return [int(value) for value in values]


def find_images(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the files of images, named with or without an extension, which may be another.

    Raises
    ------
    ValueError
        If files are missing, or it is not clear which is meant; each is named.
    """
    by_stem: dict[str, list[Path]] = {}
    for file in images_in(folder):
        stem = file.relative_to(folder).with_suffix("").as_posix().lower()
        by_stem.setdefault(stem, []).append(file)
    stems = [_stem(name) for name in names]
    found = [by_stem.get(stem, []) for stem in stems]
    missing = [name for name, files in zip(names, found, strict=True) if not files]
    refuse(missing, f"images missing in {folder}")
    exact = [
        [f for f in files if f.name == Path(name).name] or files
        for name, files in zip(names, found, strict=True)
    ]
    unclear = [name for name, files in zip(names, exact, strict=True) if len(files) > 1]
    refuse(unclear, f"several images in {folder} of the same name")
    return [str(files[0]) for files in exact]


def bunch(
    images: Any,
    target: Sequence[Any],
    *,
    target_names: Sequence[str],
    description: str,
    groups: Sequence[str] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    return_X_y: bool,
    as_frame: bool,
    **more: Any,
) -> Bunch | tuple[Any, Any]:
    """Return what a loader found, as scikit-learn's loaders do.

    Parameters
    ----------
    images : sequence of n paths, or ndarray of n images
    target : sequence of n labels
    target_names : sequence of str
    description : str
    groups : sequence of n patients, or None where nobody knows
    columns : mapping of str to sequence of n, optional
        Also on offer, in the DataFrame and by their names in the Bunch.
    return_X_y, as_frame : bool
    more
        Other entries of the Bunch.
    """
    labels: Any = np.array(target)
    patients = None if groups is None else np.array(groups)
    known: dict[str, Any] = {n: np.array(values) for n, values in (columns or {}).items()}
    data: Any = images if isinstance(images, np.ndarray) else np.array(images)
    if as_frame:
        import pandas as pd

        patient = {} if patients is None else {"patient": patients}
        data = pd.DataFrame({"image": list(images), **patient, **known})
        labels = pd.Series(labels, name="target")
    if return_X_y:
        return data, labels
    known.setdefault("eye", None)
    return Bunch(
        data=data,
        target=labels,
        target_names=list(target_names),
        groups=patients,
        DESCR=description,
        **known,
        **more,
    )


def _parts(name: str) -> list[str]:
    return list(PurePosixPath(name.replace("\\", "/")).parts)


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    is_file = path.suffix.lower() in IMAGE_SUFFIXES
    return (path.with_suffix("") if is_file else path).as_posix().lower()
