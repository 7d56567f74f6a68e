"""HTML from templates, in which all text is escaped."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


def html(template: str, **values: Any) -> "Markup":
    """Fill in a template of Jinja.

    Parameters
    ----------
    template : str
        Written in the code: HTML, with ``{{ name }}`` for a value.
    **values : object
        Text is escaped; what this function returned is HTML already and is not escaped.

    Returns
    -------
    html : Markup
        A string.
    """
    from markupsafe import Markup

    return Markup(_compiled(template).render(values))


@cache
def _compiled(template: str) -> "Template":
    from jinja2 import Environment, StrictUndefined  # takes a tenth of a second; few need it

    return Environment(autoescape=True, undefined=StrictUndefined).from_string(template)
