"""Self-contained HTML pages: text, tables and pictures in one file that loads nothing."""

import base64
import html
import io
from collections.abc import Iterable
from typing import Any

from skdr._optional import pyplot

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .8rem; border-bottom: 1px solid #ddd }
img { max-width: 100%; vertical-align: top }
"""


def html_page(title: str, body: Iterable[str]) -> str:
    """Return a page.

    Parameters
    ----------
    title : str
        Plain text.
    body : iterable of str
        HTML, in which names and labels are escaped already.

    Returns
    -------
    page : str
    """
    name = html.escape(title)
    head = f'<meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
    said = f"<h1>{name}</h1>{''.join(body)}"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{said}</body></html>"


def picture(figure: Any, alternative: str) -> str:
    """Return a figure as an image in HTML, and close it.

    Parameters
    ----------
    figure : matplotlib Figure
    alternative : str
        What it shows, in plain text.

    Returns
    -------
    image : str
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, bbox_inches="tight")
    pyplot().close(figure)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{data}">'
