"""Errors for an X that is no sequence of images: what it is, and how to get images from it."""

import os
from collections.abc import Iterator, Mapping, Set
from typing import Any

from PIL import Image

from skdr.images._files import is_contents, is_file_dict, is_open_file, is_path, shortened
from skdr.images._item import listed_keys, problem_with
from skdr.images._pixels import type_name

_CHANNELS = (1, 3, 4)


def check_table(X: Any) -> None:
    """Raise if a DataFrame is not in memory."""
    for method in ("collect", "compute"):
        if hasattr(X, method):
            raise TypeError(f"X is a {type_name(X)}, not in memory yet; give X.{method}().")


def check_is_no_single_image(X: Any) -> None:
    """Raise if X is one path or one image: each row of its pixels would count as an image."""
    if is_path(X):
        raise ValueError(_of_one_path(str(X)))
    one = _one_image(X)
    if one:
        raise ValueError(f"X is {one}; put a single image in a list: [image].")
    shape = _shape_of_first(X)
    if len(shape) == 2 and shape[1] in _CHANNELS:
        n_images, height, width = len(X), *shape
        raise ValueError(
            f"X is of shape {(n_images, height, width)}, which is that of one image; put a single "
            f"image in a list: [image]. If these are {n_images} grey images, {width} pixels wide, "
            "give X[..., np.newaxis]."
        )


def check_has_positions(X: Any) -> None:
    """Raise if X is not a sequence of images: ``len(X)``, and ``X[i]`` from 0 on."""
    name = "X of type " + type_name(X)
    if isinstance(X, Mapping):
        raise TypeError(f"{name} has the keys {listed_keys(X)}; give the images in it, X[key].")
    if isinstance(X, Set):
        raise TypeError(f"{name} has no order that labels could follow; give sorted(X).")
    if isinstance(X, Iterator):
        raise TypeError(f"{name} can be read once only; give list(X).")
    if hasattr(X, "as_numpy_iterator"):  # a data set of TensorFlow
        raise TypeError(
            f"{name} has no images at positions, X[i]; give them as arrays, such as "
            "[image.numpy() for image, label in X.unbatch()]."
        )
    columns = getattr(X, "column_names", None)  # a table of pyarrow or Hugging Face
    if columns and _has_length(X):
        raise TypeError(
            f"{name} has the columns {listed_keys(columns)}; give the one of the images, X[column]."
        )
    if not hasattr(X, "__getitem__") or not _has_length(X):
        raise TypeError(
            f"{name} has no images at positions, X[0] to X[len(X) - 1]; give a list of paths, PIL "
            "images or arrays."
        )
    if len(X):
        _check_first(X, name)


def _check_first(X: Any, name: str) -> None:
    """Raise if the first item of a lazy sequence is of a kind that cannot be an image."""
    try:
        first = X[0]
    except Exception:  # decoding will report it with its index
        return
    if is_path(first):  # reading will report files that do not exist
        return
    if isinstance(first, Mapping) and not is_file_dict(first):
        raise TypeError(
            f"{name} holds dicts with the keys {listed_keys(first)}; give the images alone, such "
            "as the column X[key]."
        )
    if isinstance(first, tuple) and (problem := problem_with(first)):
        raise TypeError(
            f"{name} does not hold images: {problem}, or an object whose [i] is the image."
        )


def _of_one_path(name: str) -> str:
    what = f"X={shortened(name)!r} is one path"
    if os.path.isdir(os.path.expanduser(name)):
        return (
            f"{what}, of a folder; skdr.datasets.load_image_folder(path) finds the images in it, "
            "if there is one folder per class."
        )
    if "://" in name:
        return f"X={shortened(name)!r} is one address; download it, and give a list of paths."
    if any(character in name for character in "*?["):
        return f"{what}, of a pattern; give a list of paths: sorted(glob.glob(pattern))."
    return f"{what}; give a list of paths."


def _one_image(X: Any) -> str:
    """Return what X is, if it is plainly one image."""
    if isinstance(X, Image.Image):
        return "one PIL image"
    if is_contents(X):
        return "the contents of one file"
    if is_open_file(X):
        return "one open file"
    return "one image in a dict" if is_file_dict(X) else ""


def _shape_of_first(X: Any) -> tuple[int, ...]:
    """Return the shape of the first item of an array, or of a list of arrays or nested lists."""
    shape = getattr(X, "shape", None)
    if shape is not None:
        return tuple(shape)[1:]
    if not isinstance(X, list | tuple) or not X:
        return ()
    first, nested = X[0], []
    while isinstance(first, list | tuple) and first:
        nested.append(len(first))
        first = first[0]
    return (*nested, *getattr(first, "shape", ()))


def _has_length(X: Any) -> bool:
    try:
        return len(X) >= 0
    except (NotImplementedError, TypeError):
        return False
