"""OpenVINO runs the same network."""

import pickle
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("openvino")
if keras.backend.backend() != "tensorflow":
    pytest.skip("OpenVINO reads networks of TensorFlow", allow_module_level=True)

from skdr import PretrainedFeatureExtractor, clear_feature_cache, feature_cache_info


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def extractor(images):
    settings = {"layer": ["block3", "last"], "image_size": 64, "cache": None}
    return PretrainedFeatureExtractor(engine="openvino", **settings).fit(images)


@pytest.fixture(scope="module")
def features(extractor, images):
    return extractor.transform(images)


def test_features_are_those_of_keras(extractor, features, images):
    by_keras = PretrainedFeatureExtractor(layer=["block3", "last"], image_size=64, cache=None)
    expected = by_keras.fit_transform(images)
    assert np.abs(features - expected).max() < 1e-5 * np.abs(expected).max()


def test_features_of_an_image_do_not_depend_on_its_batch(extractor, features, images):
    np.testing.assert_array_equal(extractor.transform(images[4:]), features[4:])


def test_features_are_not_overwritten_by_the_next_batch(features, extractor, images):
    kept = features.copy()
    extractor.transform(images[::-1].copy())
    np.testing.assert_array_equal(features, kept)


def test_pickled_extractor_gives_the_same_features(extractor, features, images):
    loaded = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(loaded.transform(images), features)


def test_bfloat16_is_near_float32(features, images):
    settings = {"layer": ["block3", "last"], "image_size": 64, "cache": None}
    reduced = PretrainedFeatureExtractor(engine="openvino", dtype="bfloat16", **settings)
    assert np.abs(reduced.fit_transform(images) - features).max() < 0.1 * np.abs(features).max()


def test_model_is_a_float32_keras_model_at_any_precision(images):
    extractor = PretrainedFeatureExtractor(engine="openvino", dtype="bfloat16", image_size=64)
    assert extractor.fit(images).model_.layers[-1].compute_dtype == "float32"


def test_engines_do_not_share_vectors(tmp_path, images):
    clear_feature_cache(tmp_path)
    for engine in ("keras", "openvino"):
        PretrainedFeatureExtractor(engine=engine, image_size=64, cache=tmp_path).fit_transform(
            images
        )
    assert feature_cache_info(tmp_path).misses == 2 * len(images)


def test_float16_is_refused(images):
    extractor = PretrainedFeatureExtractor(engine="openvino", dtype="float16", image_size=64)
    with pytest.raises(ValueError, match="not in dtype='float16'"):
        extractor.fit(images)


def test_missing_package_is_named_at_fit(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r'pip install "skdr\[openvino\]"'):
        PretrainedFeatureExtractor(engine="openvino", image_size=64).fit(images)
