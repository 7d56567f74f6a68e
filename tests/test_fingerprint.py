"""Code that does something else has another fingerprint; the same code has the same."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import PIL
import pytest
import sklearn
from PIL import ImageFilter
from sklearn.preprocessing import StandardScaler

from skdr import PretrainedFeatureExtractor
from skdr._fingerprint import code_fingerprint, global_names
from skdr.preprocessing import LocalColourNormalisation, RetinaCrop, make_image_pipeline

ROOT = Path(__file__).resolve().parents[1]

HELPERS = {
    "base": "def helper(x): return x + 1",
    "other body": "def helper(x): return x + 2",
    "other name": "def helper(x): return abs(x)",
}
CALLERS = {
    "function": "def f(x): return helper(x)",
    "nested": "def f(x):\n    return [helper(y) for y in x]",
    "method": "class A:\n    def __call__(self, x): return helper(x)\nf = A()",
    "bound": "class A:\n    def go(self, x): return helper(x)\nf = A().go",
    "inherited": "class A:\n    def __call__(self, x): return helper(x)\nclass B(A): pass\nf = B()",
    "property": "class A:\n    @property\n    def go(self): return helper\nf = A",
    "abstract": "import abc\nclass A(abc.ABC):\n    def go(self, x): return helper(x)\nf = A",
    "estimator": (
        "from sklearn.preprocessing import FunctionTransformer\n"
        "def g(x): return helper(x)\n"
        "f = FunctionTransformer(g).transform"
    ),
    "static": "class A:\n    @staticmethod\n    def go(x): return helper(x)\nf = A",
    "partial": "from functools import partial\nf = partial(lambda k, x: helper(x), 3)",
}


def define(source):
    scope = {"__name__": "__main__"}
    exec(source, scope)
    return scope["f"]


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_code_that_is_called_counts(caller):
    found = {code_fingerprint(define(f"{helper}\n{caller}")) for helper in HELPERS.values()}
    assert len(found) == len(HELPERS)


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_same_code_is_the_same(caller):
    first, second = (define(f"{HELPERS['base']}\n{caller}") for _ in range(2))
    assert code_fingerprint(first) == code_fingerprint(second)


def test_function_of_a_namespace_without_a_name_has_a_fingerprint():
    first, second = {}, {}
    exec("def f(x): return x + 1", first)
    exec("def f(x): return x + 2", second)
    assert code_fingerprint(first["f"]) != code_fingerprint(second["f"])


ATTRIBUTES = {
    "attribute": "def f(x): return x.clip(0, 255)",
    "nested": "def f(x):\n    return [y.clip(0, 255) for y in x]",
    "method": "class A:\n    def __call__(self, x): return self.clip(x)\nf = A()",
    "stored": "def f(x): x.clip = 0",
    "keyword": "def f(x): return x(clip=1)",
}


@pytest.mark.parametrize("code", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_global_with_the_name_of_an_attribute_does_not_count(code):
    found = {code_fingerprint(define(f"clip = {value}\n{code}")) for value in (1, 2, "object()")}
    assert len(found) == 1


READERS = {
    "function": "def f(x): return clip(x)",
    "lambda": "f = lambda x: clip",
    "inside": "def f(x):\n    def g(y): return clip(y)\n    return g(x)",
    "comprehension": "def f(x): return [clip(y) for y in x]",
    "default": "def f(x):\n    def g(y=clip): return y\n    return g(x)",
    "class": "def f(x):\n    class A:\n        y = clip\n    return A",
    "method": "def f(x):\n    class A:\n        def g(self): return clip\n    return A",
    "written": "def f(x):\n    global clip\n    clip += x",
    "of it": "def f(x): return clip.shape",
}


@pytest.mark.parametrize("code", READERS.values(), ids=READERS)
def test_global_that_code_reads_counts(code):
    assert "clip" in global_names(define(code).__code__)
    found = {code_fingerprint(define(f"clip = {value}\n{code}")) for value in (1, 2)}
    assert len(found) == 2


def test_attributes_and_local_names_are_no_global_names():
    code = "def f(x):\n    import os\n    y = os.path\n    return y.join(x.name, key=len(x))"
    assert global_names(define(code).__code__) == ["len"]


def make(value):
    return lambda x: x + value


def with_default(x, value=1):
    return x + value


class Adds:
    def __init__(self, value):
        self.value = value

    def __call__(self, x):
        return x + self.value


@pytest.mark.parametrize("maker", [make, Adds, lambda value: partial(with_default, value=value)])
def test_values_that_are_held_count(maker):
    held = [1, 2, np.zeros(3), np.ones(3), "1"]
    assert len({code_fingerprint(maker(value)) for value in held}) == len(held)
    assert code_fingerprint(maker(np.zeros(3))) == code_fingerprint(maker(np.zeros(3)))


def test_functions_of_packages_are_told_apart():
    assert code_fingerprint(np.flipud) != code_fingerprint(np.fliplr)
    assert code_fingerprint(partial(np.roll, shift=1)) != code_fingerprint(
        partial(np.roll, shift=2)
    )
    assert code_fingerprint(np.sqrt) != code_fingerprint(np.abs)


@pytest.mark.parametrize(
    ("package", "held"), [(sklearn, StandardScaler()), (PIL, ImageFilter.MedianFilter(3))]
)
def test_version_of_the_package_of_an_object_counts(package, held, monkeypatch):
    before = code_fingerprint(lambda x: held)
    monkeypatch.setattr(package, "__version__", "0.0")
    assert code_fingerprint(lambda x: held) != before


def test_parameters_of_an_estimator_of_a_package_count():
    found = {code_fingerprint(StandardScaler(with_mean=mean).transform) for mean in (True, False)}
    assert len(found) == 2


def test_what_cannot_be_hashed_is_a_type_error():
    with open(__file__) as file, pytest.raises(TypeError, match="cannot be hashed"):
        code_fingerprint(lambda x: file)


NAMES = {"a": 1, "b": 2}


def with_sets(x):
    def inner(y):
        return np.abs(y) if y in {"a", "b", "c"} else NAMES

    return inner(x)


def fingerprints():
    """Return those of code whose parts may come in any order, and of preprocessing."""
    chain = make_image_pipeline(RetinaCrop(8), LocalColourNormalisation())
    return [code_fingerprint(with_sets), code_fingerprint(chain)]


def test_processes_agree():
    source = "from tests.test_fingerprint import fingerprints; print(*fingerprints())"
    command = [sys.executable, "-c", source]
    other = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert other.split() == fingerprints()


def test_strategies_have_a_fingerprint_where_skdr_is_run_from_its_sources():
    extractor = PretrainedFeatureExtractor()
    fingerprint = code_fingerprint(extractor)
    extractor.fit_transform(np.zeros((1, 32, 32, 3), np.uint8))  # changes what modules hold
    assert code_fingerprint(PretrainedFeatureExtractor()) == fingerprint
    assert code_fingerprint(PretrainedFeatureExtractor(layer="block3")) != fingerprint
