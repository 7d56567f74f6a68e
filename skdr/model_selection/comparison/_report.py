"""A comparison of strategies as one self-contained HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdr._grades import are_grades
from skdr._html import html
from skdr._text_table import html_list
from skdr.images import ImageForm
from skdr.inspection import MistakesDisplay
from skdr.metrics import GradeConfusionDisplay, ReliabilityDisplay
from skdr.model_selection._inputs import image_form, images_in
from skdr.model_selection._page import picture


@dataclass(frozen=True)
class ComparedImages:
    """The images of a comparison, and what is known of them.

    Attributes
    ----------
    X : array of shape (n_samples, n_columns) or DataFrame
        The images.
    y : ndarray of shape (n_samples,)
        Their labels.
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    groups : ndarray of shape (n_samples,) or None
        Their patients.
    strategies : mapping of str to estimator
        They know where in X the images are.
    """

    X: Any
    y: NDArray[Any]
    classes: NDArray[Any]
    groups: NDArray[Any] | None
    strategies: Mapping[str, Any]

    @property
    def are_graded(self) -> bool:
        """Whether the labels are the grades 0 to 4."""
        return are_grades(self.classes)


@dataclass(frozen=True)
class OutOfFold:
    """The predictions of a strategy for images that it was not trained on.

    Attributes
    ----------
    name : str
        Of the strategy.
    errors : sequence of str
        One for each fold that failed.
    codes : ndarray of shape (n_samples,)
        Positions of the predicted labels in the sorted classes, -1 where no
        fold tests an image.
    probabilities : ndarray of shape (n_samples, n_classes) or None
        NaN where no fold tests an image.
    """

    name: str
    errors: Sequence[str]
    codes: NDArray[np.intp]
    probabilities: NDArray[np.float64] | None


def what_was_compared(images: ComparedImages, n_folds: int) -> str:
    """Return a paragraph on the images, the folds and the intervals."""
    said = f"{len(images.y)} images, {n_folds} folds"
    if images.groups is not None:
        said += f", {len(np.unique(images.groups))} patients, each on one side of a split"
    intervals = "95% intervals of the corrected resampled t, cut at the limits of each metric"
    return html("<p>{{ said }}.</p>", said=f"{said}. Means over folds, with {intervals}")


def strategy_section(images: ComparedImages, said: OutOfFold) -> Iterator[str]:
    """Yield what a strategy got right and wrong: errors, or confusion matrix and reliability."""
    yield html("<h2>{{ name }}</h2>", name=said.name)
    if said.errors:
        errors = html_list(list(dict.fromkeys(said.errors)))
        yield html("<p>Failed:</p>{{ errors }}", errors=errors)
        return
    labels, rows = images.classes.tolist(), np.flatnonzero(said.codes >= 0)
    truth = images.y[rows]
    confusion = GradeConfusionDisplay.from_predictions(
        truth, images.classes[said.codes[rows]], labels=labels
    )
    yield picture(confusion.figure_, f"Confusion matrix of {said.name}")
    if said.probabilities is not None:
        reliability = ReliabilityDisplay.from_predictions(
            truth,
            said.probabilities[rows],
            event="referable" if images.are_graded else "grade",
            labels=labels,
            groups=None if images.groups is None else images.groups[rows],
            random_state=0,
        )
        yield picture(reliability.figure_, f"Reliability of {said.name}")


def mistakes_section(images: ComparedImages, said: OutOfFold) -> Iterator[str]:
    """Yield the images that a strategy got most wrong; nothing where rows are no pictures."""
    source = images_in(images.X, images.strategies)
    if source is None or source.is_strip:
        return
    # An image that no fold tests is no mistake.
    predicted = np.where(said.codes < 0, images.y, images.classes[said.codes])
    yield html("<h2>Worst mistakes of {{ name }}</h2>", name=said.name)
    if (predicted == images.y).all():
        yield html("<p>It made none.</p>")
        return
    display = MistakesDisplay.from_predictions(
        images.X,
        images.y,
        predicted,
        y_score=said.probabilities,
        labels=images.classes,
        graded=images.are_graded,
        **vars(image_form(images.strategies) or ImageForm()),
    )
    yield picture(display.figure_, f"Images that {said.name} got most wrong")
