"""Files in folders: which are images, and names as systems and archives spell them."""

import os
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from PIL import Image

# Pillow recognises these, but needs another program to draw them, or cannot draw them at all.
_WITHOUT_PIXELS = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
# Images that Pillow does not read, or not in every installation.
_OTHER_IMAGES = frozenset(
    {".arw", ".avif", ".cr2", ".cr3", ".dcm", ".dicom", ".dng", ".heic", ".heif", ".jxl", ".jxr"}
    | {".nef", ".orf", ".raf", ".raw", ".rw2", ".svg", ".svs", ".webp"}
)
_COMMON_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# What file managers, archives and network drives leave behind.
_SYSTEM_NAMES = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "lost+found", "system volume information"}
    | {"desktop.ini", "ehthumbs.db", "icon\r", "thumbs.db"}
)


@dataclass(frozen=True)
class Contents:
    """What lies in a folder, at any depth.

    Attributes
    ----------
    images : list of Path
        Files that Pillow reads, sorted.
    others : list of Path
        All other files, and links that lead nowhere, sorted; without hidden
        files and those that systems make.
    folders : dict of (int, int) to Path
        The folder itself and those below it, by device and inode: these are
        the same for every path to a folder.
    """

    images: list[Path]
    others: list[Path]
    folders: dict[tuple[int, int], Path]


def contents_of(folder: Path) -> Contents:
    """Return what lies in a folder, links followed; a folder that is met twice counts once."""
    images: list[Path] = []
    others: list[Path] = []
    folders: dict[tuple[int, int], Path] = {}
    for here, names_of_folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        status = os.stat(here)
        identity = (status.st_dev, status.st_ino)
        if identity in folders:
            names_of_folders.clear()
            continue
        folders[identity] = Path(here)
        names_of_folders[:] = sorted(filter(is_shown, names_of_folders))
        for path in (Path(here, name) for name in names if is_shown(name)):
            (images if is_image(path) else others).append(path)
    return Contents(sorted(images), sorted(others), folders)


def is_shown(name: str) -> bool:
    """Whether a name is neither hidden nor that of a file which the system made."""
    return not name.startswith(".") and name.lower() not in _SYSTEM_NAMES


def is_image(path: Path) -> bool:
    """Whether a path is a file that Pillow reads, by its ending."""
    return has_pixels(ending(path.name)) and path.is_file()


def has_pixels(ending: str) -> bool:
    """Whether Pillow reads files with this ending (``".jpg"``)."""
    name = Image.registered_extensions().get(ending)
    return name in Image.OPEN and name not in _WITHOUT_PIXELS


def may_be_image(path: Path) -> bool:
    """Whether a file that Pillow does not take for an image by its ending may be one."""
    if ending(path.name) in _OTHER_IMAGES:
        return True
    if not path.is_file():
        return False
    try:
        with warnings.catch_warnings(), Image.open(path, formats=_COMMON_FORMATS):
            return True
    except Exception:  # Pillow raises many kinds of errors on damaged files
        return False


def what_else(path: Path) -> str:
    """Return what a path is that Pillow does not read, to end a sentence with."""
    return "a link that leads nowhere" if leads_nowhere(path) else "no image that Pillow reads"


def leads_nowhere(path: Path) -> bool:
    """Whether a path is a link to something that does not exist."""
    return path.is_symlink() and not path.exists()


def plain_name(name: str) -> str:
    """Return a name in the form that is compared: accents composed, no spaces around.

    macOS stores a letter and its accent as two characters, tables store them as one.
    """
    return unicodedata.normalize("NFC", name).strip()


def on_disk(name: str | os.PathLike[str], folder: Path = Path()) -> Path:
    """Return the path of a name in a folder, with its accents as they are stored there."""
    spellings = [str(name), *(unicodedata.normalize(form, str(name)) for form in ("NFC", "NFD"))]
    paths = [folder / spelling for spelling in spellings]
    return next((path for path in paths if path.exists()), paths[0])


def ending(name: str) -> str:
    """Return the ending of a name, in small letters, with its dot; empty if there is none."""
    return os.path.splitext(name.strip())[1].lower()


def stem(name: str) -> str:
    """Return the name of an image without folders and the ending of an image file, if any."""
    last = parts_of(name)[-1]
    known = has_pixels(ending(last))
    return plain_name(os.path.splitext(last)[0]) if known else last


def parts_of(path: str | os.PathLike[str]) -> list[str]:
    """Return the names that a path consists of, whichever system wrote it."""
    names = str(path).replace("\\", "/").removeprefix("./").split("/")
    return [plain_name(name) for name in names]


def sub_folders(folder: Path) -> Iterator[Path]:
    """Return the folders in a folder, sorted, without hidden ones and those of systems."""
    yield from sorted(path for path in folder.iterdir() if is_shown(path.name) and path.is_dir())


def _raise(error: OSError) -> NoReturn:
    raise error
