"""A run that is killed is gone on with, wherever it was, and comes to the same scores."""

import itertools
import json
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from skdr.model_selection import compare_strategies
from tests.systems import can_kill
from tests.with_keras import tiny_network

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
SCRIPT = """
import json, sys
from tests.test_faults import compare, kill_at

if len(sys.argv) > 1:
    kill_at(sys.argv[1], int(sys.argv[2]))
print(json.dumps(compare()))
"""
# Where a run is killed: when a function is called for the so-manieth time.
POINTS = {
    "while images are decoded": ("skdr.images._batches._one_image", 20),
    "when some features are in the cache": ("skdr.features._store.FolderStore.put", 3),
    "while features are looked up again": ("skdr.features._store.FolderStore.get", 12),
    "while a head is trained": ("skdr.training._callbacks.Recorder.on_epoch_end", 10),
    "while layers are fine-tuned": ("skdr.training._callbacks.Recorder.on_epoch_end", 31),
    "before the first fit is kept": ("skdr.model_selection.comparison._folds.FoldStore.put", 1),
    "before the last fit is kept": ("skdr.model_selection.comparison._folds.FoldStore.put", 4),
    "while a fit is written": ("skdr.model_selection.comparison._folds.os.replace", 3),
}
QUICK = ["when some features are in the cache", "before the last fit is kept"]


def kill_at(target, n_calls):
    """Have this process kill itself when it calls a function for the n-th time."""
    calls = itertools.count(1)
    plain = pkgutil.resolve_name(target)

    def call(*args, **kwargs):
        if next(calls) == n_calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*args, **kwargs)

    owner, _, name = target.rpartition(".")
    setattr(pkgutil.resolve_name(owner), name, call)


def images():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = rng.integers(0, 120, size=(60, 24, 24, 3))
    X[np.arange(60), :, :, y] += 60
    return X.astype(np.uint8), y


def compare(folder="."):
    """Compare two kinds of strategies: extraction into a cache, a grid, and trainings."""
    X, y = images()
    common = {"weights": None, "image_size": 16, "random_state": 0, "cache": Path(folder, "cache")}
    probe = make_pipeline(
        PretrainedFeatureExtractor(tiny_network, batch_size=4, **common), LogisticRegression()
    )
    strategies = {
        "grid": GridSearchCV(probe, {"logisticregression__C": [0.01, 0.1, 1]}, cv=2),
        "tuned": FineTunedCNNClassifier(tiny_network, head_epochs=30, epochs=2, **common),
    }
    comparison = compare_strategies(
        X, y, strategies=strategies, cv=2, folder=Path(folder, "fits"), random_state=0,
        scoring="accuracy",
    )  # fmt: skip
    return {name: list(scores) for name, scores in comparison.scores["accuracy"].items()}


FORK = """
import multiprocessing, sys
import numpy as np
from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from tests.with_keras import tiny_network

X = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
settings = {"weights": None, "image_size": 16, "random_state": 0}
extractor = PretrainedFeatureExtractor(tiny_network, **settings)
classifier = FineTunedCNNClassifier(tiny_network, head_epochs=1, epochs=1, **settings)

def extract(n):
    return extractor.fit_transform(X[n:]).shape

def train(n):
    return classifier.fit(X[n:], np.arange(len(X) - n) % 2).predict(X).shape

if sys.argv[1] == "after":
    extractor.fit_transform(X[:1])
with multiprocessing.get_context("fork").Pool(1) as pool:
    for work in (extract, train):
        try:
            print(pool.apply_async(work, (2,)).get(timeout=60))
        except RuntimeError as exc:
            print(exc)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_processes_forked_after_networks_have_run_are_told_so(moment):
    command = [sys.executable, "-c", FORK, moment]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    said = done.stdout.splitlines()
    if moment == "before":
        assert said == ["(6, 16)", "(8,)"], done.stderr
    else:
        assert len(said) == 2, done.stderr
        assert all("was forked" in line and "it would hang" in line for line in said)


def run(folder, *arguments):
    """Run the script in a folder."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "error::UserWarning", "-c", SCRIPT, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the scores of a run that ends, and its features."""
    X, _ = images()
    extractor = PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, random_state=0, batch_size=4, cache=None
    )
    return compare(tmp_path_factory.mktemp("undisturbed")), extractor.fit_transform(X), extractor


@can_kill
@pytest.mark.parametrize(
    "point",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in POINTS],
)
def test_killed_run_comes_to_the_same_scores(point, undisturbed, tmp_path):
    expected, features, extractor = undisturbed
    assert run(tmp_path, *POINTS[point]).returncode == -signal.SIGKILL
    finished = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "fits").glob("*.npz")}
    again = run(tmp_path)
    assert again.returncode == 0
    assert json.loads(again.stdout) == expected
    for name, written in finished.items():  # not done again
        assert (tmp_path / "fits" / name).stat().st_mtime_ns == written
    cached = clone(extractor).set_params(cache=tmp_path / "cache").fit_transform(images()[0])
    np.testing.assert_array_equal(cached, features)
