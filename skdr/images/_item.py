"""One item of X: a file in one of its forms, or pixels; and what is no image at all."""

import functools
import io
import os
import re
import stat
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from skdr.images._pixels import type_name

# How a missing value looks as text.
MISSING = frozenset({"", "nan", "None", "<NA>", "NaT"})
_MISSING_TYPES = {"MaskedConstant", "NAType", "NaTType", "NoneType"}
_HEADER_BYTES = 2**16
_MAX_NAME = 200
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
# One lock for each of the user's objects would have to be kept somewhere: a few are shared.
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


def is_missing(item: Any) -> bool:
    """Whether an item is a missing value of any library; text and paths are no such."""
    if isinstance(item, float | np.floating):
        return bool(np.isnan(item))
    if isinstance(item, np.datetime64 | np.timedelta64):
        return bool(np.isnat(item))
    return type(item).__name__ in _MISSING_TYPES


def is_number(item: Any) -> bool:
    """Whether an item is a single number."""
    return isinstance(item, int | float | complex | np.number) and not is_missing(item)


def own_lock(item: Any) -> threading.RLock:
    """Return a lock under which an object of the user's is read: it may not bear two threads."""
    return _LOCKS[(id(item) >> 4) % len(_LOCKS)]


def file_name(item: Any) -> str | None:
    """Return what a message calls the file of an item; None where it has no name."""
    if is_file_dict(item):
        item = item.get("path")
    elif is_open_file(item):
        item = getattr(item, "name", None)
    return str(item) if is_path(item) else None


def shortened(name: str) -> str:
    """Return a name that a message can hold."""
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}..."


def contents_of(item: Any) -> bytes | None:
    """Return the bytes of a file, however it is given; None where an item is no file.

    An open file is read from its beginning, and put back to where it was.

    Parameters
    ----------
    item : str, path, bytes, open binary file, or dict of "bytes" and "path"

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError, TypeError
        If it is empty, or opened in a way in which it cannot be read.
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


def check_item(item: Any) -> None:
    """Raise where an item is no image, as far as is known without reading it."""
    if problem := problem_with(item):
        raise problem


def problem_with(item: Any) -> Exception | None:
    """Return what is wrong with an item, as far as is known without reading it."""
    if is_missing(item):
        return ValueError("missing value")
    if isinstance(item, np.ndarray):
        return None
    if is_file_dict(item):
        return problem_with(without_dict(item))
    if is_path(item):
        return _problem_with_path(item)
    if is_contents(item):
        return _problem_with_contents(item)
    if isinstance(item, Mapping):
        return TypeError(
            f"a dict with the keys {listed_keys(item)} is no image; give what it holds under one "
            "of them, or a dict of 'bytes' and 'path'"
        )
    if isinstance(item, list | tuple):
        return _problem_with_list(item)
    if is_open_file(item) or _has_pixels(item):
        return None
    return TypeError(f"{type_name(item)} is no image; give a path, a PIL image or an array")


def header_problem(item: Any) -> Exception | None:
    """Return what is wrong with an item, as far as its first bytes show."""
    problem, item = problem_with(item), without_dict(item)
    try:
        if problem is None and is_contents(item):
            open_image(bytes(item))
        elif problem is None and is_path(item):
            status = os.stat(os.path.expanduser(item))
            _check_header(os.fspath(item), status.st_size, status.st_mtime_ns)
    except Exception as exc:
        return exc
    return problem


def open_image(contents: bytes) -> Image.Image:
    """Open an image file in memory; its pixels are not decoded yet."""
    try:
        return Image.open(io.BytesIO(contents))
    except Image.DecompressionBombError as exc:
        found = re.search(r"\((\d+) pixels\)", str(exc))
        raise Image.DecompressionBombError(
            f"{exc} Where you trust the file, raise the limit in each process: "
            f"PIL.Image.MAX_IMAGE_PIXELS = {found[1] if found else None}"
        ) from exc


def listed_keys(mapping: Iterable[Any]) -> str:
    """Return the first keys of a dict as a message lists them."""
    keys = [str(key) for key in mapping]
    return str(keys[:10]).replace("]", ", ...]") if len(keys) > 10 else str(keys)


@functools.lru_cache(maxsize=2**17)  # searches fit again and again on the same files
def _check_header(path: str, n_bytes: int, changed_ns: int) -> None:
    """Raise where a file does not begin as an image does."""
    if n_bytes == 0:
        raise ValueError("empty file")
    with open(os.path.expanduser(path), "rb", buffering=0) as file:
        head = file.read(_HEADER_BYTES)
        try:
            open_image(head)
        except Exception:  # the header of a TIFF file may be at its end
            if n_bytes <= len(head):
                raise
            open_image(head + file.read())


def _read_path(path: str | os.PathLike[str]) -> bytes:
    # In memory a damaged header cannot make Pillow ask the system for more than is there.
    try:
        with open(os.path.expanduser(path), "rb", buffering=0) as file:
            return file.read()
    except OSError as exc:
        raise _problem_with_path(path) or exc from None


def _read_open_file(file: Any) -> bytes:
    if isinstance(file, io.TextIOBase):
        raise TypeError("a file opened as text; open it with mode 'rb'")
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


def _problem_with_path(path: str | os.PathLike[str]) -> Exception | None:
    try:
        status = os.stat(os.path.expanduser(path))
    except PermissionError as exc:
        return exc
    except (OSError, ValueError):
        return _no_such_file(str(path))
    if stat.S_ISDIR(status.st_mode):
        return IsADirectoryError("is a folder, not an image file")
    return None


def _no_such_file(name: str) -> Exception:
    """Return what is wrong with a path at which there is nothing."""
    if name.strip() in MISSING:
        return ValueError("missing value")
    if address := _ADDRESS.match(name):
        if address[1].lower() == "file":
            return ValueError(f"give the path alone, without {address[1]}:")
        return ValueError(
            "is an address, no file on this machine; download it first, or give an open file, "
            "such as fsspec.open(address).open()"
        )
    if any(character in name for character in "*?["):
        return FileNotFoundError(
            "no such file; of a pattern give the files, sorted(glob.glob(pattern))"
        )
    if not os.path.isabs(os.path.expanduser(name)):
        return FileNotFoundError(f"no such file in {shortened(os.getcwd())}")
    return FileNotFoundError("no such file")


def _problem_with_contents(contents: Any) -> Exception | None:
    """Return what is wrong with bytes that are short, and name a file."""
    if len(contents) < 2**10 and os.path.exists(bytes(contents)):
        return TypeError(
            "bytes are taken for the contents of a file; give a path as text, path.decode()"
        )
    return None


def _problem_with_list(item: list[Any] | tuple[Any, ...]) -> Exception | None:
    """Return what is wrong with a list or tuple, unless it is pixels as nested lists."""
    kinds = {_kind_of_part(part) for part in item}
    if len(kinds) == 1 and None not in kinds:
        return None
    parts = ", ".join(dict.fromkeys(type(part).__name__ for part in item)) or "nothing"
    kind = type(item).__name__
    return TypeError(
        f"a {kind} of ({parts}) is no image; give the images alone, [image for image, _ in X]"
    )


def _kind_of_part(part: Any) -> type | None:
    kinds = [(list, isinstance(part, list | tuple)), (int, is_number(part))]
    return next((kind for kind, fits in kinds if fits), type(part) if _has_pixels(part) else None)


def _has_pixels(item: Any) -> bool:
    """Whether NumPy can be expected to make an array of an item."""
    return isinstance(item, memoryview) or any(
        hasattr(item, name) for name in ("__array__", "__array_interface__")
    )
