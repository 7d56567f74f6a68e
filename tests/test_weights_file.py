"""Files of weights: one that does not fit is refused in one sentence."""

import re
import warnings

import h5py
import keras
import numpy as np
import pytest

from skdr import PretrainedFeatureExtractor
from skdr.networks import build_backbone

SIZE = (16, 16, 3)
SUFFIXES = [".weights.h5", ".h5", ".keras"]


def small(width=4, n_classes=0):
    layers = [keras.Input(SIZE), keras.layers.Conv2D(width, 3, name="conv1")]
    layers += [keras.layers.BatchNormalization(name="bn1")]
    layers += [keras.layers.Conv2D(5, 3, name="conv2")]
    if n_classes:
        layers += [keras.layers.Flatten(), keras.layers.Dense(n_classes, name="top")]
    return keras.Sequential(layers, name="small")


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"file{request.param}"


def save(network, path):
    network.save_weights(path) if path.name.endswith(".weights.h5") else network.save(path)


def refusal(backbone, path):
    """Return what the error says, once it is known to be one short sentence and no warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(ValueError, match=re.escape(str(path))) as info:
            build_backbone(backbone, path, SIZE[:2])
    message = str(info.value)
    assert "\n" not in message
    assert "nan" not in message
    assert len(message) < 300 + len(str(path))
    return message


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_other_width_names_the_first_weight_and_both_shapes(path):
    save(small(width=6), path)
    message = refusal(small(), path)
    assert "do not fit 'small': " in message
    assert re.search(r"'\S*conv1/kernel' has shape \(3, 3, 3, 4\) in the network and", message)
    assert "(3, 3, 3, 6) in the file" in message
    assert "of the same width" in message


def test_other_network_is_refused(path):
    save(keras.Sequential([keras.Input(SIZE), keras.layers.Conv2D(4, 3)]), path)
    assert "include_top=False" in refusal(small(), path)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_network_with_its_classes_is_refused(suffix, tmp_path):
    path = tmp_path / f"file{suffix}"
    save(small(n_classes=3), path)
    assert "without its classes (include_top=False)" in refusal(small(), path)


def test_classes_in_a_file_of_weights_are_left_out(tmp_path):
    path, saved = tmp_path / "own.weights.h5", small(n_classes=3)
    saved.save_weights(path)
    loaded = build_backbone(small(), path, SIZE[:2])
    for found, expected in zip(loaded.get_weights(), saved.get_weights(), strict=False):
        np.testing.assert_array_equal(found, expected)


def test_file_of_another_format_is_refused(path):
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    assert "it begins with b've" in refusal(small(), path)


def test_empty_file_is_refused(path):
    path.touch()
    assert "it begins with b''" in refusal(small(), path)


def test_file_without_any_weights_is_refused(tmp_path):
    path = tmp_path / "none.weights.h5"
    h5py.File(path, "w").close()
    assert "weights in the network and 0 in the file" in refusal(small(), path)


def test_network_of_unknown_layers_is_refused(tmp_path):
    class Unknown(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    path = tmp_path / "own.keras"
    keras.Sequential([keras.Input(SIZE), Unknown()]).save(path)
    assert "save_weights('name.weights.h5')" in refusal(small(), path)


def test_named_network_of_another_width_is_refused(tmp_path):
    path = tmp_path / "narrow.weights.h5"
    keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    ).save_weights(path)
    with pytest.raises(ValueError, match=r"'\S*conv1/kernel' has shape .*32\) .*8\) in the file"):
        PretrainedFeatureExtractor("MobileNet", weights=path, image_size=32).fit(
            np.zeros((2, 8, 8, 3), np.uint8)
        )


@pytest.mark.shared
def test_real_file_of_another_network_is_refused(shared):
    path = shared / "weights" / "mobilenet_v2_0.35_imagenet_notop.weights.h5"
    with pytest.raises(ValueError, match=r"'\S*kernel' has shape .* in the network and .* in the"):
        build_backbone("MobileNetV2", path, (96, 96))
