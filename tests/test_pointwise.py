"""1x1 convolutions that are computed as products of matrices compute the same."""

import keras
import numpy as np
import pytest

from skdr import ScratchCNNClassifier
from skdr.networks import build_backbone
from skdr.runtime._forward import gradient
from skdr.runtime._keras_internals import keras_seed
from skdr.runtime._pointwise import multiply_pointwise
from tests.with_keras import in_float64


def convolutions(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]


def multiplied(network):
    return [layer.name for layer in convolutions(network) if "convolution_op" in vars(layer)]


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 97, 97, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["EfficientNetLite0", "ResNet50", "InceptionV3"])
def test_outputs_and_gradients_are_the_same_to_rounding(name, images):
    with keras_seed(0):
        network = in_float64(build_backbone(name, None, (97, 97)))

    def outputs_and_gradient():
        outputs = keras.ops.convert_to_numpy(network(images, training=False))
        return outputs, gradient(lambda x: keras.ops.sum(network(x, training=False) ** 2), images)

    before = outputs_and_gradient()
    rounding = 1e-6 if before[0].dtype == np.float64 else 1e-4  # JAX has but float32
    multiply_pointwise(network)
    assert multiplied(network)
    for got, expected in zip(outputs_and_gradient(), before, strict=True):
        np.testing.assert_allclose(got, expected, atol=rounding * np.abs(expected).max())


@pytest.mark.parametrize(
    "settings",
    [
        {"strides": 2, "padding": "same"},
        {"strides": (2, 3), "padding": "valid"},
        {"activation": "relu", "use_bias": False},
        {"dtype": "mixed_bfloat16"},
    ],
)
def test_every_setting(settings, images):
    network = keras.Sequential([keras.Input((97, 97, 3)), keras.layers.Conv2D(5, 1, **settings)])
    expected = keras.ops.convert_to_numpy(network(images))
    multiply_pointwise(network)
    got = network(images)
    assert got.dtype == network.outputs[0].dtype
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got), expected, rtol=1e-2, atol=1e-4)


def test_other_convolutions_are_left_alone():
    class Own(keras.layers.Conv2D):
        pass

    network = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            keras.layers.Conv2D(4, 3, name="wide"),
            keras.layers.Conv2D(4, 1, groups=2, name="grouped"),
            Own(4, 1, name="own"),
            keras.Sequential([keras.layers.Conv2D(4, 1, name="nested")]),
            keras.layers.Conv2D(4, 1, name="plain"),
        ]
    )
    multiply_pointwise(network)
    assert multiplied(network) == ["plain"]
    assert multiplied(network.layers[3]) == ["nested"]


def test_classifiers_train_so_and_neither_exports_nor_the_users_network_know(coloured):
    own = keras.Sequential(
        [keras.Input((24, 24, 3)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(8, 1)]
    )
    model = ScratchCNNClassifier(own, epochs=1, image_size=24, random_state=0).fit(*coloured)
    assert len(multiplied(model._fitted.architecture.network)) == 1
    assert multiplied(own) == []
    assert multiplied(model.model_) == []
