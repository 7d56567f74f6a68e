"""A run that is killed at any moment is gone on with, and comes to the same scores."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
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
import json
from tests.test_faults import compare

print("ready", flush=True)
print(json.dumps(compare()))
"""


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


class Run:
    """The script, started in a folder and past its imports."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error::UserWarning", "-c", SCRIPT],
            cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def scores(self):
        output, _ = self.process.communicate()
        assert self.process.returncode == 0
        return json.loads(output)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL


@can_kill
@pytest.mark.parametrize("n_kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_runs_come_to_the_same_scores(n_kills, tmp_path):
    start = time.monotonic()
    expected = compare(tmp_path / "undisturbed")
    seconds = time.monotonic() - start
    X, _ = images()
    extractor = PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, random_state=0, batch_size=4
    )
    features = extractor.set_params(cache=None).fit_transform(X)
    moments = np.random.default_rng(0).uniform(0, 0.9 * seconds, n_kills)
    for i, moment in enumerate(moments):
        folder = tmp_path / f"killed {i}"
        killed = Run(folder)
        time.sleep(moment)
        killed.kill()
        finished = {p.name: p.stat().st_mtime_ns for p in (folder / "fits").glob("*.npz")}
        assert Run(folder).scores() == expected
        for name, written in finished.items():  # not done again
            assert (folder / "fits" / name).stat().st_mtime_ns == written
        cached = extractor.set_params(cache=folder / "cache").fit_transform(X)
        np.testing.assert_array_equal(cached, features)
