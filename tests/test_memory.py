"""What networks free stays in the process while they compute, and goes back afterwards."""

import os
import threading
from pathlib import Path

import keras
import numpy as np
import pytest

from skdr import ScratchCNNClassifier
from skdr.devices import _memory, reuse_freed_memory
from skdr.runtime._forward import ForwardPass

pytestmark = pytest.mark.skipif(
    _memory._glibc() is None, reason="memory is not the GNU C library's to manage"
)
LARGE = 200 * 2**20


def resident_bytes():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def stays_resident():
    """Return whether the pages of a large block that was freed are still there."""
    block = b"x" * LARGE
    held = resident_bytes()
    del block
    return resident_bytes() > held - LARGE // 2


def test_freed_block_stays_until_the_end():
    assert not stays_resident()
    with reuse_freed_memory():
        assert stays_resident()
        with reuse_freed_memory():
            assert stays_resident()
        assert stays_resident()
    assert not stays_resident()


def test_freed_block_stays_until_the_last_thread_ends():
    entered, leave = threading.Event(), threading.Event()

    def work():
        with reuse_freed_memory():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(60)
    with reuse_freed_memory():
        pass
    assert stays_resident()
    leave.set()
    thread.join()
    assert not stays_resident()


def test_freed_block_goes_back_after_an_error():
    with pytest.raises(KeyError), reuse_freed_memory():
        raise KeyError
    assert not stays_resident()


@pytest.mark.parametrize("told", ["65536", "1" + 20 * "0", "128K"])
def test_threshold_of_the_environment_holds_afterwards(told, monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", told)
    with reuse_freed_memory():
        pass
    assert not stays_resident()


@pytest.mark.parametrize("hand_back", [False, True])
def test_free_pages_below_others_go_back_where_asked(hand_back):
    with reuse_freed_memory(hand_back=hand_back):
        blocks = [b"x" * 2**20 for _ in range(100)]
        held = resident_bytes()
        last = blocks.pop()
        del blocks
    assert (resident_bytes() < held - LARGE // 4) == hand_back
    assert last


@pytest.mark.parametrize(
    ("name", "value"),
    [("MALLOC_MMAP_MAX_", "7"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_max=7")],
)
def test_what_the_environment_says_is_left_alone(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    assert _memory._glibc.__wrapped__() is None


def test_passes_and_training_keep_what_they_free(coloured):
    inside = []

    def compiler(network):
        return lambda batch: inside.append(_memory._n_inside) or batch

    ForwardPass(None, constant_weights=False, compiler=compiler)([np.zeros((1, 8, 8, 3))])

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            inside.append(_memory._n_inside)

    X, y = coloured
    ScratchCNNClassifier(image_size=16, epochs=1, callbacks=[Look()]).fit(X, y)
    assert len(inside) > 2
    assert set(inside) == {1}
    assert _memory._n_inside == 0
