"""The switches for GPUs, tried without one: what a GPU would do is played by the tests."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from filelock import FileLock

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.devices import _gpu, gpu_turn, is_out_of_memory
from skdr.networks import build_backbone
from skdr.runtime._forward import ForwardPass
from skdr.runtime._stateless import FewSizes
from tests.with_keras import on_tensorflow, tiny_network


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


@pytest.fixture
def small_memory(monkeypatch):
    """A device on which five images fit."""
    seen = []

    def compiler(network):
        def forward(batch):
            seen.append(len(batch))
            n_images = np.count_nonzero(batch.any(axis=(1, 2, 3)))
            if n_images > 5:
                raise ResourceExhaustedError("OOM when allocating tensor")
            return batch.mean(axis=(1, 2, 3), keepdims=True)[:, 0, 0]

        return forward

    return ForwardPass(build_backbone(tiny_network, None, (8, 8)), compiler=compiler), seen


@pytest.fixture
def one_gpu(monkeypatch, tmp_path):
    """A GPU with a lock of its own; returns the lock of another process."""
    path = tmp_path / "gpu.lock"
    lock = FileLock(path, thread_local=False)
    monkeypatch.setattr(_gpu, "list_gpus", lambda: ["GPU:0"])
    monkeypatch.setattr(_gpu, "_lock", lambda: lock)
    return FileLock(path, thread_local=False)


# Batches that fit


def test_batch_that_does_not_fit_runs_in_parts(small_memory):
    forward, _ = small_memory
    images = np.arange(1.0, 33.0)[:, None, None, None] * np.ones((1, 8, 8, 3))
    np.testing.assert_allclose(forward([images[:20], images[20:]])[:, 0], np.arange(1.0, 33.0))


def test_size_that_fits_is_remembered(small_memory):
    forward, seen = small_memory
    images = np.ones((20, 8, 8, 3))
    forward([images])
    n_calls = len(seen)
    forward([images])
    assert len(seen) - n_calls == 4  # of five images, none in vain


def test_single_image_that_does_not_fit_raises():
    def compiler(network):
        def forward(batch):
            raise ResourceExhaustedError("OOM")

        return forward

    forward = ForwardPass(build_backbone(tiny_network, None, (8, 8)), compiler=compiler)
    with pytest.raises(ResourceExhaustedError):
        forward([np.ones((4, 8, 8, 3))])


def test_other_errors_are_raised_at_once():
    calls = []

    def compiler(network):
        def forward(batch):
            calls.append(len(batch))
            raise RuntimeError("no such kernel")

        return forward

    with pytest.raises(RuntimeError, match="no such kernel"):
        ForwardPass(build_backbone(tiny_network, None, (8, 8)), compiler=compiler)(
            [np.ones((4, 8, 8, 3))]
        )
    assert len(calls) == 1


def test_batches_of_few_sizes_are_compiled():
    seen = []

    def call(batch):
        seen.append(len(batch))
        return batch.sum(axis=1)

    run = FewSizes(call)
    for n_images in (257, 256, 70, 5, 8, 2, 1):
        batch = np.arange(1.0, 2 * n_images + 1).reshape(n_images, 2)
        np.testing.assert_array_equal(run(batch), batch.sum(axis=1))
    assert seen == [257, 257, 257, 8, 8, 8, 1]


def test_size_that_does_not_fit_is_not_kept():
    def call(batch):
        if len(batch) > 4:
            raise ResourceExhaustedError("OOM")
        return batch

    run = FewSizes(call)
    with pytest.raises(ResourceExhaustedError):
        run(np.ones((8, 2)))
    assert len(run(np.ones((3, 2)))) == 3


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_only_bytes_stay_bytes_on_their_way_to_the_device(dtype):
    seen = []

    def compiler(network):
        def forward(batch):
            seen.append(batch.dtype)
            return batch.mean(axis=(1, 2))

        return forward

    forward = ForwardPass(build_backbone(tiny_network, None, (8, 8)), compiler=compiler)
    forward([np.ones((4, 8, 8, 3), dtype=dtype)])
    assert seen == [np.uint8 if dtype == np.uint8 else np.float32]


@on_tensorflow
def test_lack_of_memory_in_tensorflow_is_known():
    tf = pytest.importorskip("tensorflow")
    assert is_out_of_memory(tf.errors.ResourceExhaustedError(None, None, "OOM"))
    assert not is_out_of_memory(tf.errors.InvalidArgumentError(None, None, "shape"))


def test_lack_of_memory_in_jax_is_known():
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes."))


@pytest.mark.parametrize("kind", [FineTunedCNNClassifier, ScratchCNNClassifier])
def test_automatic_batches_train_as_the_default_where_they_fit(kind, coloured):
    settings = {"backbone": tiny_network, "image_size": 24, "epochs": 1, "random_state": 0}
    auto = kind(batch_size="auto", **settings).fit(*coloured)
    default = kind(**settings).fit(*coloured)
    assert auto.batch_size_ == 32
    np.testing.assert_allclose(
        auto.predict_proba(coloured[0]), default.predict_proba(coloured[0]), rtol=1e-4, atol=1e-6
    )


def test_automatic_batches_of_training_are_halved(coloured, monkeypatch):
    train_on_batch = keras.Model.train_on_batch

    def of_ten_at_most(self, x, *args, **kwargs):
        if len(x) > 10:
            raise ResourceExhaustedError("OOM")
        return train_on_batch(self, x, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "train_on_batch", of_ten_at_most)
    settings = {"backbone": tiny_network, "image_size": 24, "epochs": 1, "random_state": 0}
    auto = ScratchCNNClassifier(batch_size="auto", **settings).fit(*coloured)
    eight = ScratchCNNClassifier(batch_size=8, **settings).fit(*coloured)
    assert auto.batch_size_ == 8
    assert auto.history_["loss"] == pytest.approx(eight.history_["loss"], rel=1e-4)


def test_automatic_batches_of_passes_are_larger_on_a_gpu(one_gpu):
    assert PretrainedFeatureExtractor(batch_size="auto")._prediction_batch_size == 256


def test_automatic_batches_give_the_same_features(coloured):
    features = [
        PretrainedFeatureExtractor(
            tiny_network, image_size=24, batch_size=size, cache=None, random_state=0
        ).fit_transform(coloured[0])
        for size in ("auto", 7)
    ]
    np.testing.assert_allclose(features[0], features[1], rtol=1e-5)


# Memory


@on_tensorflow
def test_tensorflow_takes_memory_as_it_needs_it(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    from skdr.devices import _tensorflow

    gpus = [tf.config.PhysicalDevice(f"/physical_device:GPU:{i}", "GPU") for i in range(2)]
    grown = []
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: gpus)
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda gpu, on: grown.append((gpu, on))
    )
    assert _tensorflow.list_gpus() == ["/physical_device:GPU:0", "/physical_device:GPU:1"]
    assert grown == [(gpu, True) for gpu in gpus]


@on_tensorflow
def test_gpus_that_are_in_use_already_stay_as_they_are(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    from skdr.devices import _tensorflow

    def too_late(gpu, on):
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [gpu])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", too_late)
    assert _tensorflow.list_gpus() == ["/physical_device:GPU:0"]


def test_memory_is_asked_for_before_a_network_is_built(monkeypatch, coloured):
    asked = []
    monkeypatch.setattr("skdr.networks._build.list_gpus", lambda: asked.append(True))
    extractor = PretrainedFeatureExtractor(tiny_network, image_size=20, random_state=1)
    extractor.fit(coloured[0])
    assert asked


# One process at a time


def test_second_process_on_a_gpu_is_told_and_waits(one_gpu):
    one_gpu.acquire()
    threading.Timer(0.5, one_gpu.release).start()
    start = time.monotonic()
    with pytest.warns(UserWarning, match="Another process computes on this GPU"), gpu_turn():
        assert time.monotonic() - start > 0.4


def test_free_gpu_is_taken_in_silence_and_given_back(one_gpu, recwarn):
    with gpu_turn(), gpu_turn():  # a pass inside a fit
        pass
    one_gpu.acquire(blocking=False)
    one_gpu.release()
    assert not recwarn.list


def test_gpu_is_given_back_after_an_error(one_gpu):
    with pytest.raises(KeyError), gpu_turn():
        raise KeyError
    one_gpu.acquire(blocking=False)
    one_gpu.release()


def test_process_that_waited_too_long_goes_on(one_gpu, monkeypatch):
    monkeypatch.setattr(_gpu, "_MAX_SECONDS", 0.1)
    with one_gpu, pytest.warns(UserWarning, match="waits for its turn"), gpu_turn():
        pass


def test_passes_and_fits_take_turns(one_gpu, coloured, monkeypatch):
    monkeypatch.setattr(_gpu, "_MAX_SECONDS", 0.1)
    settings = {"image_size": 24, "random_state": 0}
    extractor = PretrainedFeatureExtractor(tiny_network, cache=None, **settings).fit(coloured[0])
    with one_gpu, pytest.warns(UserWarning, match="waits for its turn"):
        extractor.transform(coloured[0])
    classifier = ScratchCNNClassifier(tiny_network, epochs=1, **settings)
    with one_gpu, pytest.warns(UserWarning, match="waits for its turn"):
        classifier.fit(*coloured)


def test_processes_with_gpus_of_their_own_do_not_wait(monkeypatch):
    locks = []
    for visible in ("0", "1"):
        monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", visible)
        locks.append(_gpu._lock.__wrapped__().lock_file)
    assert locks[0] != locks[1]


# Several cards: two processors stand for them


@pytest.fixture(scope="module")
def trained_on_two():
    """What a process with two devices says of networks that it trained on both."""
    code = """
