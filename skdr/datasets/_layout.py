"""How a folder of images is laid out: classes, parts of a split with classes, or neither."""

from collections.abc import Sequence
from pathlib import Path

from skdr._warnings import warn
from skdr.datasets._files import Contents, is_image, plain_name, sub_folders
from skdr.datasets._tables import chosen_subsets

PARTS = ("train", "val", "test")
_PART_OF_NAME = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def part_of(name: str) -> str | None:
    """Return the part of a split that the name of a folder stands for, if any."""
    return _PART_OF_NAME.get(plain_name(name).casefold())


def folders_of_parts(folder: Path, subset: str | Sequence[str]) -> dict[str, Path]:
    """Return the folder of each part of a split that ``subset`` asks for."""
    found = _named_like_parts(folder)
    if subset == "all":
        chosen = [part for part in PARTS if part in found]
        others = [path.name for path in sub_folders(folder) if part_of(path.name) is None]
        if chosen and others:
            warn(f'{folder}: subset="all" is {chosen}; the folders {others} are left out.')
    else:
        names = [subset] if isinstance(subset, str) else subset
        chosen = chosen_subsets([part_of(str(name)) or str(name) for name in names], PARTS)
    missing = [part for part in chosen if part not in found]
    if missing or not chosen:
        raise ValueError(
            f"{folder} has no folder for subset={missing[0] if missing else subset!r}; it has "
            f"{[path.name for path in sub_folders(folder)]}. Where these are the classes, leave "
            f"subset out."
        )
    for part in chosen:
        if len(found[part]) > 1:
            raise ValueError(
                f"{folder} has several folders for subset={part!r}: "
                f"{[path.name for path in found[part]]}. Load one of them by its own path."
            )
    return {part: found[part][0] for part in chosen}


def refuse_parts_as_classes(folder: Path) -> None:
    """Raise an error if sub-folders are parts of a split rather than classes."""
    found = _named_like_parts(folder)
    names = [path.name for paths in found.values() for path in paths]
    divided = [part for part in PARTS if any(map(_holds_folders_only, found.get(part, [])))]
    all_are_parts = len(names) == sum(1 for _ in sub_folders(folder))
    if divided and (len(found) > 1 or all_are_parts):
        several = f", several as in subset={divided[:2]}" if len(divided) > 1 else ""
        raise ValueError(
            f"{folder} is divided into {names}, which hold the class folders: choose "
            f'subset="{divided[0]}"{several}, or subset="all".'
        )
    if len(found) > 1:
        raise ValueError(
            f"{folder} holds {names}, parts of a split by their names, but no class folders in "
            f"them: give paths and labels yourself. Should they be classes, say "
            f"class_names={names}."
        )


def check_depth(folder: Path, classes: dict[str, Contents]) -> None:
    """Raise or warn if what looks like classes lies more than one folder down.

    Parameters
    ----------
    folder : Path
    classes : dict of str to Contents
        What lies in each sub-folder.
    """
    inside = {name: _folders_of_images(contents) for name, contents in classes.items()}
    if len(classes) == 1:
        ((name, inner),) = inside.items()
        if inner and "" not in inner:
            raise ValueError(
                f"{folder} holds one folder only, {name!r}, and the images lie in its sub-folders "
                f"{_listed(inner)}. Where these are the classes, load {str(folder / name)!r}; "
                f"should {name!r} be the class, say class_names={[name]}."
            )
        warn(f"{folder} holds one class only, {name!r}; a classifier needs two.")
        return
    common = set.intersection(*inside.values())
    if len(common) > 1 and "" not in set.union(*inside.values()):
        warn(
            f"The class folders {_listed(inside)} in {folder} all hold the same sub-folders, "
            f"{_listed(common)}, and no images beside them. Where these are the classes or the "
            f"parts of a split, load one folder, or give paths and labels yourself; class_names= "
            f"says that the outer folders are the classes."
        )


def _named_like_parts(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sub_folders(folder):
        part = part_of(path.name)
        if part is not None:
            found.setdefault(part, []).append(path)
    return found


def _holds_folders_only(folder: Path) -> bool:
    return any(sub_folders(folder)) and not any(map(is_image, folder.iterdir()))


def _folders_of_images(contents: Contents) -> set[str]:
    """Return the names of the direct sub-folders that hold images; "" for the folder itself."""
    n = len(next(iter(contents.folders.values())).parts)
    inside = {path.parts[n:-1][:1] for path in contents.images}
    return {plain_name(folders[0]) if folders else "" for folders in inside}


def _listed(names: object) -> str:
    ordered = sorted(names)  # type: ignore[call-overload]
    return f"{ordered[:10]}" + (" and others" if len(ordered) > 10 else "")
