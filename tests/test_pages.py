"""The snippets of README.md and of docs/ run as they are printed."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.pages import check_output, run_page

ROOT = Path(__file__).resolve().parents[1]
START_PAGES = ["README", "docs_index"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [page for part in ("guide", "dev") for page in sorted((ROOT / "docs" / part).glob("*.md"))]


def name(page):
    return "_".join(page.relative_to(ROOT).with_suffix("").parts)


def marked(page):
    """Return a page as a parameter; .ci/run runs the start pages by themselves."""
    return pytest.param(page, marks=[pytest.mark.slow] if name(page) in START_PAGES else [])


@pytest.fixture(params=PAGES, ids=name)
def page(request):
    return request.param


def languages(page):
    return re.findall(r"^ *```(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", [marked(page) for page in PAGES], ids=name)
def test_snippets_run(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    n_run = run_page(page)
    assert n_run or "python" not in languages(page)


def test_start_pages_are_run_in_ci_with_what_they_tell_to_install():
    command = f'tests/test_pages.py --slow -k "{" or ".join(START_PAGES)}"'
    assert command in (ROOT / ".ci" / "run").read_text()


def test_python_is_called_python(page):
    assert not set(languages(page)) & {"py", "python3", "pycon", "ipython"}  # these would not run


def test_snippet_that_is_skipped_has_a_reason(page):
    for arguments in re.findall(r"<!-- *skip:(.*)-->", page.read_text(encoding="utf-8")):
        assert re.fullmatch(r' next ("\w.*"|if\(.*, reason="\w.*"\)) ', arguments)


def example(shown, printed):
    return SimpleNamespace(parsed=shown, namespace={"printed_": printed})


def test_shown_output_may_differ_in_its_numbers():
    check_output(example("accuracy 0.5 [0.4]", "accuracy 0.6 [0.3]"))


def test_shown_output_that_is_not_printed_is_found():
    with pytest.raises(AssertionError, match=r"\['kappa'\] were not printed"):
        check_output(example("kappa 0.5", "accuracy 0.5"))
