"""Any folder of images: one sub-folder per class, perhaps in parts of a split."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

from skdr._warnings import warn
from skdr.datasets._files import (
    Contents,
    contents_of,
    is_image,
    is_shown,
    plain_name,
    sub_folders,
)
from skdr.datasets._layout import check_depth, folders_of_parts, refuse_parts_as_classes
from skdr.datasets._passed_over import PassedOver
from skdr.datasets._tables import existing_folder, make_bunch

_DESCR = """\
Images in {folder}, one folder per class. Who is on them is not known.
Passed over: {passed_over}.
"""


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    subset: str | Sequence[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load a folder that holds one sub-folder of images per class.

    Files with any ending that Pillow reads are images. Links are followed.
    Hidden files and folders, and what systems leave behind (``Thumbs.db``,
    ``__MACOSX``), are left out; all other files are passed over and counted.

    Parameters
    ----------
    path : str or path
        The folder. Images may lie deeper inside the class folders.
    class_names : sequence of str, default=None
        The sub-folders to load, in this order. By default all, sorted.
    subset : {"train", "val", "test", "all"} or sequence of several, default=None
        The part or parts to load of a folder that is divided into ``train``,
        ``val`` and ``test``, with the class folders in each. ``training``,
        ``valid``, ``validation`` and ``testing``, in capital or small letters,
        are names of the same.
    return_X_y : bool, default=False
        Whether to return ``(paths, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether paths come as a DataFrame with the column ``"image"`` (and
        ``"subset"``), and labels as a Series. Needs pandas.

    Returns
    -------
    data : Bunch
        With ``data`` (paths, ndarray of str of shape (n_samples,), or
        DataFrame), ``target`` (names of the folders, shape (n_samples,)),
        ``target_names``, ``groups`` (None: a folder does not say who is
        on the images; split such data with care), ``subset`` (of each image,
        where `subset` was given, else None), ``n_excluded`` (number of files
        that were passed over) and ``DESCR``, which names their kinds.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If there are no class folders, one holds no images, or two hold the
        same; if the sub-folders are parts of a split and `subset` is not
        given, or the classes lie one folder deeper.

    Warns
    -----
    UserWarning
        If some files that were passed over may be images, or many were passed
        over; if there is only one class, or the parts differ in their classes.

    Examples
    --------
    >>> from skdr.datasets import load_image_folder
    >>> load_image_folder("flowers").target_names  # doctest: +SKIP
    ['daisy', 'rose', 'tulip']
    >>> load_image_folder("chest_xray", subset=["train", "val"]).subset[0]  # doctest: +SKIP
    'train'
    """
    folder = existing_folder(path)
    classes = _find_classes(folder, class_names, subset)
    _check_classes(folder, classes)
    if class_names is None:
        _check_depth(classes)
    others = chain(*(found.contents.others for found in classes))
    passed_over = PassedOver(folder, _beside(folder, classes), others)
    columns: dict[str, list[str]] = {
        "image": [str(image) for found in classes for image in found.contents.images],
        "target": [found.label for found in classes for _ in found.contents.images],
    }
    if subset is not None:
        columns["subset"] = [found.part for found in classes for _ in found.contents.images]
    passed_over.tell(len(columns["image"]))
    labels = {found.label for found in classes}
    return make_bunch(
        columns,
        target_names=sorted(labels) if class_names is None else list(dict.fromkeys(class_names)),
        description=_DESCR.format(folder=folder, passed_over=str(passed_over) or "nothing"),
        n_excluded=len(passed_over),
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


@dataclass(frozen=True)
class _ClassFolder:
    """The images of one class, in one part of a split if there is one."""

    part: str
    label: str
    path: Path

    @cached_property
    def contents(self) -> Contents:
        """What lies in it."""
        return contents_of(self.path)


def _find_classes(
    folder: Path, class_names: Sequence[str] | None, subset: str | Sequence[str] | None
) -> list[_ClassFolder]:
    if subset is None:
        if class_names is None or not _are_sub_folders(class_names, folder):
            refuse_parts_as_classes(folder)
        parts = {"": folder}
    else:
        parts = folders_of_parts(folder, subset)
    by_label = {part: _by_label(base) for part, base in parts.items()}
    names = _chosen_names(folder, by_label, class_names)
    return [
        _ClassFolder(part, name, paths[plain_name(name)])
        for part, paths in by_label.items()
        for name in names
        if plain_name(name) in paths
    ]


def _chosen_names(
    folder: Path, by_label: Mapping[str, Mapping[str, Path]], class_names: Sequence[str] | None
) -> list[str]:
    """Return the names of the classes to load; raise or warn if no or only some parts have one."""
    labels = sorted({label for paths in by_label.values() for label in paths})
    names = labels if class_names is None else list(dict.fromkeys(class_names))
    unknown = [name for name in names if plain_name(name) not in labels]
    if unknown or not names:
        raise ValueError(f"class_names={unknown} are no folders in {folder}; it has {labels}.")
    for part, paths in by_label.items():
        missing = [name for name in names if plain_name(name) not in paths]
        if missing:
            warn(f"{folder}: subset={part!r} has no folders for the classes {missing}.")
    return names


def _are_sub_folders(names: Sequence[str], folder: Path) -> bool:
    return {*map(plain_name, names)} <= {plain_name(path.name) for path in sub_folders(folder)}


def _by_label(folder: Path) -> dict[str, Path]:
    """Return the sub-folders by the names of their classes."""
    paths: dict[str, Path] = {}
    for path in sub_folders(folder):
        label = plain_name(path.name)
        if label in paths:
            raise ValueError(
                f"{folder} holds two folders of one name, {paths[label].name!a} and "
                f"{path.name!a}: rename one, or put them together."
            )
        paths[label] = path
    if not paths:
        n_images = sum(map(is_image, folder.iterdir()))
        there = f" The images in it ({n_images}) have no class." if n_images else ""
        raise ValueError(f"{folder} holds no sub-folders; expected one per class.{there}")
    return paths


def _check_classes(folder: Path, classes: Iterable[_ClassFolder]) -> None:
    """Raise an error for classes without images, and for images in two classes or parts."""
    empty = [found for found in classes if not found.contents.images]
    if empty:
        names = [str(found.path.relative_to(folder)) for found in empty]
        others = PassedOver(folder, (), chain(*(found.contents.others for found in empty)))
        told = f"; what is there: {others}" if len(others) else ""
        raise ValueError(
            f"The class folders {names} in {folder} hold no images{told}. Remove them, or choose "
            f"others with class_names."
        )
    seen: dict[tuple[int, int], Path] = {}
    for found in classes:
        for identity, path in found.contents.folders.items():
            if identity in seen:
                raise ValueError(
                    f"{path} and {seen[identity]} are one folder, by a link: its images would "
                    f"stand in two classes or parts of a split. Choose classes with class_names, "
                    f"or remove the link."
                )
            seen[identity] = path


def _check_depth(classes: Sequence[_ClassFolder]) -> None:
    for base in dict.fromkeys(found.path.parent for found in classes):
        check_depth(base, {f.label: f.contents for f in classes if f.path.parent == base})


def _beside(folder: Path, classes: Iterable[_ClassFolder]) -> list[Path]:
    """Return the files that lie beside the class folders, or beside the parts of a split."""
    above = {folder, *(found.path.parent for found in classes)}
    files = [path for base in above for path in base.iterdir() if not path.is_dir()]
    return sorted(path for path in files if is_shown(path.name))
