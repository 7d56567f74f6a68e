"""Self-contained HTML pages: text, tables and pictures in one file that loads nothing."""

import base64
import io
from collections.abc import Iterable
from typing import Any

from skdr._html import html
from skdr._optional import pyplot

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .8rem; border-bottom: 1px solid #ddd }
img { max-width: 100%; vertical-align: top }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for part in body %}
{{ part }}
{% endfor %}
</body>
</html>
"""
_PICTURE = '<img alt="{{ alternative }}" src="data:image/png;base64,{{ data }}">'


def html_page(title: str, body: Iterable[str]) -> str:
    """Return a page.

    Parameters
    ----------
    title : str
        Plain text.
    body : iterable of str
        Made by `html`; text is escaped.

    Returns
    -------
    page : str
    """
    return html(_PAGE, title=title, body=body)


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
    return html(_PICTURE, alternative=alternative, data=data)