import json, numpy as np, tensorflow as tf
processor = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(processor, halves)
from skdr import FineTunedCNNClassifier
from tests.with_keras import tiny_network
y = np.arange(60) % 3
X = np.random.default_rng(0).integers(0, 120, (60, 24, 24, 3))
X[np.arange(60), :, :, y] += 100
classifiers = [
    FineTunedCNNClassifier(
        tiny_network, image_size=24, trainable=1, head_epochs=10, head_learning_rate=0.02, C=1.0,
        epochs=1, batch_size=20, random_state=0, devices=devices,
    ).fit(X, y)
    for devices in [["CPU:0", "CPU:1"]] * 2
]
network = classifiers[0]._fitted.architecture.network
print(json.dumps({
    "scores": [c.score(X, y) for c in classifiers],
    "difference": np.ptp([c.predict_proba(X) for c in classifiers], axis=0).max().item(),
    "copies": len(network.trainable_variables[0].value.values),
}))
"""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)
    return json.loads(done.stdout.splitlines()[-1])


@on_tensorflow
def test_training_runs_on_both_devices(trained_on_two):
    assert trained_on_two["copies"] == 2


@on_tensorflow
def test_training_on_two_devices_learns(trained_on_two):
    assert min(trained_on_two["scores"]) > 0.9


@on_tensorflow
def test_second_fit_on_two_devices_is_as_the_first(trained_on_two):
    assert trained_on_two["difference"] < 1e-4


@on_tensorflow
def test_one_gpu_is_no_reason_to_spread(coloured, one_gpu):
    classifier = ScratchCNNClassifier(tiny_network, image_size=24, epochs=1, devices="all")
    network = classifier.fit(*coloured)._fitted.architecture.network
    assert not hasattr(network.trainable_variables[0].value, "values")


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow can")
def test_devices_are_refused_on_other_backends(coloured):
    with pytest.raises(ValueError, match="spreads training on the TensorFlow backend"):
        ScratchCNNClassifier(tiny_network, image_size=24, devices="all").fit(*coloured)
