"""Runs the snippets of README.md and of docs/: each page from top to bottom, as it is printed.

A page runs in a folder of its own with a few small images in the layouts that pages name, and
knows `X`, `y`, `patients` and `paths` without making them. What cannot run is marked in the page:
``<!-- skip: next "why" -->``, or ``<!-- skip: next if(condition, reason="why") -->``.
What runs and is not shown stands in ``<!-- invisible-code-block: python ... -->``.
A block of ``output`` after a snippet is what it prints: its words are compared, numbers are not.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import sklearn
from PIL import Image
from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import CodeBlockParser, SkipParser

REPOSITORY = Path(__file__).parent
N_PATIENTS, N_GRADES, SIDE = 20, 5, 32
WORD = re.compile(r"[^\W\d]\w*")


class Snippets(CodeBlockParser):
    """Python, of which the output is kept for the block that shows it."""

    def __init__(self):
        super().__init__(language="python")
        self.run = PythonEvaluator()

    def evaluate(self, example):
        with contextlib.redirect_stdout(io.StringIO()) as printed, warnings.catch_warnings():
            warnings.simplefilter("default")  # who tries a snippet sees them, and goes on
            self.run(example)
        example.namespace["printed_"] = printed.getvalue()


def check_output(example):
    """Compare the words that a page shows with those that its snippet printed."""
    printed = example.namespace["printed_"]
    missing = set(WORD.findall(example.parsed)) - set(WORD.findall(printed))
    assert not missing, f"{sorted(missing)} were not printed, but:\n{printed}"


def images_of_eyes():
    """Return one small photograph of each eye, brighter with the grade, and what is known of it."""
    patients = np.repeat(np.arange(N_PATIENTS), 2)
    grades = patients % N_GRADES
    noise = np.random.default_rng(0).integers(0, 60, (len(grades), SIDE, SIDE, 3))
    return (noise + 40 * grades[:, None, None, None]).astype(np.uint8), grades, patients


def write_images(folder):
    """Write the folders that pages name."""
    X, y, patients = images_of_eyes()
    names = [f"{patient}_{('left', 'right')[i % 2]}" for i, patient in enumerate(patients)]
    files = {f"eyepacs/images/{name}.jpeg": image for name, image in zip(names, X, strict=True)}
    for i, flower in enumerate(("daisy", "rose", "tulip")):
        files |= {f"flowers/{flower}/{n}.jpg": X[10 * n + 2 * i] for n in range(4)}
    for part in ("train", "val", "test"):
        for i, name in enumerate(("NORMAL", "PNEUMONIA")):
            files |= {f"chest_xray/{part}/{name}/{n}.jpeg": X[10 * n + 2 * i] for n in range(2)}
    for name, image in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name)
    rows = [f"{name},{grade}" for name, grade in zip(names, y, strict=True)]
    (folder / "eyepacs" / "trainLabels.csv").write_text("\n".join(["image,level", *rows]))
    return [f"eyepacs/images/{name}.jpeg" for name in names]


def begin_page(namespace):
    folder = Path(tempfile.mkdtemp())
    namespace["end_page_"] = stack = contextlib.ExitStack()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(os.chdir, Path.cwd())
    stack.callback(sklearn.set_config, **sklearn.get_config())
    stack.callback(close_figures)
    paths = write_images(folder)
    os.chdir(folder)
    X, y, patients = images_of_eyes()
    namespace |= {"X": X, "y": y, "patients": patients, "paths": paths}
    namespace |= {"find_spec": find_spec, "REPOSITORY": REPOSITORY}


def end_page(namespace):
    namespace["end_page_"].close()


def close_figures():
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


pytest_collect_file = Sybil(
    parsers=[Snippets(), CodeBlockParser("output", check_output), SkipParser()],
    patterns=["*.md"],
    setup=begin_page,
    teardown=end_page,
).pytest()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Leave the snippets of a page together and in their order, whatever shuffles the tests."""
    snippets = [item for item in items if isinstance(item, SybilItem)]
    snippets.sort(key=lambda item: (item.path, item.example.start))
    items[:] = [item for item in items if not isinstance(item, SybilItem)] + snippets
