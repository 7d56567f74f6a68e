"""What comes with the images: labels and weights."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import compute_class_weight

from skdr.images import ImageSource


def check_one_label_an_image(source: ImageSource, y: Any) -> None:
    """Raise if there are more or fewer labels than images, as when X is a single image."""
    n_labels = len(y) if hasattr(y, "__len__") and hasattr(y, "__getitem__") else len(source)
    if n_labels != len(source):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X holds {len(source)} "
            f"images and y {n_labels} labels. Put a single image in a list: [image]."
        )


def merge_equal_images(
    source: ImageSource,
    y: NDArray[np.intp],
    weights: NDArray[np.float64],
    groups: NDArray[Any] | None,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return one row of each distinct image and label, and the sum of the weights of its rows.

    Rows are sorted by their contents: the order in which they come does not
    change training, and repeating a row is the same as doubling its weight.
    """
    first_rows: dict[tuple[bytes, int, int], int] = {}
    totals: dict[tuple[bytes, int, int], float] = {}
    rows = np.flatnonzero(weights)
    for row, digest in zip(map(int, rows), source.take(rows).digests(), strict=True):
        group = 0 if groups is None else int(groups[row])
        key = (digest, int(y[row]), group)
        first_rows.setdefault(key, row)
        totals[key] = totals.get(key, 0.0) + weights[row]
    keys = sorted(first_rows)
    return (
        np.array([first_rows[key] for key in keys], dtype=np.intp),
        np.array([totals[key] for key in keys]),
    )


def wants_class_numbers(loss: str | keras.losses.Loss | Callable[..., Any]) -> bool:
    name = loss if isinstance(loss, str) else type(loss).__name__
    return name.lower().startswith("sparse")


def class_weights(
    class_weight: Mapping[Any, float] | str | None,
    classes: NDArray[Any],
    y: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weight of each class in the loss; y indexes `classes`."""
    if class_weight == "balanced":
        totals = np.bincount(y, weights, minlength=len(classes))
        return np.divide(totals.sum() / len(classes), totals, where=totals > 0, out=totals)
    present = np.unique(y)
    result = np.ones(len(classes))
    labels = classes[present]
    result[present] = compute_class_weight(class_weight, classes=labels, y=labels)
    return result
