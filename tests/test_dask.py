"""Grids and comparisons on a dask cluster: one pass an image, the same scores."""

import logging
import os
import signal
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from skdr.model_selection import compare_strategies
from skdr.model_selection.comparison._folds import FoldStore
from tests.systems import can_kill
from tests.with_keras import tiny_network

# dask and joblib warn of processes that die, as they do here.
pytestmark = pytest.mark.filterwarnings("default")

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

N_IMAGES = 60


# Left on, dask's memory manager drops the second copy of scattered data within seconds.
KEEP_COPIES = {"distributed.scheduler.active-memory-manager.start": False}


@contextmanager
def two_processes():
    """Start two processes of one thread each, and connect to them."""
    settings = {
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
        "silence_logs": logging.CRITICAL,
    }
    with (
        dask.config.set(KEEP_COPIES),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def cluster():
    with two_processes() as client:
        yield client


@pytest.fixture
def client(cluster):
    cluster.wait_for_workers(2)  # with one, joblib would work in this process
    return cluster


@pytest.fixture(scope="module")
def data(coloured, tmp_path_factory):
    """Files of 60 images, each four times: so many rows that joblib leaves them on one worker."""
    folder = tmp_path_factory.mktemp("images")
    paths = [str(folder / f"{i}.png") for i in range(N_IMAGES)]
    for path, image in zip(paths, coloured[0], strict=True):
        Image.fromarray(image).save(path)
    groups = np.tile(np.arange(N_IMAGES), 4)
    return {"X": np.array(paths, dtype=object)[groups], "y": coloured[1][groups], "groups": groups}


def note(image, log, deadly_line=None):
    """Append a line to a file for each image that is decoded, in any process; kill one of them."""
    with open(log, "a+") as file:
        file.write("x\n")
        file.seek(0)
        n_lines = len(file.readlines())
    if deadly_line and n_lines >= deadly_line and not Path(f"{log}.killed").exists():
        Path(f"{log}.killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return image


def n_lines(log):
    return len(Path(log).read_text().splitlines())


def settings(folder, **kwargs):
    return {
        "backbone": tiny_network,
        "weights": None,
        "image_size": 16,
        "random_state": 0,
        "cache": folder / "cache",
        "preprocess": partial(note, log=str(folder / "log"), **kwargs),
    }


def search(data, splits, folder, **kwargs):
    extractor = PretrainedFeatureExtractor(**settings(folder, **kwargs))
    pipeline = Pipeline([("features", extractor), ("model", LogisticRegression())])
    return GridSearchCV(pipeline, {"model__C": [0.01, 0.1, 1]}, cv=splits).fit(data["X"], data["y"])


def compare(data, folder, **kwargs):
    extractor = PretrainedFeatureExtractor(**settings(folder, **kwargs))
    strategies = {
        "frozen": Pipeline([("features", extractor), ("model", LogisticRegression())]),
        "transfer": FineTunedCNNClassifier(
            **settings(folder, **kwargs), trainable="head", head_epochs=2
        ),
    }
    return compare_strategies(
        **data, strategies=strategies, cv=3, random_state=0, scoring={"loss": "neg_log_loss"}
    )


@pytest.fixture(scope="module")
def splits(data):
    return list(GroupKFold(3).split(data["X"], data["y"], data["groups"]))


@pytest.fixture(scope="module")
def searched_alone(data, splits, tmp_path_factory):
    return search(data, splits, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def compared_alone(data, tmp_path_factory):
    return compare(data, tmp_path_factory.mktemp("alone"))


def assert_same_search(found, expected):
    for name in ("split0_test_score", "split1_test_score", "split2_test_score"):
        np.testing.assert_allclose(found.cv_results_[name], expected.cv_results_[name])


def assert_same_comparison(found, expected):
    for name, scores in expected.scores["loss"].items():
        np.testing.assert_allclose(found.scores["loss"][name], scores, rtol=1e-5)


def test_grid_on_a_cluster_sends_each_image_once(client, data, splits, searched_alone, tmp_path):
    with joblib.parallel_config(backend="dask"):
        found = search(data, splits, tmp_path)
    assert n_lines(tmp_path / "log") == N_IMAGES
    assert_same_search(found, searched_alone)


def test_comparison_on_a_cluster_sends_each_image_once(client, data, compared_alone, tmp_path):
    with joblib.parallel_config(backend="dask"):
        found = compare(data, tmp_path)
    assert n_lines(tmp_path / "log") == N_IMAGES
    assert_same_comparison(found, compared_alone)


@can_kill
def test_grid_on_scattered_data_survives_a_killed_worker(
    client, data, splits, searched_alone, tmp_path
):
    everywhere = [data["X"], data["y"], *chain(*splits)]
    with joblib.parallel_config(backend="dask", scatter=everywhere):
        found = search(data, splits, tmp_path, deadly_line=20)
    assert Path(tmp_path / "log.killed").exists()
    assert_same_search(found, searched_alone)


@can_kill
def test_comparison_survives_a_killed_worker(client, data, compared_alone, tmp_path):
    with joblib.parallel_config(backend="dask"):
        found = compare(data, tmp_path, deadly_line=20)
    assert Path(tmp_path / "log.killed").exists()
    assert_same_comparison(found, compared_alone)


class Noted(ClassifierMixin, BaseEstimator):
    """Says the first class of all; notes each fit, of which one kills its process."""

    def __init__(self, log, deadly_line=None):
        self.log = log
        self.deadly_line = deadly_line

    def fit(self, X, y):
        note(None, self.log, self.deadly_line)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def compare_noted(data, folder, deadly_line=None):
    strategies = {"noted": Noted(str(folder / "log"), deadly_line)}
    return compare_strategies(
        **data, strategies=strategies, cv=6, n_jobs=2, random_state=0, scoring="accuracy",
        folder=folder / "fits",
    )  # fmt: skip


@pytest.mark.parametrize("backend", ["dask", pytest.param("loky", marks=pytest.mark.slow)])
def test_interrupted_comparison_goes_on(client, data, backend, tmp_path, monkeypatch):
    kept, put = [], FoldStore.put

    def interrupt(self, key, outputs):
        put(self, key, outputs)
        kept.append(key)
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(FoldStore, "put", interrupt)
    with joblib.parallel_config(backend=backend):
        with pytest.raises(KeyboardInterrupt):
            compare_noted(data, tmp_path)
        found = compare_noted(data, tmp_path)
    assert len(kept) == len(set(kept)) == 6
    assert not np.isnan(found.scores["accuracy"]["noted"]).any()


@pytest.mark.slow
@can_kill
def test_comparison_goes_on_when_a_process_of_joblib_is_killed(data, tmp_path):
    with (
        joblib.parallel_config(backend="loky"),
        pytest.warns(UserWarning, match="A process died"),
    ):
        found = compare_noted(data, tmp_path, deadly_line=3)
    assert not np.isnan(found.scores["accuracy"]["noted"]).any()
