"""Networks: the table, names, taps, normalisation, weights, the forward pass."""

import random
import re
import sys
import threading

import keras
import numpy as np
import pytest

import skdr
from skdr import PretrainedFeatureExtractor, WeightsNotFoundError
from skdr.networks import build_backbone, default_image_size
from skdr.networks._backbones import BACKBONES
from skdr.networks._build import Normalisation, weights_hash
from skdr.networks._taps import find_tap_operation, tap_features
from skdr.runtime._forward import ForwardPass
from skdr.runtime._keras_internals import keras_seed
from tests.with_keras import tiny_network

LARGE = (
    r"ConvNeXt(Small|Base|Large|XLarge)|EfficientNetB[2-7]|EfficientNetV2(S|M|L|B[23])|NASNet\w+"
)
LARGE += r"|ResNet(101|152)(V2)?|DenseNet(169|201)|InceptionResNetV2"


def by_size(names):
    slow = [pytest.mark.slow]
    return [pytest.param(n, marks=slow if re.fullmatch(LARGE, n) else []) for n in names]


OF_KERAS = sorted(name for name in BACKBONES if "Lite" not in name)
MODULES = {
    "tf": keras.applications.inception_v3,
    "caffe": keras.applications.vgg16,
    "torch": keras.applications.densenet,
}


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, size=(5, 40, 40, 3), dtype=np.uint8)


def test_every_network_of_keras_is_listed():
    builders = {name for name in dir(keras.applications) if name[0].isupper()}
    assert builders <= set(skdr.list_backbones())
    assert {f"EfficientNetLite{i}" for i in range(3)} <= set(skdr.list_backbones())


@pytest.mark.parametrize("name", by_size(BACKBONES))
def test_network_builds_with_all_its_taps(name):
    network = build_backbone(name, None, default_image_size(name))
    sizes = [find_tap_operation(network, name, tap).output.shape[1] for tap in skdr.list_taps(name)]
    assert 4 <= len(sizes) <= 6
    assert sizes == sorted(sizes, reverse=True)
    assert find_tap_operation(network, name, "last").output is network.outputs[0]
    assert network.input_shape[1:3] == default_image_size(name)
    keras.utils.clear_session()


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_KERAS)
def test_default_size_is_the_one_keras_declares(name):
    network = getattr(keras.applications, name)(weights=None)
    assert network.input_shape[1:3] in [default_image_size(name), (None, None)]
    keras.utils.clear_session()


@pytest.mark.parametrize("mode", MODULES)
def test_normalisation_is_that_of_keras(mode, images):
    expected = MODULES[mode].preprocess_input(images.astype(np.float32))
    result = keras.ops.convert_to_numpy(Normalisation(mode)(images.astype(np.float32)))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", OF_KERAS)
def test_mode_in_the_table_is_that_of_the_networks_own_module(name, images):
    module = sys.modules[getattr(keras.applications, name).__module__]
    expected = module.preprocess_input(images.astype(np.float32))
    mode = BACKBONES[name].normalisation
    result = images.astype(np.float32)
    if mode != "builtin":
        result = keras.ops.convert_to_numpy(Normalisation(mode)(result))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "near"),
    [("resnet", "ResNet50"), ("inceptionv3", "InceptionV3"), ("EfficientNetLite", "Lite")],
)
def test_near_miss_names_are_suggested(name, near, images):
    with pytest.raises(ValueError, match=rf"Did you mean '.*{near}.*See skdr.list_backbones"):
        PretrainedFeatureExtractor(name).fit(images)


def test_names_do_not_depend_on_what_was_built_before():
    first = [op.name for op in build_backbone("Xception", None, (71, 71)).operations]
    keras.layers.Add()  # Keras counts these for the whole process
    second = [op.name for op in build_backbone("Xception", None, (71, 71)).operations]
    assert first == second
    assert "add_11" in first
    assert len(set(first)) == len(first)


def test_unknown_layer_lists_the_taps(images):
    extractor = PretrainedFeatureExtractor("MobileNet", weights=None, layer="mixed9")
    with pytest.raises(ValueError, match=r"layer='mixed9' .*'conv3', .*'last'"):
        extractor.fit(images)


def test_any_keras_layer_is_a_tap(images):
    extractor = PretrainedFeatureExtractor(tiny_network, layer="relu1", image_size=40)
    assert extractor.fit_transform(images).shape == (5, 8)


@pytest.mark.parametrize(("pooling", "n"), [("avg", 16), ("max", 16), ("avgmax", 32), (None, 1600)])
def test_pooling(pooling, n, images):
    extractor = PretrainedFeatureExtractor(tiny_network, pooling=pooling, image_size=40)
    assert extractor.fit_transform(images).shape == (5, n)


def test_all_is_every_tap(images):
    settings = {"weights": None, "image_size": 64, "random_state": 0}
    every, listed = (
        PretrainedFeatureExtractor("MobileNetV2", layer=layer, **settings).fit_transform(images)
        for layer in ("all", skdr.list_taps("MobileNetV2"))
    )
    assert np.array_equal(every, listed)


def test_all_of_an_own_network_is_its_output(images):
    every, last = (
        PretrainedFeatureExtractor(
            tiny_network, layer=layer, image_size=40, random_state=0
        ).fit_transform(images)
        for layer in ("all", "last")
    )
    assert np.array_equal(every, last)


