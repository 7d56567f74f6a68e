"""Global settings of Keras and TensorFlow: none changes results in silence."""

import keras
import numpy as np
import pytest

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    clear_feature_cache,
    clear_networks,
)
from tests.with_keras import on_tensorflow, tiny_network

SETTINGS = {"image_size": 16, "random_state": 0, "batch_size": 16}
TUNED = {**SETTINGS, "weights": None, "cache": None, "head_epochs": 2, "epochs": 1}
ESTIMATORS = {
    "extractor": lambda: PretrainedFeatureExtractor(
        tiny_network, image_size=16, weights=None, random_state=0, cache=None
    ),
    "named": lambda: PretrainedFeatureExtractor(layer="block2", image_size=32, cache=None),
    "transfer": lambda: FineTunedCNNClassifier(tiny_network, trainable="head", **TUNED),
    "fine_tuned": lambda: FineTunedCNNClassifier(tiny_network, augmentation="natural", **TUNED),
    "scratch": lambda: ScratchCNNClassifier(epochs=1, dropout=0.5, **SETTINGS),
}


@pytest.fixture(params=ESTIMATORS.values(), ids=ESTIMATORS)
def make(request):
    return request.param


@pytest.fixture(scope="module")
def results(coloured):
    """What estimators give with the usual settings, computed once."""
    known = {}

    def result(make):
        if make not in known:
            known[make] = outputs(make, *coloured)
        return known[make]

    return result


def outputs(make, X, y):
    """Return what a new estimator gives, built and compiled anew."""
    clear_networks()
    clear_feature_cache()
    fitted = make().fit(X, y)
    return fitted.transform(X) if hasattr(fitted, "transform") else fitted.predict_proba(X)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_dtype_counts_and_not_the_global_policy(policy, make, coloured, results):
    expected, before = results(make), keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        np.testing.assert_array_equal(outputs(make, *coloured), expected)
        assert keras.config.dtype_policy().name == policy
    finally:
        keras.config.set_dtype_policy(before)


@on_tensorflow
@pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly")
def test_debugging_in_eager_mode_gives_the_same(make, coloured, results):
    tf = pytest.importorskip("tensorflow")
    expected = results(make)
    tf.config.run_functions_eagerly(True)
    try:
        np.testing.assert_allclose(outputs(make, *coloured), expected, rtol=1e-4, atol=1e-5)
    finally:
        tf.config.run_functions_eagerly(False)


def test_progress_bars_may_be_logged(coloured, results):
    make = ESTIMATORS["scratch"]
    expected = results(make)
    keras.config.disable_interactive_logging()
    try:
        np.testing.assert_array_equal(
            outputs(lambda: make().set_params(verbose=1), *coloured), expected
        )
    finally:
        keras.config.enable_interactive_logging()


@pytest.mark.parametrize(
    ("setting", "value", "step"),
    [
        ("floatx", "float16", r"set_floatx\('float32'\) before fit"),
        ("floatx", "float64", r"set_floatx\('float32'\) before fit"),
        ("image_data_format", "channels_first", r"set_image_data_format\('channels_last'\) before"),
    ],
)
def test_settings_of_other_networks_are_refused_at_fit(setting, value, step, make, coloured):
    before = getattr(keras.config, setting)()
    getattr(keras.config, f"set_{setting}")(value)
    try:
        with pytest.raises(RuntimeError, match=rf"{setting} '{value}'.*{step}"):
            make().fit(*coloured)
    finally:
        getattr(keras.config, f"set_{setting}")(before)


def test_settings_are_refused_where_a_network_is_kept(coloured):
    make = ESTIMATORS["scratch"]
    make().fit(*coloured)
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(RuntimeError, match="image_data_format"):
            make().fit(*coloured)
    finally:
        keras.config.set_image_data_format("channels_last")
