"""The recipe for millions of files: whole parts, in the right order, whoever is killed."""

import importlib
import os
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skdr import PretrainedFeatureExtractor
from tests.systems import can_kill
from tests.test_dask import n_lines, note, two_processes
from tests.with_keras import tiny_network

# dask warns of processes that die, as they do here.
pytestmark = pytest.mark.filterwarnings("default")

pq = pytest.importorskip("pyarrow.parquet")

ROOT = Path(__file__).parents[1]
N_IMAGES, PART, DAMAGED = 30, 8, (3, 4, 17)


@pytest.fixture(scope="module")
def recipe():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "examples")  # worker processes inherit it
        yield importlib.import_module("extract_to_parquet")


@pytest.fixture(scope="module")
def client(recipe):
    with two_processes() as client:
        yield client


@pytest.fixture(scope="module")
def paths(coloured, tmp_path_factory):
    """Image files, of which one is truncated, one is no image and one is not there."""
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / f"{i}.png" for i in range(N_IMAGES)]
    for path, image in zip(paths, coloured[0], strict=False):
        Image.fromarray(image).save(path)
    truncated, foreign, missing = (paths[i] for i in DAMAGED)
    truncated.write_bytes(truncated.read_bytes()[:-400])
    foreign.write_text("no image")
    missing.unlink()
    return [str(path) for path in paths]


@pytest.fixture
def files(paths, tmp_path):
    """The list of files, as the script takes it."""
    (tmp_path / "files.txt").write_text("".join(f"{path}\n" for path in paths))
    return tmp_path / "files.txt"


def tiny_extractor(**kwargs):
    settings = {"weights": None, "image_size": 16, "random_state": 0, "cache": None}
    return PretrainedFeatureExtractor(tiny_network, **settings, **kwargs)


@pytest.fixture(scope="module")
def expected(paths):
    good = [i for i in range(N_IMAGES) if i not in DAMAGED]
    return dict(zip(good, tiny_extractor().fit_transform([paths[i] for i in good]), strict=True))


def check(folder, paths, expected):
    """Compare all that a folder holds with features computed at once, and with the damage."""
    table = pq.read_table(folder).to_pydict()
    assert table["path"] == paths
    for i in range(N_IMAGES):
        if i in DAMAGED:
            assert table["features"][i] is None
        else:
            assert table["error"][i] is None
            np.testing.assert_array_equal(np.float32(table["features"][i]), expected[i])
    truncated, foreign, missing = (table["error"][i] for i in DAMAGED)
    assert "truncated" in truncated
    assert foreign == "not an image that Pillow can read."
    assert missing == "no such file."


def test_parts_hold_features_and_what_is_wrong(recipe, files, paths, expected, tmp_path):
    parts = recipe.list_parts(files, tmp_path / "out", PART)
    (tmp_path / "out").mkdir()
    assert recipe.write_share(parts, tiny_extractor()) == {}
    check(tmp_path / "out", paths, expected)
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_shares_together_are_the_whole(recipe, files, paths, expected, tmp_path):
    (tmp_path / "out").mkdir()
    for first in (2, 0, 1):
        parts = recipe.list_parts(files, tmp_path / "out", PART, first, 3)
        recipe.write_share(parts, tiny_extractor())
    check(tmp_path / "out", paths, expected)


@can_kill
def test_worker_that_is_killed_changes_nothing(recipe, files, paths, expected, tmp_path, client):
    log = tmp_path / "log"
    extractor = tiny_extractor(preprocess=partial(note, log=str(log), deadly_line=14))
    (tmp_path / "out").mkdir()
    parts = recipe.list_parts(files, tmp_path / "out", PART)
    assert recipe.write_parts(parts, extractor, client) == {}
    assert Path(f"{log}.killed").exists()
    check(tmp_path / "out", paths, expected)


RUN = """
    import sys
    from functools import partial
    sys.path.append("examples")
    import extract_to_parquet as recipe
    from tests.test_dask import note
    from tests.test_extract_to_parquet import PART, tiny_extractor

    files, folder, log = sys.argv[1:]
    extractor = tiny_extractor(preprocess=partial(note, log=log, deadly_line=20))
    recipe.write_share(recipe.list_parts(files, folder, PART), extractor)
"""


@can_kill
def test_killed_run_is_gone_on_with(recipe, files, paths, expected, tmp_path):
    (tmp_path / "out").mkdir()
    log = tmp_path / "log"
    command = [sys.executable, "-c", textwrap.dedent(RUN), files, tmp_path / "out", log]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    finished = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("part-*")}
    n_before = n_lines(log)
    assert len(finished) >= 1
    extractor = tiny_extractor(preprocess=partial(note, log=str(log)))
    assert not recipe.write_share(recipe.list_parts(files, tmp_path / "out", PART), extractor)
    check(tmp_path / "out", paths, expected)
    for name, time in finished.items():
        assert (tmp_path / "out" / name).stat().st_mtime_ns == time
    n_to_do = N_IMAGES - len(finished) * PART
    assert n_lines(log) - n_before <= n_to_do + PART  # damage: some pass twice


def test_disk_that_is_gone_is_no_damage(recipe, tmp_path):
    missing = [str(tmp_path / f"{i}.png") for i in range(9)]
    files = tmp_path / "files.txt"
    files.write_text("\n".join(missing))
    failures = recipe.write_share(recipe.list_parts(files, tmp_path, PART), tiny_extractor())
    assert [str(exc)[:30] for exc in failures.values()] == [
        "8 of 8 files are unreadable, t", "1 of 1 files are unreadable, t",
    ]  # fmt: skip
    assert not list(tmp_path.glob("*.parquet"))


def test_folder_of_another_job_is_refused(recipe, files, tmp_path):
    recipe.check_same_job(files, tmp_path / "out", PART, tiny_extractor())
    recipe.check_same_job(files, tmp_path / "out", PART, tiny_extractor())
    with pytest.raises(ValueError, match=r"holds another job \(extractor\)"):
        recipe.check_same_job(files, tmp_path / "out", PART, tiny_extractor(pooling="max"))
    files.write_text(files.read_text() + "another.png\n")
    with pytest.raises(ValueError, match=r"holds another job \(files, images a part\)"):
        recipe.check_same_job(files, tmp_path / "out", PART + 1, tiny_extractor())


def test_guide_shows_the_recipe():
    script = (ROOT / "examples/extract_to_parquet.py").read_text()
    shown = script.split("# [recipe]\n")[1].split("# [end of recipe]")[0].strip()
    assert shown in (ROOT / "docs/guide/cluster.md").read_text()


@pytest.mark.slow
def test_script_extracts_on_a_cluster_of_its_own(files, paths, tmp_path):
    arguments = [str(files), str(tmp_path / "out"), "--part-size", "8", "--n-workers", "2"]
    command = [sys.executable, "examples/extract_to_parquet.py", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    table = pq.read_table(tmp_path / "out")
    assert table["path"].to_pylist() == paths
    assert table["features"].null_count == len(DAMAGED)