def test_several_taps_are_the_single_ones_side_by_side(images):
    network = build_backbone(tiny_network, None, (40, 40))
    single = [ForwardPass(tap_features(network, tiny_network, t, "avg")) for t in ("relu1", "last")]
    both = ForwardPass(tap_features(network, tiny_network, ["relu1", "last"], "avg"))
    np.testing.assert_array_equal(both([images]), np.hstack([f([images]) for f in single]))


def test_given_model_is_copied_with_its_weights(images):
    with keras_seed(0):
        model = tiny_network((40, 40, 3))
    before = [w.copy() for w in model.get_weights()]
    extractor = PretrainedFeatureExtractor(model).fit(images)
    expected = keras.ops.mean(model(images.astype(np.float32)), axis=(1, 2))
    np.testing.assert_allclose(extractor.transform(images), expected, rtol=1e-4, atol=1e-5)
    model.set_weights([w + 1 for w in before])
    np.testing.assert_allclose(extractor.transform(images), expected, rtol=1e-4, atol=1e-5)


def test_given_model_must_take_the_images(images):
    with pytest.raises(ValueError, match=r"takes images of shape \(40, 40, 3\).*set image_size"):
        PretrainedFeatureExtractor(tiny_network((40, 40, 3)), image_size=32).fit(images)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_weights_from_a_file(tmp_path, suffix, images):
    saved = tiny_network((40, 40, 3))
    path = tmp_path / f"tiny{suffix}"
    saved.save_weights(path) if suffix == ".weights.h5" else saved.save(path)
    loaded = build_backbone(tiny_network, path, (40, 40))
    assert weights_hash(loaded) == weights_hash(saved)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "tiny.weights.h5"
    tiny_network((40, 40, 3)).save_weights(path)
    with pytest.raises(ValueError, match=r"tiny.weights.h5' do not fit 'mobilenet.*include_top"):
        build_backbone("MobileNet", path, (40, 40))


def test_weights_of_another_kind_of_file():
    with pytest.raises(ValueError, match=r"weights='noisy-student' is not known"):
        build_backbone("MobileNet", "noisy-student", (40, 40))


def test_missing_weights_file(tmp_path):
    with pytest.raises(WeightsNotFoundError, match="no such file"):
        build_backbone("MobileNet", tmp_path / "lost.h5", (40, 40))


def test_weights_that_cannot_be_downloaded_name_file_folder_and_ways_out(tmp_path, monkeypatch):
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    extractor = PretrainedFeatureExtractor("MobileNet", image_size=128)
    with pytest.raises(WeightsNotFoundError) as info:
        extractor.fit(np.zeros((2, 40, 40, 3), np.uint8))
    message = str(info.value)
    assert "mobilenet_1_0_128_tf_no_top.h5" in message
    assert str(tmp_path / "models") in message
    assert "weights=" in message
    assert "EfficientNetLite0" in message


def test_too_small_images_are_refused_before_decoding():
    with pytest.raises(ValueError, match=r"InceptionV3 cannot take image_size=\(40, 40\)"):
        build_backbone("InceptionV3", None, (40, 40))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_reduced_precision_gives_float32_features_near_the_full_ones(dtype, images):
    full = PretrainedFeatureExtractor(image_size=64).fit_transform(images)
    reduced = PretrainedFeatureExtractor(image_size=64, dtype=dtype).fit_transform(images)
    assert reduced.dtype == np.float32
    assert not np.array_equal(full, reduced)
    assert np.corrcoef(full.ravel(), reduced.ravel())[0, 1] > 0.97


def test_features_do_not_depend_on_the_batch():
    images = np.random.default_rng(0).integers(0, 256, size=(40, 96, 96, 3), dtype=np.uint8)
    extractor = PretrainedFeatureExtractor(image_size=96).fit(images)
    together = extractor.transform(images)
    alone = np.vstack([extractor.transform(images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-5, atol=1e-6)
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_allclose(extractor.transform(images[order]), together[order], rtol=1e-5)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Xception", "xception_imagenet_notop.weights.h5"),
        ("MobileNet", "mobilenet_1.0_imagenet_notop.weights.h5"),
    ],
)
def test_real_weights_give_the_features_of_keras(shared, name, file):
    path = shared / "weights" / file
    module = sys.modules[getattr(keras.applications, name).__module__]
    reference = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(96, 96, 3), pooling="avg"
    )
    reference.load_weights(path)
    images = np.random.default_rng(0).integers(0, 256, size=(3, 96, 96, 3), dtype=np.uint8)
    expected = reference.predict(module.preprocess_input(images.astype(np.float32)), verbose=0)
    extractor = PretrainedFeatureExtractor(name, weights=path, layer="last", image_size=96)
    np.testing.assert_allclose(extractor.fit_transform(images), expected, rtol=1e-3, atol=1e-4)


def test_other_threads_that_draw_do_not_change_a_seeded_network():
    def kernel(meanwhile):
        with keras_seed(0):
            meanwhile()
            layer = keras.layers.Dense(3)
            layer.build((None, 2))
        return keras.ops.convert_to_numpy(layer.kernel)

    def draw_in_another_thread():
        thread = threading.Thread(target=random.random)
        thread.start()
        thread.join()

    np.testing.assert_array_equal(kernel(draw_in_another_thread), kernel(lambda: None))


def test_seeding_gives_the_generators_back():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    with keras_seed(0):
        keras.layers.Dense(3).build((None, 2))
    assert random.random() == expected
    first, second = (keras.random.SeedGenerator().state.numpy() for _ in range(2))
    assert not np.array_equal(first, second)
