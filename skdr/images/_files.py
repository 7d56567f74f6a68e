"""An image file in any of its forms: by its path, in memory, open, or in a dict."""

import functools
import io
import os
import re
import stat
import threading
from collections.abc import Mapping
from typing import IO, Any

from PIL import Image

from skdr._missing import MISSING_TEXTS
from skdr.images._pixels import type_name

# So much of a file is read to see whether it begins as an image does.
_HEADER_BYTES = 2**16
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAX_NAME = 200
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
# Pillow decodes these by starting another program, which an untrusted file must not do.
_BY_GHOSTSCRIPT = "for which Pillow starts Ghostscript; convert it to PNG"
_REFUSED_FORMATS = {
    "EPS": f"an EPS file, {_BY_GHOSTSCRIPT}",
    "IPTC": f"an IPTC file, which may hold an EPS file, {_BY_GHOSTSCRIPT}",
}
# Locks for all of the user's objects would have to be stored somewhere: objects share a few.
_LOCKS = tuple(threading.RLock() for _ in range(64))


def is_path(item: Any) -> bool:
    """Whether an item names a file."""
    return isinstance(item, str | os.PathLike)


def is_contents(item: Any) -> bool:
    """Whether an item is the bytes of a file."""
    is_view = isinstance(item, memoryview) and item.ndim == 1
    return isinstance(item, bytes | bytearray) or is_view


def is_open_file(item: Any) -> bool:
    """Whether an item is an open file, or stands for one."""
    return hasattr(item, "read") and hasattr(item, "seek")


def is_file_dict(item: Any) -> bool:
    """Whether an item is a file as Hugging Face holds it: its bytes, its path, or both."""
    return isinstance(item, Mapping) and bool(item) and set(item) <= {"bytes", "path"}


def without_dict(item: Any) -> Any:
    """Return the bytes or, where there are none, the path that a dict holds; else the item."""
    if not is_file_dict(item):
        return item
    return item.get("path") if item.get("bytes") is None else item["bytes"]


def file_name(item: Any) -> str | None:
    """Return the name of the file of an item, for messages; None where it has no name."""
    if is_file_dict(item):
        item = item.get("path")
    elif is_open_file(item):
        item = getattr(item, "name", None)
    return str(item) if is_path(item) else None


def shortened(name: str) -> str:
    """Return a name, cut where it is too long for a message."""
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}..."


def own_lock(item: Any) -> threading.RLock:
    """Return the lock to hold while a user's object is read: it may not be thread-safe."""
    return _LOCKS[(id(item) >> 4) % len(_LOCKS)]


def contents_of(item: Any) -> bytes | None:
    """Return the bytes of a file, however it is given; None where an item is no file.

    An open file is read from its beginning; then its position is restored.

    Parameters
    ----------
    item : str, path, bytes, open binary file, or dict of "bytes" and "path"

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError, TypeError
        If it is empty, or an open file in text mode or that can be read only once.
    """
    item = without_dict(item)
    if is_path(item):
        contents = _read_path(item)
    elif is_contents(item):
        contents = bytes(item)
    elif is_open_file(item):
        contents = _read_open_file(item)
    else:
        return None
    if not contents:
        raise ValueError("empty file")
    return contents


def open_image(file: IO[bytes]) -> Image.Image:
    """Open an image without decoding its pixels.

    Raises
    ------
    ValueError
        If Pillow would start another program to decode it.
    DecompressionBombError
        If it has more pixels than Pillow allows.
    """
    image = _open(file)
    if image.format in _REFUSED_FORMATS:
        image.close()
        raise ValueError(_REFUSED_FORMATS[image.format])
    return image


def _open(file: IO[bytes]) -> Image.Image:
    try:
        return Image.open(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        found = re.search(r"\((\d+) pixels\)", str(exc))
        raise Image.DecompressionBombError(
            f"{exc} If you trust the file, raise the limit in each process: "
            f"PIL.Image.MAX_IMAGE_PIXELS = {found[1] if found else None}"
        ) from exc


def path_problem(path: str | os.PathLike[str]) -> Exception | None:
    """Return the error for a path without a file; None where there is a file."""
    try:
        status = os.stat(os.path.expanduser(path))
    except PermissionError as exc:
        return exc
    except (OSError, ValueError):
        return _no_such_file(str(path))
    if stat.S_ISDIR(status.st_mode):
        return IsADirectoryError("is a folder, not an image file")
    return None


@functools.lru_cache(maxsize=2**17)  # searches fit again and again on the same files
def check_header(path: str, n_bytes: int, changed_ns: int) -> None:
    """Raise if a file does not begin as an image does; decoding may find other errors."""
    if n_bytes == 0:
        raise ValueError("empty file")
    with open(os.path.expanduser(path), "rb") as file:
        head = file.read(_HEADER_BYTES)
        if not head.startswith(_TIFF):  # the header of a TIFF file may be anywhere in it
            try:
                open_image(io.BytesIO(head))
                return
            except Exception:  # perhaps the header is longer: try the whole file
                pass
        open_image(file)


def _read_path(path: str | os.PathLike[str]) -> bytes:
    # Reading from memory, Pillow allocates no more than the file holds, whatever its header says.
    try:
        with open(os.path.expanduser(path), "rb", buffering=0) as file:
            return file.read()
    except OSError as exc:
        raise path_problem(path) or exc from None


def open_file_problem(file: Any) -> Exception | None:
    """Return why an open file cannot be read as an image, as far as known without reading it."""
    if isinstance(file, io.TextIOBase):
        return TypeError("a file opened as text; open it with mode 'rb'")
    return None


def _read_open_file(file: Any) -> bytes:
    if problem := open_file_problem(file):
        raise problem
    with own_lock(file):
        try:
            position = file.tell()
            file.seek(0)
        except (AttributeError, io.UnsupportedOperation):
            raise ValueError(
                f"{type_name(file)} can be read once only; give its contents, .read()"
            ) from None
        try:
            return bytes(file.read())
        finally:
            file.seek(position)


def _no_such_file(name: str) -> Exception:
    """Return the error for a path that does not exist."""
    if name.strip() in MISSING_TEXTS:
        return ValueError("missing value")
    if address := _ADDRESS.match(name):
        if address[1].lower() == "file":
            return ValueError(f"give the path alone, without {address[1]}:")
        return ValueError(
            "is an address, not a file on this machine; download it first, or give an open file, "
            "such as fsspec.open(address).open()"
        )
    if any(character in name for character in "*?["):
        return FileNotFoundError(
            "no such file; instead of a pattern give the files, sorted(glob.glob(pattern))"
        )
    if not os.path.isabs(os.path.expanduser(name)):
        return FileNotFoundError(f"no such file in {shortened(os.getcwd())}")
    return FileNotFoundError("no such file")
