"""Tables that print themselves, as text and as HTML: no pandas needed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from skdr._html import html

_TABLE = (
    "<table>{% if caption %}<caption>{{ caption }}</caption>{% endif %}"
    "<thead><tr>{% for cell in columns %}<th>{{ cell }}</th>{% endfor %}</tr></thead>"
    "<tbody>{% for row in rows %}"
    "<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>"
    "{% endfor %}</tbody></table>"
)
_LIST = "{% if items %}<ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>{% endif %}"
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?|-|")


@dataclass(frozen=True)
class TextTable:
    """A table of cells that are text already.

    Parameters
    ----------
    columns : sequence of str
        Headings. The first one stands above the names of the rows.
    rows : sequence of sequence of str
        The cells, as many in each row as there are headings.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        numeric = [all(map(_NUMBER.fullmatch, cells)) for cells in zip(*self.rows, strict=True)]
        layout = [
            f"{{:{'>' if is_numeric else '<'}{width}}}"
            for is_numeric, width in zip(numeric, widths, strict=True)
        ]
        return "\n".join("  ".join(layout).format(*line).rstrip() for line in lines)

    def to_html(self, caption: str = "") -> str:
        """Return the table as HTML, all text in it escaped.

        Parameters
        ----------
        caption : str, default=""

        Returns
        -------
        table : str
        """
        return html(_TABLE, caption=caption, columns=self.columns, rows=self.rows)


def html_list(sentences: Sequence[str]) -> str:
    """Return sentences as a list in HTML, escaped; nothing where there are none."""
    return html(_LIST, items=sentences)
