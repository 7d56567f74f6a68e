"""What the loaders share: tables of labels, files by name, the Bunch."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from skdr._optional import import_optional

GRADE_NAMES = ("none", "mild", "moderate", "severe", "proliferative")
_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
)
_DELIMITERS = ",;\t"
_MAX_LISTED = 10


def refuse(bad: Iterable[Any], what: str) -> None:
    """Raise one ValueError that lists bad items, if there are any."""
    bad = [str(item) for item in bad]
    if bad:
        more = f" and {len(bad) - _MAX_LISTED} more" if len(bad) > _MAX_LISTED else ""
        raise ValueError(f"{what}: {', '.join(bad[:_MAX_LISTED])}{more}.")


def chosen_subsets(subset: str, known: Sequence[str]) -> list[str]:
    """Return the parts of the official split that ``subset`` asks for."""
    if subset != "all" and subset not in known:
        raise ValueError(f"subset={subset!r} is not known; choose one of {[*known, 'all']}.")
    return list(known) if subset == "all" else [subset]


def existing_folder(path: str | os.PathLike[str]) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder.")
    return folder


def sub_folder(folder: Path, *names: str) -> Path:
    """Return the first of some folders in a folder that exists."""
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise FileNotFoundError(f"{folder} has no folder {' or '.join(map(repr, names))}.")


def read_text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ValueError(f"{path} is no text in UTF-8; save it as CSV in UTF-8.") from exc


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header; return its rows, without blank ones.

    Names and values are stripped of spaces, columns without a name are
    dropped. Commas, semicolons and tabs separate.
    """
    lines = read_text(path).splitlines()
    delimiter = max(_DELIMITERS, key=lines[0].count) if lines else ","
    reader = csv.DictReader(lines, delimiter=delimiter)
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


def to_grades(names: Sequence[str], values: Sequence[str], table: str) -> list[int]:
    """Turn grades as they stand in a table (``"3"``, ``"3.0"``) into numbers."""
    grades = [value.removesuffix(".0") for value in values]
    known = [str(grade) for grade in range(len(GRADE_NAMES))]
    refuse(
        [f"{n}: {v!r}" for n, v, g in zip(names, values, grades, strict=True) if g not in known],
        f"{table}: grades that are not 0-4",
    )
    return [int(grade) for grade in grades]


def stem(name: str) -> str:
    """Return the name of an image without the ending of an image file, if it has one."""
    start, dot, ending = name.rpartition(".")
    return start if f"{dot}{ending}".lower() in _IMAGE_SUFFIXES else name


def images_in(folder: Path) -> list[Path]:
    """Return image files at any depth, sorted by path."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in _IMAGE_SUFFIXES and p.name[0] != "." and p.is_file()
    )


def find_images(folder: Path, names: Sequence[str], table: str) -> list[str]:
    """Return the path of each named image, at any depth of a folder.

    Names may lack the ending of the file, or have another one.
    """
    outside = [name for name in names if "/" in name or "\\" in name]
    refuse(outside, f"{table}: names that are not plain file names")
    stems = [stem(name) for name in names]
    refuse(_repeated(stems), f"{table}: names twice")
    files: dict[str, list[Path]] = {}
    for file in images_in(folder):
        files.setdefault(file.stem, []).append(file)
    missing = [name for name, s in zip(names, stems, strict=True) if s not in files]
    refuse(missing, f"{table}: images missing in {folder}")
    refuse([f for s in stems if len(files[s]) > 1 for f in files[s]], "several files of one name")
    return [str(files[s][0]) for s in stems]


def merge(parts: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, list[Any]]:
    """Put the columns of several tables one below the other."""
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def make_bunch(
    columns: Mapping[str, ArrayLike],
    *,
    target_names: Sequence[str] = GRADE_NAMES,
    description: str,
    n_excluded: int = 0,
    return_X_y: bool,
    as_frame: bool,
) -> Bunch | tuple[Any, Any]:
    """Return what a loader has found, in scikit-learn's form.

    `columns` holds ``"image"`` and ``"target"``, and may hold ``"patient"``,
    ``"eye"`` and ``"subset"``.
    """
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    data, target, frame = arrays["image"], arrays["target"], None
    if as_frame:
        frame = _to_frame(arrays)
        data, target = frame.drop(columns="target"), frame["target"]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        target_names=list(target_names),
        groups=arrays.get("patient"),
        eye=arrays.get("eye"),
        subset=arrays.get("subset"),
        n_excluded=n_excluded,
        DESCR=f"{description}\n{len(target)} images; {n_excluded} excluded.\n",
    )


def _to_frame(arrays: Mapping[str, Any]) -> Any:
    pd = import_optional("pandas", purpose="as_frame=True")
    return pd.DataFrame({name: list(values) for name, values in arrays.items()})


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
