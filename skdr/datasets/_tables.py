"""What the loaders share: tables of labels, files by name, the Bunch."""

import csv
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from skdr._grades import GRADE_NAMES, GRADES
from skdr._optional import import_optional
from skdr.datasets._files import contents_of, on_disk, parts_of, plain_name, stem, what_else

_DELIMITERS = ",;\t"
_MAX_LISTED = 10


def raise_if_any(bad: Iterable[Any], what: str) -> None:
    """Raise one ValueError that lists bad items, if there are any."""
    bad = [str(item) for item in bad]
    if bad:
        more = f" and {len(bad) - _MAX_LISTED} more" if len(bad) > _MAX_LISTED else ""
        raise ValueError(f"{what}: {', '.join(bad[:_MAX_LISTED])}{more}.")


def chosen_subsets(subset: str | Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the parts of a split that ``subset`` asks for: one, several or ``"all"``."""
    if isinstance(subset, str):
        subset = list(known) if subset == "all" else [subset]
    unknown = [part for part in subset if part not in known]
    if unknown or not len(subset):
        wrong = unknown[0] if unknown else subset
        raise ValueError(
            f"subset={wrong!r} is not known; choose one of {[*known, 'all']}, or a list of several."
        )
    return list(dict.fromkeys(subset))


def existing_folder(path: str | os.PathLike[str]) -> Path:
    folder = on_disk(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder.")
    return folder


def sub_folder(folder: Path, *names: str) -> Path:
    """Return the first folder that exists, of several names in a folder."""
    for name in names:
        if on_disk(name, folder).is_dir():
            return on_disk(name, folder)
    raise FileNotFoundError(f"{folder} has no folder {' or '.join(map(repr, names))}.")


def read_text(path: Path) -> str:
    """Return the text of a table, with accents composed as `plain_name` has them."""
    path = on_disk(path.name, path.parent)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    try:
        return unicodedata.normalize("NFC", path.read_text(encoding="utf-8-sig"))
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
    known = [str(grade) for grade in GRADES]
    raise_if_any(
        [f"{n}: {v!r}" for n, v, g in zip(names, values, grades, strict=True) if g not in known],
        f"{table}: grades that are not 0-4",
    )
    return [int(grade) for grade in grades]


def find_images(folder: Path, names: Sequence[str], table: str) -> list[str]:
    """Return the path of each named image, at any depth of a folder.

    Names may lack the ending of the file, or have another one. They may begin
    with folders, which must be the last folders on the path of the file.
    """
    outside = [name for name in names if _leads_out(name)]
    raise_if_any(outside, f"{table}: names that are not plain file names")
    raise_if_any(
        _repeated([*parts_of(name)[:-1], stem(name)] for name in names), f"{table}: names twice"
    )
    contents = contents_of(folder)
    files = _by_stem(contents.images)
    found = [_candidates(name, files.get(stem(name), [])) for name in names]
    missing = [name for name, paths in zip(names, found, strict=True) if not paths]
    raise_if_any(_explained(missing, contents.others), f"{table}: images missing in {folder}")
    several = [path for paths in found if len(paths) > 1 for path in paths]
    raise_if_any(several, "several files of one name")
    raise_if_any(_repeated([str(path)] for (path,) in found), f"{table}: images twice")
    return [str(path) for (path,) in found]


def _leads_out(name: str) -> bool:
    parts = parts_of(name)
    return ".." in parts or parts[0] == "" or parts[0].endswith(":")


def _by_stem(paths: Iterable[Path]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in paths:
        files.setdefault(stem(path.name), []).append(path)
    return files


def _candidates(name: str, files: Sequence[Path]) -> list[Path]:
    """Return the files of one stem that a name may mean: those with its ending, if any."""
    *folders, last = parts_of(name)
    n = len(folders) + 1
    files = [file for file in files if parts_of(file)[-n:-1] == folders]
    return [file for file in files if plain_name(file.name) == last] or files


def _explained(missing: Iterable[str], others: Iterable[Path]) -> list[str]:
    """Add to the names of missing images the other files that have such a name."""
    unread = {plain_name(n): path for path in others for n in (path.stem, path.name)}
    return [
        f"{name} ({unread[stem(name)].name} is {what_else(unread[stem(name)])})"
        if stem(name) in unread
        else name
        for name in missing
    ]


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


def _repeated(paths: Iterable[Sequence[str]]) -> list[str]:
    return [path for path, count in Counter("/".join(p) for p in paths).items() if count > 1]
