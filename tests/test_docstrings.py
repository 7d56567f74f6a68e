"""Public docstrings follow numpydoc, and every public class shows how it is used."""

import importlib
import inspect
import re

import pytest
from numpydoc.validate import validate

MODULES = ("", ".datasets", ".inspection", ".metrics", ".model_selection", ".preprocessing")
NAMES = [
    f"skdr{module}.{name}"
    for module in MODULES
    for name in importlib.import_module(f"skdr{module}").__all__
]
# What skdr does otherwise, on purpose.
IGNORED = {
    "EX01",  # examples are asked of classes, below
    "ES01",  # a summary may say it all
    "SA01",  # the guide says what belongs together
    "GL01",  # summaries begin on the line of the quotes, as PEP 257 has it
    "PR01",  # inherited descriptions; that names are right is PR02
    "PR07",  # a name and a type may say it all
    "PR08",  # descriptions go on from names: they may begin in lower case
    "PR09",
    "RT02",  # results have names
    "RT03",
    "RT05",
    "SS05",
    "SS06",
}


def find(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def public_parts(name):
    """Return a public class with its own public methods, or a function; a scorer has no parts."""
    found = find(name)
    if not callable(found) or not hasattr(found, "__name__"):
        return []
    own = vars(found) if inspect.isclass(found) else {}
    methods = [m for m, value in own.items() if inspect.isfunction(value) and m[0] != "_"]
    return [name, *(f"{name}.{m}" for m in methods if inspect.getdoc(getattr(found, m)))]


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_follow_numpydoc(name):
    errors = {
        part: [error for error in validate(part)["errors"] if error[0] not in IGNORED]
        for part in public_parts(name)
    }
    assert not {part: found for part, found in errors.items() if found}


CLASSES = [n for n in NAMES if inspect.isclass(find(n)) and not issubclass(find(n), Exception)]


@pytest.mark.parametrize("name", CLASSES)
def test_classes_have_an_example_or_name_what_makes_them(name):
    doc = find(name).__doc__
    maker = re.search(r"[Mm]ade by\s+`(\w+)`", doc)
    if ">>>" not in doc:
        assert maker, "neither an example nor what makes it"
        doc = find(f"{name.rpartition('.')[0]}.{maker[1]}").__doc__
    assert ">>>" in doc
