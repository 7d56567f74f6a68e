"""Imports run downward only, and each layer keeps to its libraries."""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import skdr

ROOT = Path(skdr.__file__).parent
REPOSITORY = Path(__file__).resolve().parents[1]
# From the top down; a module may import what stands in a lower row.
LAYERS = [
    ["model_selection"],
    ["inspection"],
    ["estimators"],
    ["training", "features"],
    ["runtime"],
    ["networks", "preprocessing"],
    ["images", "devices", "metrics", "datasets"],
    ["_grades", "_labels", "_stratified", "_text_table"],
    [
        *("exceptions", "_atomic", "_fingerprint", "_html", "_missing", "_optional"),
        *("_progress", "_sklearn", "_warnings"),
    ],
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
        ("devices", "sklearn"),
        ("networks", "sklearn"),
        ("runtime", "sklearn"),
        ("datasets", "keras"),
        ("preprocessing", "keras"),
    ],
)
def test_layer_keeps_to_its_libraries(folder, library):
    for path in (ROOT / folder).rglob("*.py"):
        assert library not in {m.split(".")[0] for m in imported_modules(path)}, path


def test_tensorflow_is_imported_in_one_file():
    users = [p.name for p in MODULES if "tensorflow" in set(imported_modules(p))]
    assert users == ["_tensorflow.py"]


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_skdr_needs_no_tensorflow_where_keras_runs_on_another_backend():
    code = (
        "import sys, numpy as np\n"
        "class NotInstalled:\n"
        "    def find_spec(self, name, *args):\n"
        "        if name.split('.')[0] == 'tensorflow': raise ImportError(name)\n"
        "sys.meta_path.insert(0, NotInstalled())\n"
        "from skdr import PretrainedFeatureExtractor, ScratchCNNClassifier\n"
        "from tests.with_keras import tiny_network\n"
        "X = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)\n"
        "PretrainedFeatureExtractor(tiny_network, image_size=16).fit_transform(X)\n"
        "ScratchCNNClassifier(tiny_network, epochs=1).fit(X, np.arange(8) % 2).predict(X)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=REPOSITORY)


def test_private_names_of_scikit_learn_are_imported_in_one_folder():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module.startswith("sklearn")
            for alias in node.names
        ]
        private = [n for n in names if any(part.startswith("_") for part in n.split("."))]
        assert not private or path.parent.name == "_sklearn", f"{path}: {private}"
