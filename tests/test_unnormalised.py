"""Networks of `keras.applications` that get numbers which they were not trained on."""

import re
import sys
import warnings

import keras
import numpy as np
import pytest

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.networks import build_backbone
from skdr.networks._backbones import BACKBONES
from skdr.networks._unnormalised import _known, warn_if_not_normalised

applications, layers = keras.applications, keras.layers
NOT_KNOWN = r"nothing brings images in 0\.\.255 to what it was trained on"


def named(name, size=32):
    """Two layers in place of the many of a network of Keras, under its name."""
    images = keras.Input((size, size, 3))
    return keras.Model(images, layers.Conv2D(4, 3, name="Conv1")(images), name=name)


def builtin(name):
    images = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(images)
    return keras.Model(images, layers.Conv2D(4, 3)(x), name=name)


def behind(network, *before):
    images = x = keras.Input((32, 32, 3))
    for layer in before:
        x = layer(x)
    return keras.Model(images, network(x), name="outer")


def warned(network):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_not_normalised(network)
    return " ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "VGG16", "DenseNet121", "ResNet50V2"])
def test_networks_of_keras_are_known_by_their_names(name):
    network = getattr(applications, name)(include_top=False, weights=None, input_shape=(32, 32, 3))
    assert re.search(rf"is Keras's {name}, and {NOT_KNOWN}", warned(network))
    keras.utils.clear_session()


@pytest.mark.parametrize(
    ("keras_name", "name"),
    [
        ("mobilenet_0.50_160", "MobileNet"),
        ("mobilenetv2_1.00_None", "MobileNetV2"),
        ("inception_v3", "InceptionV3"),
        ("inception_resnet_v2", "InceptionResNetV2"),
        ("nasnet_mobile", "NASNetMobile"),
        ("NASNet", "NASNetMobile"),
        ("xception", "Xception"),
        ("resnet152v2", "ResNet152V2"),
        ("efficientnetv2-b0", "EfficientNetV2B0"),
        ("convnext_xlarge", "ConvNeXtXLarge"),
        ("MobileNetV3Small", "MobileNetV3Small"),
    ],
)
def test_names_that_keras_gives(keras_name, name):
    assert _known(keras_name) is BACKBONES[name]


@pytest.mark.parametrize("name", ["mobile", "my_resnet50", "functional_1"])
def test_other_names_are_not_known(name):
    assert _known(name) is None
    assert not warned(named(name))


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("xception", r"Rescaling\(1 / 127.5, offset=-1\)\(images\).* backbone='Xception'"),
        ("resnet50", r"keras\.applications\.resnet\.preprocess_input\(images\)"),
        ("densenet121", r"keras\.applications\.densenet\.preprocess_input\(images\)"),
        ("mobilenetv2_0.35_96", r"Rescaling\(1 / 127.5, offset=-1\)\(images\)\)\)\.$"),
    ],
)
def test_cure_is_that_of_the_network(name, cure):
    assert re.search(cure, warned(named(name)))


@pytest.mark.parametrize("name", ["Xception", "ResNet50", "DenseNet121"])
def test_cure_of_the_message_normalises_as_keras_does(name):
    network = named(name.lower())
    cure = re.search(r"network\((.*?\(images\))\)", warned(network))[1]
    images = keras.Input((32, 32, 3))
    cured = keras.Model(images, network(eval(cure, {"keras": keras, "images": images})))
    assert not warned(cured)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    module = sys.modules[getattr(applications, name).__module__]
    expected = network.predict(module.preprocess_input(pixels.astype("float32")), verbose=0)
    found = PretrainedFeatureExtractor(cured, pooling=None, cache=None).fit_transform(pixels)
    np.testing.assert_allclose(
        found, expected.reshape(2, -1), rtol=1e-4, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize(
    "before",
    [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Normalization(mean=[1, 2, 3], variance=[1, 2, 3]),
        layers.BatchNormalization(),
        layers.Lambda(lambda x: x / 255),
        layers.Conv2D(3, 1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_whatever_may_normalise_silences_the_warning(before):
    assert not warned(behind(named("xception"), before))


@pytest.mark.parametrize("before", [layers.RandomFlip, layers.ZeroPadding2D, layers.Identity])
def test_layers_that_keep_the_range_do_not(before):
    assert "is Keras's Xception" in warned(behind(named("xception", size=None), before()))


def test_network_deep_inside_is_found():
    assert "backbone='outer' is Keras's Xception" in warned(behind(behind(named("xception"))))


@pytest.mark.parametrize("name", ["efficientnetb0", "MobileNetV3Large", "convnext_tiny"])
def test_network_that_normalises_by_itself_needs_nothing(name):
    assert not warned(builtin(name))
    assert not warned(behind(builtin(name)))


def test_network_that_is_normalised_twice():
    network = behind(builtin("efficientnetb0"), layers.Rescaling(1 / 255, name="again"))
    assert re.search(r"twice: its layer 'again' .* EfficientNetB0.* Leave out", warned(network))


def test_network_built_without_its_own_normalisation():
    assert "include_preprocessing=True" in warned(named("MobileNetV3Small"))
    assert not warned(behind(named("MobileNetV3Small"), layers.Rescaling(1 / 127.5, -1)))


@pytest.mark.parametrize("given_as", ["model", "callable"])
@pytest.mark.parametrize("estimator", [PretrainedFeatureExtractor, FineTunedCNNClassifier])
def test_estimators_warn_at_the_line_of_fit(given_as, estimator, coloured):
    X, y = coloured
    network = named("xception")
    backbone = network if given_as == "model" else lambda input_shape: network
    model = estimator(backbone, image_size=32, cache=None)
    with pytest.warns(UserWarning, match=NOT_KNOWN) as caught:
        model.fit(X[:6], y[:6])
    ours = [warning for warning in caught if re.search(NOT_KNOWN, str(warning.message))]
    assert [warning.filename for warning in ours] == [__file__]


def test_weights_that_are_drawn_need_no_normalisation(coloured, recwarn):
    X, y = coloured
    ScratchCNNClassifier(named("xception"), epochs=1).fit(X[:6], y[:6])
    PretrainedFeatureExtractor(named("xception"), weights=None).fit(X[:6])
    assert not [w for w in recwarn if re.search(NOT_KNOWN, str(w.message))]


def test_networks_by_name_are_normalised_here(recwarn):
    build_backbone("MobileNet", None, (32, 32))
    assert not [w for w in recwarn if re.search(NOT_KNOWN, str(w.message))]
