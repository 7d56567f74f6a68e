"""A process that was forked from one with networks says so at once, where it would hang."""

import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from tests.with_keras import on_tensorflow, tiny_network

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
ROOT = Path(__file__).resolve().parents[1]
SCRIPT = '''
"""Run some work in a forked process each, after this one has done something itself."""
import copy, json, os, pickle, signal, sys, traceback
from functools import partial
import joblib, keras, numpy as np, skops.io
from sklearn.base import clone
from skdr import FineTunedCNNClassifier
from tests.with_keras import tiny_network

folder, moment = sys.argv[1:]
X, y = np.arange(8 * 16 * 16 * 3).reshape(8, 16, 16, 3) % 251, np.arange(8) % 2

def load(name):
    if name.endswith(".joblib"):
        return joblib.load(f"{folder}/{name}")
    if name.endswith(".skops"):
        types = skops.io.get_untrusted_types(file=f"{folder}/{name}")
        return skops.io.load(f"{folder}/{name}", trusted=types)
    with open(f"{folder}/{name}", "rb") as file:
        return pickle.load(file)

def use(estimator):
    if not hasattr(estimator, "image_size_"):
        estimator.fit(X, y)
    return (estimator.transform if hasattr(estimator, "transform") else estimator.predict)(X).shape

def load_and_use(name):
    return use(load(name))

def copy_and_use(estimator):
    return use(copy.deepcopy(estimator))

def fit():
    new = FineTunedCNNClassifier(tiny_network, image_size=16, head_epochs=1, epochs=1)
    return use(new.fit(X, y))

def said_by_child(work):
    """Return what a forked process says; nothing, where it hangs."""
    sys.stdout.flush()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(30)
        try:
            said = repr(work())
        except BaseException as exc:
            said = f"{type(exc).__name__}: {exc}"
        os.write(write, said.encode()[:4000])  # more may wait for somebody to read it
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        return pipe.read()

files = sorted(os.listdir(folder))
works = {f"load {name}": partial(load_and_use, name) for name in files}
works["fit"] = fit
if moment == "after networks of others":
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
if moment == "after loading":
    loaded = {name: load(name) for name in files}
    works.update({f"use {name}": partial(use, e) for name, e in loaded.items()})
    works.update({f"copy {name}": partial(copy_and_use, e) for name, e in loaded.items()})
    works.update({f"clone {name}": partial(clone, e) for name, e in loaded.items()})
    works.update({f"pickle {name}": partial(pickle.dumps, e) for name, e in loaded.items()})
    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        for name, estimator in loaded.items():
            try:
                said = repr(joblib.Parallel(timeout=60)([joblib.delayed(use)(estimator)] * 2))
            except BaseException as exc:
                said = f"{type(exc).__name__}: {exc}"
            works[f"pool {name}"] = partial(str, said)
print(json.dumps({name: said_by_child(work) for name, work in works.items()}))
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Estimators in files, some with a network so large that its weights are drawn by threads."""
    skops_io = pytest.importorskip("skops.io")
    folder = tmp_path_factory.mktemp("estimators")
    X, y = np.arange(8 * 16 * 16 * 3).reshape(8, 16, 16, 3) % 251, np.arange(8) % 2
    layers = [keras.layers.Conv2D(n, 3, strides=2) for n in (64, 512, 512)]
    large = keras.Sequential([keras.Input((16, 16, 3)), *layers])
    settings = {"image_size": 16, "random_state": 0}
    classifier = FineTunedCNNClassifier(large, head_epochs=1, epochs=1, **settings)
    joblib.dump(classifier, folder / "unfitted.pkl")
    joblib.dump(classifier.fit(X, y), folder / "classifier.joblib")
    extractor = PretrainedFeatureExtractor(large, **settings)
    joblib.dump(extractor.fit(X), folder / "extractor.joblib")
    classifier = FineTunedCNNClassifier(tiny_network, trainable="head", head_epochs=1, **settings)
    skops_io.dump(classifier.fit(X, y), folder / "classifier.skops")
    return folder


def said(folder, moment):
    """Return what each forked process says that had work to do."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, moment],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_all_refused(said):
    right = ("RuntimeError: This process was forked from process", "Load in each worker")
    assert [name for name, text in said.items() if not all(part in text for part in right)] == []


def test_processes_load_and_fit_where_their_parent_only_imported(folder):
    outcomes = said(folder, "after the import")
    assert outcomes.pop("load extractor.joblib") == "(8, 512)"
    assert set(outcomes.values()) == {"(8,)"}
    assert len(outcomes) == 4


@on_tensorflow
def test_processes_are_refused_whose_parent_used_tensorflow_by_itself(folder):
    assert_all_refused(said(folder, "after networks of others"))


def test_processes_are_refused_whose_parent_had_loaded(folder):
    outcomes = said(folder, "after loading")
    # Copies of parameters and pickles may be made, if that does not hang.
    others = [outcomes.pop(k) for k in list(outcomes) if k.startswith(("clone ", "pickle "))]
    assert len(others) == 8
    assert all(others)
    assert len(outcomes) == 17
    assert_all_refused(outcomes)
