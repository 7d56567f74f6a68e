"""With and without what makes networks faster, all comes to the same."""

import os
import subprocess
import sys

import numpy as np
import pytest

import skdr
from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    accelerations,
    clear_feature_cache,
    clear_networks,
)
from skdr._accelerations import are_accelerations_enabled
from skdr.devices import _memory, reuse_freed_memory
from skdr.runtime import _architecture, _forward, batches_at_once
from tests.with_keras import tiny_network

SETTINGS = {"random_state": 0, "batch_size": 16}
LITE = {"image_size": 32, **SETTINGS}
ESTIMATORS = {
    "features": lambda: PretrainedFeatureExtractor(image_size=64, cache=None),
    "an earlier layer": lambda: PretrainedFeatureExtractor(
        image_size=64, layer="block3", cache=None
    ),
    "transfer": lambda: FineTunedCNNClassifier(trainable="head", head_epochs=5, cache=None, **LITE),
    "fine_tuned": lambda: FineTunedCNNClassifier(
        trainable=1, head_epochs=3, epochs=2, cache=None, **LITE
    ),
    "scratch": lambda: ScratchCNNClassifier(epochs=2, image_size=16, **SETTINGS),
    "augmented": lambda: FineTunedCNNClassifier(
        tiny_network,
        weights=None,
        trainable=1,
        augmentation="natural",
        head_epochs=2,
        epochs=2,
        image_size=16,
        **SETTINGS,
    ),
}


@pytest.fixture(autouse=True)
def forget():
    clear_networks()
    clear_feature_cache()


def outputs(fitted, X):
    return fitted.transform(X) if hasattr(fitted, "transform") else fitted.predict_proba(X)


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_results_are_the_same_to_rounding(make, coloured):
    X, y = coloured
    fast = make().fit(X, y)
    with accelerations(False):
        plain = make().fit(X, y)
        expected = outputs(plain, X)
        # What was fitted with them predicts without them too.
        np.testing.assert_allclose(outputs(fast, X), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(outputs(fast, X), expected, rtol=1e-3, atol=1e-3)


def test_each_of_them_is_off(coloured, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("this is an acceleration")

    monkeypatch.setattr(_forward, "fold_batch_norm", refuse)
    monkeypatch.setattr(_architecture, "multiply_pointwise", refuse)
    monkeypatch.setattr(_memory, "_enter", refuse)
    with accelerations(False):
        assert batches_at_once((16,), 16) == 1
        with reuse_freed_memory():
            pass
        ESTIMATORS["features"]().fit_transform(coloured[0][:2])
        ESTIMATORS["fine_tuned"]().fit(*coloured)


def test_no_network_is_shared(coloured, monkeypatch):
    n_built, plain_build = [], skdr.runtime._frozen.build_backbone

    def build(*args, **kwargs):
        n_built.append(1)
        return plain_build(*args, **kwargs)

    monkeypatch.setattr(skdr.runtime._frozen, "build_backbone", build)
    with accelerations(False):
        for _ in range(2):
            ESTIMATORS["features"]().fit(coloured[0])
    assert len(n_built) == 2
    for _ in range(2):
        ESTIMATORS["features"]().fit(coloured[0])
    assert len(n_built) == 3


def test_context_ends_and_may_stand_in_another():
    assert are_accelerations_enabled()
    with accelerations(False):
        assert not are_accelerations_enabled()
        with accelerations(True):
            assert are_accelerations_enabled()
        assert not are_accelerations_enabled()
    assert are_accelerations_enabled()


@pytest.mark.parametrize(("value", "expected"), [("0", False), ("1", True)])
def test_environment_decides_for_a_process(value, expected):
    code = "from skdr._accelerations import are_accelerations_enabled as f; print(f())"
    environment = {**os.environ, "SKDR_ACCELERATIONS": value}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    assert done.stdout.decode().strip() == str(expected)


def test_other_values_in_the_environment_are_refused(monkeypatch):
    monkeypatch.setenv("SKDR_ACCELERATIONS", "off")
    with pytest.raises(ValueError, match="SKDR_ACCELERATIONS='off' in the environment must be 0"):
        are_accelerations_enabled()
