"""What is said in one place of the repository holds in the others."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import skdr
from tests.test_docstrings import NAMES

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_version_is_stated_once():
    assert not re.search(r'^version = "', PYPROJECT, re.MULTILINE)
    assert 'version = { attr = "skdr.__version__" }' in PYPROJECT


def test_installed_version_is_that_of_the_source():
    try:
        installed = version("skdr")
    except PackageNotFoundError:
        pytest.skip("runs from the sources")
    assert installed == skdr.__version__


def test_hooks_pin_a_ruff_that_pyproject_allows():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pinned = set(re.findall(r"ruff==([\d.]+)", hooks))
    allowed = Requirement(re.search(r'"(ruff[^"]*)"', PYPROJECT)[1]).specifier
    assert len(pinned) == 1
    assert pinned.pop() in allowed


def pages():
    folders = [ROOT, *(ROOT / "docs" / folder for folder in (".", "guide", "dev"))]
    return [path for folder in folders for path in sorted(folder.glob("*.md"))]


def test_every_picture_of_a_page_is_drawn_by_the_build():
    pytest.importorskip("matplotlib")
    code = "import sys; sys.path.insert(0, 'docs'); import pictures; print(*pictures.names())"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    shown = re.findall(r"images/(\w+\.(?:png|svg))", "".join(page.read_text() for page in pages()))
    assert set(shown) == set(printed.stdout.split())


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    named = re.findall(
        r"`((?:skdr|tests|docs(?!/_build)|benchmarks|examples)/[\w/.]+)`", page.read_text()
    )
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_in_the_reference(name):
    reference = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
    assert re.search(rf"^(   |- ``){name.rpartition('.')[2]}\b", reference, re.MULTILINE)
