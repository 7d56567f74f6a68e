"""Tables that print themselves."""

import pytest
from jinja2 import UndefinedError

from skdr._html import html
from skdr._text_table import TextTable, html_list


def test_numbers_stand_at_the_right_and_words_at_the_left():
    table = TextTable(["layer", "width", "gain"], [["a", "8", "+0.1 [0, 1]"], ["long", "1280", ""]])
    assert str(table).splitlines() == [
        "layer  width  gain",
        "a          8  +0.1 [0, 1]",
        "long    1280",
    ]


def test_unknown_numbers_count_as_numbers():
    lines = str(TextTable(["x", "value"], [["a", "-0.5"], ["b", "-"]])).splitlines()
    assert lines[2] == "b      -"


def test_html_escapes_headings_cells_and_caption():
    html = TextTable(["<a>"], [["<b>"]]).to_html(caption="<c>")
    assert html == (
        "<table><caption>&lt;c&gt;</caption><thead><tr><th>&lt;a&gt;</th></tr></thead>"
        "<tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>"
    )


def test_html_list_escapes_and_is_nothing_without_sentences():
    assert html_list(["a < b"]) == "<ul><li>a &lt; b</li></ul>"
    assert html_list([]) == ""


def test_html_escapes_text_and_leaves_html_as_it_is():
    bold = html("<b>{{ name }}</b>", name="<&>")
    assert html("{{ said }}{{ name }}", said=bold, name='"') == "<b>&lt;&amp;&gt;</b>&#34;"


def test_html_names_a_value_that_its_template_lacks():
    with pytest.raises(UndefinedError, match="nmae"):
        html("{{ nmae }}", name="a")
