"""Imports run downward only, and each layer keeps to its libraries."""

import ast
from pathlib import Path

import pytest

import skdr

ROOT = Path(skdr.__file__).parent
# From the top down; a module may import what stands in a lower row.
LAYERS = [
    ["model_selection"],
    ["inspection"],
    ["_feature_extractor", "_fine_tuned", "_scratch"],
    ["_base"],
    ["_training", "_feature_cache", "_samples"],
    ["_feature_store", "_phases"],
    ["preprocessing"],
    ["images", "networks", "metrics", "datasets", "_callbacks"],
    ["exceptions", "_params", "_fingerprint"],
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
MODULES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def layer_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downward(path):
    own = layer_of(path)
    for module in imported_modules(path):
        if module == "skdr":
            pytest.fail(f"{path} imports the top of the package")
        if module.startswith("skdr."):
            other = module.split(".")[1]
            assert other == own or RANK[other] > RANK[own], f"{own} imports {other}"


@pytest.mark.parametrize(
    ("folder", "library"),
    [
        ("images", "keras"),
        ("images", "tensorflow"),
        ("networks", "sklearn"),
        ("datasets", "keras"),
        ("preprocessing", "keras"),
    ],
)
def test_layer_keeps_to_its_libraries(folder, library):
    for path in (ROOT / folder).rglob("*.py"):
        assert library not in {m.split(".")[0] for m in imported_modules(path)}, path


def test_tensorflow_is_imported_in_one_file():
    users = [p.name for p in MODULES if "tensorflow" in set(imported_modules(p))]
    assert users == ["_inference.py"]


def test_private_names_of_scikit_learn_are_imported_in_one_file():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module.startswith("sklearn")
            for alias in node.names
        ]
        private = [n for n in names if any(part.startswith("_") for part in n.split("."))]
        assert not private or path.name == "_params.py", f"{path}: {private}"
