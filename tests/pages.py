"""Runs the snippets of a page of the documentation from top to bottom, as they are printed.

A page runs in a folder of its own with a few small images in the layouts that pages name, and
knows `X`, `y`, `patients` and `paths` without making them. What cannot run is marked in the page:
``<!-- skip: next "why" -->``, or ``<!-- skip: next if(condition, reason="why") -->``.
A snippet that begins with the comment ``# name.py`` is saved under that name too, for later ones
to import. What runs and is not shown stands in ``<!-- invisible-code-block: python ... -->``.
A block of ``output`` after a snippet is what it prints: its words are compared, numbers are not.
"""

import contextlib
import io
import re
import sys
import unittest
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import sklearn
from PIL import Image
from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, SkipParser

REPOSITORY = Path(__file__).resolve().parents[1]
N_PATIENTS, N_GRADES, SIDE = 20, 5, 32
FILE = re.compile(r"# (\w+\.py)\n")
WORD = re.compile(r"[^\W\d]\w*")


class Snippets(CodeBlockParser):
    """Python, of which the output is kept for the block that shows it."""

    def __init__(self):
        super().__init__(language="python")
        self.run = PythonEvaluator()

    def evaluate(self, example):
        if file := FILE.match(example.parsed):
            Path(file[1]).write_text(example.parsed, encoding="utf-8")
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


@contextlib.contextmanager
def settings_restored():
    """Leave no figure and no setting of scikit-learn behind."""
    settings = sklearn.get_config()
    try:
        yield
    finally:
        sklearn.set_config(**settings)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")


@contextlib.contextmanager
def importable(folder):
    """Let modules in a folder be imported, and forget them afterwards."""
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for file in folder.glob("*.py"):
            if file.stem not in known:
                sys.modules.pop(file.stem, None)


def run_page(path):
    """Run the snippets of a page in the present folder.

    Returns
    -------
    n_run : int
        How many there were, without those that are skipped.
    """
    document = Sybil(
        [Snippets(), CodeBlockParser("output", check_output), SkipParser()], path=path.parent
    ).parse(path)
    X, y, patients = images_of_eyes()
    document.namespace |= {"X": X, "y": y, "patients": patients, "paths": write_images(Path())}
    document.namespace |= {"find_spec": find_spec, "REPOSITORY": REPOSITORY}
    n_run = 0
    with settings_restored(), importable(Path.cwd()):
        for example in document.examples():
            with contextlib.suppress(unittest.SkipTest):
                example.evaluate()
                n_run += 1
    return n_run
