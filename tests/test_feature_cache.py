"""Each image passes the network once, and no wrong vector ever comes back."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from imblearn.under_sampling import RandomUnderSampler
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skdr
from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    as_image_column,
)
from skdr.features import _frozen_features, _store
from skdr.features._store import FORMAT, MEMORY, MemoryStore
from skdr.images import _files
from skdr.runtime._forward import ForwardPass
from tests.systems import can_kill
from tests.with_keras import tiny_network

TINY = {"backbone": tiny_network, "weights": None, "image_size": 16, "random_state": 0}


@pytest.fixture(autouse=True)
def empty_memory(monkeypatch):
    """Every test starts with a store of its own in memory."""
    monkeypatch.setitem(_store._stores, MEMORY, MemoryStore())


@pytest.fixture
def passes(monkeypatch):
    """Count the images that any network sees."""
    seen = []
    plain_call = ForwardPass.__call__

    def call(self, batches, *weights):
        return plain_call(self, map(note, batches), *weights)

    def note(batch):
        seen.append(len(batch) if batch.ndim == 4 else 0)  # not the features that enter a head
        return batch

    monkeypatch.setattr(ForwardPass, "__call__", call)
    return lambda: sum(seen)


@pytest.fixture
def files(coloured, tmp_path):
    paths = [str(tmp_path / f"{i}.png") for i in range(60)]
    for path, image in zip(paths, coloured[0], strict=True):
        Image.fromarray(image).save(path)
    return paths


def pipeline(*before, **kwargs):
    extractor = PretrainedFeatureExtractor(**{**TINY, **kwargs})
    return Pipeline(
        [*before, ("features", extractor), ("scaler", StandardScaler()), ("svm", SVC())]
    )


def note_and_pass(image, log):
    """Append a line to a file for each image that is decoded, in whatever process."""
    with open(log, "a") as file:
        file.write("x\n")
    return image


def n_lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("sampler", [(), [("sampler", RandomUnderSampler(random_state=0))]])
def test_grid_sends_each_image_once(coloured, passes, sampler):
    X, y = coloured
    grid = {"svm__C": [0.1, 1, 10, 100]}
    GridSearchCV(pipeline(*sampler), grid, cv=5).fit(as_image_column(X), y)
    assert passes() == 60


def test_grid_over_taps_sends_each_image_once(coloured, passes):
    X, y = coloured
    grid = {"features__layer": [*skdr.list_taps("MobileNet")[:3], "last"]}
    pipe = pipeline(backbone="MobileNet", image_size=32)
    GridSearchCV(pipe, grid, cv=3).fit(X, y)
    assert passes() == 60


def test_transfer_shares_the_features_of_the_extractor(coloured, passes):
    X, y = coloured
    transfer = FineTunedCNNClassifier(**TINY, trainable="head", head_epochs=2)
    for strategy in (pipeline(), transfer):
        cross_validate(strategy, X, y, cv=3)
    assert passes() == 60


def test_processes_share_the_work_on_a_folder(coloured, files, tmp_path):
    log = tmp_path / "log"
    pipe = pipeline(cache=tmp_path / "cache", preprocess=partial(note_and_pass, log=log))
    search = GridSearchCV(pipe, {"svm__C": [0.1, 1]}, cv=3, n_jobs=2)
    search.fit(np.array(files, dtype=object), coloured[1])
    assert n_lines(log) == 60


def flip_or_die(image):
    """Append a line to a file for each image; kill the process at one of them."""
    with open(os.environ["LOG"], "a+") as file:
        file.write("x\n")
        file.seek(0)
        if len(file.readlines()) >= float(os.environ["KILL_AT"]):
            os.kill(os.getpid(), signal.SIGKILL)
    return image[::-1]


def extract_in_small_chunks(folder):
    """Extract features of the same images in any process, and check them."""
    images = np.random.default_rng(0).integers(0, 256, (60, 24, 24, 3), dtype=np.uint8)
    extractor = PretrainedFeatureExtractor(**TINY, preprocess=flip_or_die, batch_size=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_frozen_features, "_CHUNK", 8)
        kept = extractor.set_params(cache=folder).fit_transform(images)
        patch.setenv("LOG", os.devnull)
        computed = extractor.set_params(cache=None).fit_transform(images)
    np.testing.assert_array_equal(kept, computed)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Return how to extract in this process and how in another, with one cache and one log."""
    log = tmp_path / "log"
    monkeypatch.setenv("LOG", str(log))
    monkeypatch.setenv("KILL_AT", "inf")
    folder = str(tmp_path / "cache")
    source = f"from tests import test_feature_cache as t; t.extract_in_small_chunks({folder!r})"

    def start_another(kill_at="inf"):
        return subprocess.Popen(
            [sys.executable, "-c", source],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "KILL_AT": str(kill_at)},
        )

    return SimpleNamespace(
        here=partial(extract_in_small_chunks, folder), start_another=start_another, log=log
    )


