"""Pages of the documentation, whose snippets `conftest.py` beside README.md runs."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import conftest

ROOT = Path(__file__).resolve().parents[1]
START_PAGES = ["README.md", "docs/index.md"]  # .ci/run runs these, with what they say to install
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "guide").glob("*.md"))


@pytest.fixture(params=PAGES, ids=lambda path: path.name)
def page(request):
    return request.param


def languages(page):
    return re.findall(r"^ *```(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def test_snippets_of_each_page_are_run(page, request):
    places = [ROOT / name for name in [*START_PAGES, *request.config.getini("testpaths")]]
    is_run = any(page == place or place in page.parents for place in places)
    assert is_run or "python" not in languages(page)


def test_start_pages_are_run_in_ci():
    assert f"pytest -q {' '.join(START_PAGES)}" in (ROOT / ".ci" / "run").read_text()


def test_python_is_called_python(page):
    assert not set(languages(page)) & {"py", "python3", "pycon", "ipython"}  # these would not run


def test_snippet_that_is_skipped_has_a_reason(page):
    for arguments in re.findall(r"<!-- *skip:(.*)-->", page.read_text(encoding="utf-8")):
        assert re.fullmatch(r' next ("\w.*"|if\(.*, reason="\w.*"\)) ', arguments)


def example(shown, printed):
    return SimpleNamespace(parsed=shown, namespace={"printed_": printed})


def test_shown_output_may_differ_in_its_numbers():
    conftest.check_output(example("accuracy 0.5 [0.4]", "accuracy 0.6 [0.3]"))


def test_shown_output_that_is_not_printed_is_found():
    with pytest.raises(AssertionError, match=r"\['kappa'\] were not printed"):
        conftest.check_output(example("kappa 0.5", "accuracy 0.5"))
