"""One item of X: whether it can be an image, and what to say if not."""

import io
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from skdr._missing import is_missing
from skdr.images._files import (
    check_header,
    is_contents,
    is_file_dict,
    is_open_file,
    is_path,
    open_file_problem,
    open_image,
    path_problem,
    without_dict,
)
from skdr.images._pixels import array_problem, type_name

# One line of text with a dot or slash in it; the header of an image is no such line.
_LIKE_A_PATH = re.compile(rb"[^\0-\x1f\x7f]*[./\\][^\0-\x1f\x7f]*")


def is_number(item: Any) -> bool:
    """Whether an item is a single number."""
    return isinstance(item, int | float | complex | np.number) and not is_missing(item)


def check_item(item: Any) -> None:
    """Raise if an item is no image, as far as known without reading it."""
    if problem := problem_with(item):
        raise problem


def problem_with(item: Any) -> Exception | None:
    """Return what is wrong with an item, as far as known without reading it."""
    if is_path(item):
        return path_problem(item)
    if is_missing(item):
        return ValueError("missing value")
    if isinstance(item, np.ndarray):
        return array_problem(item)
    if is_file_dict(item):
        return problem_with(without_dict(item))
    if is_contents(item):
        return _problem_with_contents(item)
    if isinstance(item, Mapping):
        return TypeError(
            f"a dict with the keys {listed_keys(item)} is no image; give the value of one of them, "
            "or a dict of 'bytes' and 'path'"
        )
    if isinstance(item, list | tuple):
        return _problem_with_list(item)
    if is_open_file(item):
        return open_file_problem(item)
    if _has_pixels(item):
        return None
    return TypeError(f"{type_name(item)} is no image; give a path, a PIL image or an array")


def header_problem(item: Any) -> Exception | None:
    """Return what is wrong with an item, as far as its first bytes show."""
    problem, item = problem_with(item), without_dict(item)
    try:
        if problem is None and is_contents(item):
            open_image(io.BytesIO(item))
        elif problem is None and is_path(item):
            status = os.stat(os.path.expanduser(item))
            check_header(os.fspath(item), status.st_size, status.st_mtime_ns)
    except MemoryError:  # caused by a damaged header; decoding will report it
        return None
    except Exception as exc:
        return exc
    return problem


def listed_keys(mapping: Iterable[Any]) -> str:
    """Return the first keys of a dict as a message lists them."""
    keys = [str(key) for key in mapping]
    return str(keys[:10]).replace("]", ", ...]") if len(keys) > 10 else str(keys)


def _problem_with_contents(contents: Any) -> Exception | None:
    """Return what is wrong with bytes: they are empty, or the text of a path.

    Whether that path exists is not checked: the answer would tell anyone who
    uploads names of files to a server which of them it has.
    """
    if not len(contents):
        return ValueError("empty file")
    if len(contents) < 2**10 and _LIKE_A_PATH.fullmatch(contents):
        return TypeError(
            "bytes are taken for the contents of a file; give a path as text, path.decode()"
        )
    return None


def _problem_with_list(item: list[Any] | tuple[Any, ...]) -> Exception | None:
    """Return what is wrong with a list or tuple, unless it holds pixels as nested lists."""
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
    """Whether NumPy can probably turn an item into an array."""
    if isinstance(item, memoryview | np.ndarray | Image.Image):
        return True
    kind = type(item)  # to ask the object itself could make it compute something
    return hasattr(kind, "__array__") or hasattr(kind, "__array_interface__")
