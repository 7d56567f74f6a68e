"""Imports run downward only, and each layer keeps to its libraries."""

import ast
import importlib
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
    ["_damped", "_grades", "_labels", "_stratified", "_text_table"],
    [
        *("exceptions", "_accelerations", "_atomic", "_fingerprint", "_html", "_missing"),
        *("_optional", "_progress", "_sklearn", "_warnings"),
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


# Who may import the modules of another room, and not only what that shows.
INTIMATE = {("runtime", "skdr.networks"), ("model_selection", "skdr.metrics._ranges")}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_take_what_other_rooms_show(path):
    own = layer_of(path)
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[0] == "skdr" and len(parts) > 2 and parts[1] != own and parts[2][0] == "_":
            assert (own, ".".join(parts[:2])) in INTIMATE or (own, module) in INTIMATE, module


@pytest.mark.parametrize(("room", "most"), [("networks", 28), ("runtime", 14)])
def test_rooms_show_few_names(room, most):
    assert len(importlib.import_module(f"skdr.{room}").__all__) <= most


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


# The only places for private names of other libraries, and of whom.
PRIVATE = {"_sklearn": "scikit-learn", "_keras_internals.py": "Keras"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def own_names():
    """Return every name that the package itself gives to a function, class, attribute or module."""
    names = {part for path in MODULES for part in (path.stem, path.parent.name)}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


OWN_NAMES = own_names()


def private_names(path):
    """Yield the private names of other libraries in a module: imported, looked up, or asked for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.module.startswith("skdr"):
            named = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from (name for name in named if is_private(name) or name == "src")
        elif isinstance(node, ast.Attribute):
            if is_private(node.attr) and node.attr not in OWN_NAMES:
                yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr"):
            name = getattr(node.args[1], "value", "")
            if is_private(str(name)) and name not in OWN_NAMES:
                yield name
        elif isinstance(node, ast.Constant) and str(node.value).startswith("keras.src"):
            yield node.value


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_names_of_others_are_in_the_one_place_for_them(path):
    found = list(private_names(path))
    assert not found or {path.name, path.parent.name} & set(PRIVATE), found


@pytest.mark.parametrize("place", PRIVATE)
def test_places_for_private_names_are_needed(place):
    within = [path for path in MODULES if place in (path.name, path.parent.name)]
    assert any(list(private_names(path)) for path in within)


def test_operations_are_asked_for_in_one_place():
    """Keras lists them by a name that it does not document: `operations_of` has a fallback."""
    for path in MODULES:
        names = [n.attr for n in ast.walk(ast.parse(path.read_text())) if hasattr(n, "attr")]
        assert "operations" not in names, path


def test_no_two_modules_import_each_other():
    """Not even where one does so inside a function, or for the type checker alone."""
    names = {
        "skdr." + ".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES
    }
    imports = {name: set(imported_names(path)) & set(names) for name, path in names.items()}
    assert circle(imports) is None


def imported_names(path):
    """Yield the modules that a module imports, or may import a name from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circle(imports):
    """Return a module that comes back to itself, or None."""
    done = set()

    def visit(name, above):
        if name in above:
            return name
        if name not in done:
            done.add(name)
            return next((c for n in imports[name] if (c := visit(n, {*above, name}))), None)
        return None

    return next((c for name in imports if (c := visit(name, set()))), None)
