"""A comparison of strategies as one self-contained HTML page."""

import base64
import html
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from skdr.inspection import MistakesDisplay
from skdr.inspection._plotting import pyplot
from skdr.metrics import GradeConfusionDisplay, ReliabilityDisplay
from skdr.model_selection._folds import image_settings

if TYPE_CHECKING:
    from skdr.model_selection._comparison import StrategyComparison

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .8rem; border-bottom: 1px solid #ddd }
img { max-width: 100%; vertical-align: top }
"""


def comparison_page(comparison: "StrategyComparison") -> str:
    """Return the page: table, conclusions, plots, confusion matrices, mistakes of the best.

    Parameters
    ----------
    comparison : StrategyComparison

    Returns
    -------
    page : str
        HTML that loads nothing. Names and labels in it are escaped.
    """
    n_images, n_folds = len(comparison.y), len(comparison.splits)
    said = f"{n_images} images, {n_folds} folds"
    if comparison.groups is not None:
        said += f", {len(np.unique(comparison.groups))} patients, each on one side of a split"
    body = [
        "<h1>Comparison of strategies</h1>",
        f"<p>{said}. Mean over folds, with the 95% interval of the corrected resampled t.</p>",
        comparison._repr_html_(),
        _picture(comparison.plot().figure_, "Scores of each fold, means and intervals"),
    ]
    for name in comparison.strategies:
        body += _strategy_section(comparison, name)
    body += _mistakes_section(comparison)
    head = f'<meta charset="utf-8"><title>Comparison of strategies</title><style>{_STYLE}</style>'
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>"


def _strategy_section(comparison: "StrategyComparison", name: str) -> Iterator[str]:
    yield f"<h2>{html.escape(name)}</h2>"
    errors = dict.fromkeys(comparison.errors(name))
    if errors:
        listed = "".join(f"<li>{html.escape(error)}</li>" for error in errors)
        yield f"<p>Failed:</p><ul>{listed}</ul>"
        return
    labels = comparison.classes
    names = None if _is_grades(labels) else [str(label) for label in labels]
    confusion = GradeConfusionDisplay.from_predictions(
        comparison.y, comparison.predictions(name), labels=list(labels), display_labels=names
    )
    yield _picture(confusion.figure_, f"Confusion matrix of {name}")
    probabilities = comparison.probabilities(name)
    if probabilities is not None and _is_grades(labels):
        reliability = ReliabilityDisplay.from_predictions(
            comparison.y, probabilities, groups=comparison.groups, random_state=0
        )
        yield _picture(reliability.figure_, f"Reliability of {name}")


def _mistakes_section(comparison: "StrategyComparison") -> Iterator[str]:
    best = comparison.best_
    predicted = None if comparison.errors(best) else comparison.predictions(best)
    if predicted is None or (predicted == comparison.y).all():
        return
    display = MistakesDisplay.from_predictions(
        comparison.X,
        comparison.y,
        predicted,
        y_score=comparison.probabilities(best),
        labels=comparison.classes,
        graded=_is_grades(comparison.classes),
        **image_settings(comparison.strategies),
    )
    yield f"<h2>Worst mistakes of {html.escape(best)}</h2>"
    yield _picture(display.figure_, f"Images that {best} got most wrong")


def _is_grades(labels: Any) -> bool:
    return np.array_equal(labels, np.arange(5))


def _picture(figure: Any, alternative: str) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, bbox_inches="tight")
    pyplot().close(figure)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{data}">'
