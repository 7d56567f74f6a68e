"""Fixtures: no network, tiny images, and the real photographs where they are."""

import os
import resource
import socket
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="of the TensorFlow backend alone"
)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))
        if "shared" in item.keywords and not SHARED.is_dir():
            item.add_marker(
                pytest.mark.skip(reason="needs the photographs and weights of ../shared")
            )


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Refuse every connection but to this machine."""
    here = ("127.0.0.1", "::1", "localhost")
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def refuse(self, address):
        if isinstance(address, tuple) and address[0] not in here:
            raise OSError(f"a test connects to {address[0]}")
        return connect(self, address)

    def resolve_here(host, *args, **kwargs):
        if host not in here:
            raise socket.gaierror(f"a test looks up {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)


@pytest.fixture
def full_disk():
    """Return a context in which no file grows beyond some bytes."""

    @contextmanager
    def full_disk(max_bytes):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return full_disk


@pytest.fixture
def shared():
    return SHARED


class _TinyNetwork:
    """Builds a network of a few hundred weights, on RGB images in 0..255."""

    def __call__(self, input_shape):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale"),
                keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv1"),
                keras.layers.BatchNormalization(name="bn1"),
                keras.layers.ReLU(name="relu1"),
                keras.layers.Conv2D(16, 3, strides=2, padding="same", name="conv2"),
                keras.layers.ReLU(name="relu2"),
            ],
            name="tiny",
        )

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return "tiny_network"  # without an address: part of the tests' names


tiny_network = _TinyNetwork()


@pytest.fixture(scope="session")
def coloured():
    """60 noisy images in three colours, which any network can tell apart."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    images = rng.integers(0, 120, size=(60, 24, 24, 3))
    images[np.arange(60), :, :, y] += 100
    return images.astype(np.uint8), y