def test_second_run_in_another_process_sends_none(runs):
    runs.here()
    assert runs.start_another().wait() == 0
    assert n_lines(runs.log) == 60


def test_two_runs_at_once_share_the_work(runs):
    other = runs.start_another()
    while n_lines(runs.log) == 0 and other.poll() is None:
        time.sleep(0.01)
    runs.here()
    assert other.wait() == 0
    assert n_lines(runs.log) == 60


@can_kill
def test_killed_run_is_gone_on_with(runs):
    assert runs.start_another(kill_at=30).wait() == -signal.SIGKILL
    runs.here()
    # Three chunks of 8 were kept; of the fourth some were decoded twice.
    assert 60 < n_lines(runs.log) <= 60 + 16


def features(images, cache=MEMORY, **kwargs):
    return PretrainedFeatureExtractor(**{**TINY, "cache": cache, **kwargs}).fit_transform(images)


def flip(image):
    return image[::-1]


def make_scaling(factor):
    def scale(image):
        return (image * factor).astype(np.uint8)

    return scale


CHANGES = {
    "layer": {"layer": "relu1"},
    "several layers": {"layer": ["relu1", "last"]},
    "pooling": {"pooling": "max"},
    "no pooling": {"pooling": None},
    "image_size": {"image_size": 20},
    "weights": {"random_state": 1},
    "backbone": {"backbone": "MobileNet", "image_size": 32},
    "dtype": {"dtype": "bfloat16"},
    "preprocess": {"preprocess": flip},
    "closure": {"preprocess": make_scaling(0.5)},
    "other closure": {"preprocess": make_scaling(0.7)},
    "value_range": {"value_range": (-100, 300)},
    "batch_size": {"batch_size": 7},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_is_set_features_are_those_without_a_cache(coloured, change, tmp_path):
    X = coloured[0][:8]
    for others in CHANGES.values():
        if others is not change:
            features(X, **others)
    np.testing.assert_array_equal(features(X, **change), features(X, None, **change))


def test_order_and_batch_do_not_matter(coloured, passes):
    X = coloured[0]
    once = features(X, batch_size=32)
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_array_equal(features(X[order], None, batch_size=5), once[order])


def test_changed_file_is_recomputed(files):
    features(files)
    Image.open(files[1]).save(files[0])
    first, second = features(files[:2])
    np.testing.assert_array_equal(first, second)


@pytest.fixture
def reads(monkeypatch):
    """Count how often the contents of a file are read."""
    names, plain_read = [], _files._read_path

    def read(path):
        names.append(path)
        return plain_read(path)

    monkeypatch.setattr(_files, "_read_path", read)
    return names


def test_file_is_read_once_whether_its_features_are_known_or_not(files, reads):
    features(files)
    assert sorted(reads) == sorted(files)
    reads.clear()
    features(files)
    assert sorted(reads) == sorted(files)


def test_files_that_are_too_large_to_hold_are_read_again(files, reads, monkeypatch):
    expected = features(files, None)
    reads.clear()
    monkeypatch.setattr(_frozen_features, "_MAX_HELD_BYTES", 1.5 * os.path.getsize(files[0]))
    np.testing.assert_array_equal(features(files), expected)
    assert len(files) < len(reads) <= 3 * len(files)


def test_file_that_is_replaced_while_it_is_computed_is_kept_as_what_was_read(files, monkeypatch):
    one, other = files[:2]
    expected = features([one], None)
    plain_compute = _frozen_features.FrozenFeatures.compute

    def compute(self, *args):
        Image.open(other).save(one)
        return plain_compute(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(_frozen_features.FrozenFeatures, "compute", compute)
        np.testing.assert_array_equal(features([one]), expected)
    np.testing.assert_array_equal(features([one]), features([other], None))


@pytest.mark.parametrize("clock", ["stands still", "goes back"])
def test_no_clock_tells_whether_a_file_changed(coloured, tmp_path, clock):
    file, images = tmp_path / "image.bmp", coloured[0]  # all of one size
    for i, seconds in enumerate((1e9, 1e9) if clock == "stands still" else (2e9, 1e9)):
        Image.fromarray(images[i]).save(file)
        os.utime(file, (seconds, seconds))
        of_file = features([str(file)])
        np.testing.assert_array_equal(of_file, features(images[[i]], None))


def test_equal_images_are_computed_once(coloured, passes):
    features(coloured[0][[0, 1, 0, 0, 1]])
    assert passes() == 2


def test_palettes_tell_images_apart():
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert("P")
    red = grey.copy()
    red.putpalette([value for i in range(256) for value in (i, 0, 0)])
    assert not np.array_equal(*features([grey, red]))


def test_damaged_vector_is_recomputed_with_a_warning(coloured, tmp_path):
    X = coloured[0]
    right = features(X, tmp_path)
    with sqlite3.connect(tmp_path / f"features-{FORMAT}.sqlite") as connection:
        connection.execute("UPDATE vectors SET vector = zeroblob(length(vector)) WHERE rowid < 4")
    with pytest.warns(UserWarning, match="3 vectors in it are damaged"):
        np.testing.assert_array_equal(features(X, tmp_path), right)
    np.testing.assert_array_equal(features(X, tmp_path), right)


@pytest.mark.parametrize("damage", ["overwritten", "truncated", "no database"])
def test_damaged_file_is_set_aside_with_a_warning(coloured, tmp_path, damage):
    X, file = coloured[0], tmp_path / f"features-{FORMAT}.sqlite"
    right = features(X, tmp_path)
    contents = bytearray(file.read_bytes())
    if damage == "overwritten":
        contents[50:5000] = os.urandom(4950)
    elif damage == "truncated":
        del contents[6000:]
    else:
        contents = b"something else entirely" * 100
    file.write_bytes(contents)
    with pytest.warns(UserWarning, match="is damaged"):
        np.testing.assert_array_equal(features(X, tmp_path), right)
    np.testing.assert_array_equal(features(X, tmp_path), right)
    assert (tmp_path / f"features-{FORMAT}.damaged").exists()


def test_cache_of_another_format_is_left_alone(coloured, passes, tmp_path, monkeypatch):
    right = features(coloured[0], tmp_path)
    contents = (tmp_path / f"features-{FORMAT}.sqlite").read_bytes()
    _store._stores.clear()
    monkeypatch.setattr(_store, "FORMAT", FORMAT + 1)
    np.testing.assert_array_equal(features(coloured[0], tmp_path), right)
    assert passes() == 2 * 60
    assert (tmp_path / f"features-{FORMAT}.sqlite").read_bytes() == contents


def test_folder_that_may_only_be_read_is_read(coloured, passes, tmp_path, monkeypatch):
    right = features(coloured[0][:40], tmp_path)

    def refuse(self, **settings):
        raise PermissionError(f"[Errno 13] Permission denied: {self.lock_file!r}")

    def connect_to_read(file, **options):
        return plain_connect(f"file:{file}?mode=ro", **options, uri=True)

    # As it is for a user without rights; whoever runs the tests may have them all.
    plain_connect = sqlite3.connect
    monkeypatch.setattr(_store.sqlite3, "connect", connect_to_read)
    monkeypatch.setattr(_store.filelock.FileLock, "acquire", refuse)
    np.testing.assert_array_equal(features(coloured[0][:40], tmp_path), right)
    assert passes() == 40
    with pytest.warns(UserWarning, match="Permission denied.* Features are computed and not kept"):
        found = features(coloured[0], tmp_path)
    assert passes() == 60
    np.testing.assert_array_equal(found, features(coloured[0], None))


def test_folder_that_cannot_be_made_is_warned_of(coloured, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="Features are computed and not kept"):
        kept = features(coloured[0], tmp_path / "file" / "cache")
    np.testing.assert_array_equal(kept, features(coloured[0], None))


def test_full_disk_is_warned_of(coloured, full_disk, tmp_path):
    unkept = pytest.warns(UserWarning, match="Features are computed and not kept")
    with full_disk(2000), unkept:
        kept = features(coloured[0], tmp_path / "cache")
    np.testing.assert_array_equal(kept, features(coloured[0], None))


def test_cache_that_is_a_file_is_refused(coloured, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; give a folder"):
        features(coloured[0], tmp_path / "file")


def test_memory_is_bounded(coloured, monkeypatch):
    store = MemoryStore(max_bytes=20 * 16 * 4)
    monkeypatch.setitem(_store._stores, MEMORY, store)
    features(coloured[0])
    assert store.info().n_vectors == 20
    assert store.info().n_bytes == store.max_bytes


def vectors(*keys, n_features=16):
    return {key.encode(): np.full(n_features, ord(key), np.float32) for key in keys}


def test_memory_keeps_copies_in_one_block_each_time():
    store, put = MemoryStore(), vectors("a", "b")
    store.put(put)
    store.put({**put, **vectors("c")})
    put[b"a"][:] = 0
    found = store.get([b"c", b"x", b"a", b"b"])
    assert {key: vector[0] for key, vector in found.items()} == {b"c": 99, b"a": 97, b"b": 98}
    assert found[b"a"].base is found[b"b"].base is not None
    assert found[b"c"].base is not found[b"a"].base


def test_memory_forgets_what_was_not_used_for_longest():
    store = MemoryStore(max_bytes=4 * 16 * 4)
    for keys in ("ab", "cd"):
        store.put(vectors(*keys))
    store.get([b"a"])
    store.put(vectors("e"))
    assert set(store.get([key.encode() for key in "abcde"])) == {b"a", b"c", b"d", b"e"}
    store.put(vectors("f", n_features=65))
    assert store.info().n_bytes == 0


def test_info_counts_and_clear_forgets(coloured, tmp_path):
    for cache in (MEMORY, tmp_path):
        features(coloured[0], cache)
        features(coloured[0][:10], cache)
        info = skdr.feature_cache_info(cache)
        assert (info.n_vectors, info.hits, info.misses) == (60, 10, 60)
        assert info.n_bytes >= 60 * 16 * 4
        skdr.clear_feature_cache(cache)
        assert skdr.feature_cache_info(cache).n_vectors == 0


def test_changing_the_public_network_changes_no_features(coloured):
    X = coloured[0]
    extractor = PretrainedFeatureExtractor(**TINY, cache=None).fit(X)
    before = extractor.transform(X)
    extractor.model_.set_weights([0 * w for w in extractor.model_.get_weights()])
    np.testing.assert_array_equal(extractor.transform(X), before)
    np.testing.assert_array_equal(clone(extractor).fit_transform(X), before)


def test_preprocess_that_cannot_be_hashed_is_warned_of(coloured):
    lock = threading.Lock()
    with pytest.warns(UserWarning, match="Set cache=None"):
        kept = features(coloured[0], preprocess=lambda image: image[::-1] if lock else image)
    np.testing.assert_array_equal(kept, features(coloured[0], None, preprocess=flip))


class Scaling(keras.layers.Layer):
    """Code of the user's own, in no installed package."""

    factor = 1.0

    def call(self, images):
        return self.factor * images


def test_changed_code_of_a_layer_is_recomputed(coloured, monkeypatch):
    network = keras.Sequential([keras.Input((16, 16, 3)), Scaling()])
    once = features(coloured[0], backbone=network)
    monkeypatch.setattr(Scaling, "factor", 2.0)
    network = keras.Sequential([keras.Input((16, 16, 3)), Scaling()])
    np.testing.assert_allclose(features(coloured[0], backbone=network), 2 * once, rtol=1e-6)


def test_chunks_join(coloured, monkeypatch):
    monkeypatch.setattr(_frozen_features, "_CHUNK", 7)
    np.testing.assert_array_equal(features(coloured[0]), features(coloured[0], None))
