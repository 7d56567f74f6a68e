"""A folded network computes what the plain one computes."""

import keras
import numpy as np
import pytest

from benchmarks.networks import spread_batch_norm
from skdr.networks import build_backbone
from skdr.runtime._fold import fold_batch_norm
from skdr.runtime._keras_internals import keras_seed
from tests.with_keras import in_float64

# One of every kind of convolution and order of layers that the families have.
FAMILIES = [
    *("EfficientNetLite0", "MobileNet", "MobileNetV2", "MobileNetV3Small", "Xception"),
    *("ResNet50", "ResNet50V2", "DenseNet121", "InceptionV3", "EfficientNetB0", "NASNetMobile"),
]
NEVER_FOLDED = ["VGG16", "ConvNeXtTiny"]


def n_batch_norms(network):
    return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)


@pytest.mark.parametrize("name", FAMILIES)
def test_outputs_are_the_same_to_rounding(name):
    with keras_seed(0):
        network = in_float64(build_backbone(name, None, (96, 96)))
    spread_batch_norm(network)
    folded = fold_batch_norm(network)
    images = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(network(images, training=False))
    rounding = 1e-9 if expected.dtype == np.float64 else 1e-4  # JAX has but float32
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(folded(images, training=False)),
        expected,
        rtol=1e-7,
        atol=rounding * np.abs(expected).max(),
    )
    assert n_batch_norms(folded) < n_batch_norms(network)


@pytest.mark.parametrize("name", NEVER_FOLDED)
def test_network_without_batch_norm_is_used_as_it_is(name):
    network = build_backbone(name, None, (64, 64))
    assert fold_batch_norm(network) is network


def test_convolution_that_others_use_too_is_left_alone():
    images = keras.Input((8, 8, 3))
    raw = keras.layers.Conv2D(4, 3)(images)
    scaled = keras.layers.BatchNormalization()(raw)
    network = keras.Model(images, keras.layers.Add()([raw, scaled]))
    assert fold_batch_norm(network) is network


def test_network_itself_is_not_changed():
    network = build_backbone("MobileNet", None, (64, 64))
    before = network.get_weights()
    fold_batch_norm(network)
    for weight, kept in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_folded_network_computes_in_float32_as_the_plain_one():
    with keras_seed(0):
        network = build_backbone("MobileNet", None, (64, 64))
    spread_batch_norm(network)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    found, expected = (
        keras.ops.convert_to_numpy(n(images, training=False))
        for n in (fold_batch_norm(network), network)
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
