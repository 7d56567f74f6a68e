"""Fixtures: no network, tiny images, and the real photographs where they are."""

import os
import random
import socket
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Draw alike in every run and order: what has no seed, Keras draws from Python's generator."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


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
    resource = pytest.importorskip("resource", reason="no such limits here")

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


@pytest.fixture(scope="session")
def coloured():
    """60 noisy images in three colours, which any network can tell apart."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    images = rng.integers(0, 120, size=(60, 24, 24, 3))
    images[np.arange(60), :, :, y] += 100
    return images.astype(np.uint8), y
