"""A comparison of strategies as one self-contained HTML page."""

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from skdr._text_table import html_list
from skdr.inspection import MistakesDisplay
from skdr.metrics import GradeConfusionDisplay, ReliabilityDisplay
from skdr.model_selection._inputs import image_settings, images_in
from skdr.model_selection._page import html_page, picture

if TYPE_CHECKING:
    from skdr.model_selection._comparison import StrategyComparison


def comparison_page(comparison: "StrategyComparison") -> str:
    """Return the page: conclusion, table, plots, confusion matrices, mistakes of the best.

    Parameters
    ----------
    comparison : StrategyComparison

    Returns
    -------
    page : str
        HTML that loads nothing. Names and labels in it are escaped.
    """
    body = [
        f"<p>{_what_was_compared(comparison)}</p>",
        comparison._repr_html_(),
        picture(comparison.plot().figure_, "Scores of each fold, means and intervals"),
    ]
    for name in comparison.strategies:
        body += _strategy_section(comparison, name)
    return html_page("Comparison of strategies", [*body, *_mistakes_section(comparison)])


def _what_was_compared(comparison: "StrategyComparison") -> str:
    said = f"{len(comparison.y)} images, {len(comparison.splits)} folds"
    if comparison.groups is not None:
        said += f", {len(np.unique(comparison.groups))} patients, each on one side of a split"
    return (
        f"{said}. Means over folds, with 95% intervals of the corrected resampled t, cut at the "
        "limits of each metric."
    )


def _strategy_section(comparison: "StrategyComparison", name: str) -> Iterator[str]:
    yield f"<h2>{html.escape(name)}</h2>"
    errors = list(dict.fromkeys(comparison.errors(name)))
    if errors:
        yield f"<p>Failed:</p>{html_list(errors)}"
        return
    labels, codes = comparison.classes.tolist(), comparison._codes(name)
    rows = np.flatnonzero(codes >= 0)
    truth = comparison.y[rows]
    confusion = GradeConfusionDisplay.from_predictions(
        truth, comparison.classes[codes[rows]], labels=labels
    )
    yield picture(confusion.figure_, f"Confusion matrix of {name}")
    probabilities = comparison._mean_probabilities(name)
    if probabilities is not None:
        reliability = ReliabilityDisplay.from_predictions(
            truth,
            probabilities[rows],
            event="referable" if _is_graded(comparison) else "grade",
            labels=labels,
            groups=None if comparison.groups is None else comparison.groups[rows],
            random_state=0,
        )
        yield picture(reliability.figure_, f"Reliability of {name}")


def _mistakes_section(comparison: "StrategyComparison") -> Iterator[str]:
    best, source = comparison._best, images_in(comparison.X, comparison.strategies)
    if best is None or source is None or source.is_strip:
        return
    codes = comparison._codes(best)
    # An image that no fold tests is no mistake.
    predicted = np.where(codes < 0, comparison.y, comparison.classes[codes])
    yield f"<h2>Worst mistakes of {html.escape(best)}</h2>"
    if (predicted == comparison.y).all():
        yield "<p>It made none.</p>"
        return
    display = MistakesDisplay.from_predictions(
        comparison.X,
        comparison.y,
        predicted,
        y_score=comparison._mean_probabilities(best),
        labels=comparison.classes,
        graded=_is_graded(comparison),
        **image_settings(comparison.strategies),
    )
    yield picture(display.figure_, f"Images that {best} got most wrong")


def _is_graded(comparison: "StrategyComparison") -> bool:
    return np.array_equal(comparison.classes, np.arange(5))
