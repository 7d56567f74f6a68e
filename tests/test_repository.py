"""What is said in one place of the repository holds in the others."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import skdr

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
