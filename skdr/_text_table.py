"""Tables that print themselves, as text and as HTML: no pandas needed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?|-|")


@dataclass(frozen=True)
class TextTable:
    """A table of cells that are text already.

    Parameters
    ----------
    columns : sequence of str
        Headings. The first is that of the names of the rows.
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
        said = f"<caption>{escape(caption)}</caption>" if caption else ""
        head = _html_row(self.columns, "th")
        body = "".join(_html_row(row, "td") for row in self.rows)
        return f"<table>{said}<thead>{head}</thead><tbody>{body}</tbody></table>"


def html_list(sentences: Sequence[str]) -> str:
    """Return sentences as a list in HTML, escaped; nothing where there are none."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _html_row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
