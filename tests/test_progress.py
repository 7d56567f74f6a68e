"""Progress is a bar on a terminal, and plain lines in a file."""

import io
import os
import re
import sys
import types

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from skdr import PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr._progress import ProgressBar
from skdr.model_selection import compare_strategies
from tests.with_keras import tiny_network

CONTROL_CODES = re.compile(r"[\r\b\x1b]")


@pytest.fixture(autouse=True)
def no_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.delenv("PYCHARM_HOSTED", raising=False)


def lines_of(capsys):
    return capsys.readouterr().out.splitlines()


def scratch(**parameters):
    return ScratchCNNClassifier(tiny_network, image_size=16, verbose=1, **parameters)


def count_to_three(verbose=1):
    bar = ProgressBar(3, "step", verbose)
    for loss in (3.0, 2.0, 1.0):
        bar.add(1, {"loss": loss})


def test_file_gets_no_control_codes(coloured, capsys):
    scratch(epochs=3).fit(*coloured).predict(coloured[0])
    assert not CONTROL_CODES.search(capsys.readouterr().out)


def test_file_gets_one_line_a_phase(coloured, capsys):
    scratch(epochs=3).fit(*coloured)
    (line,) = lines_of(capsys)
    assert re.match(r"3/3 - .*/scratch epoch - accuracy: .* - loss: ", line)


def test_line_of_a_phase_that_stopped_early_says_after_how_many_epochs(coloured, capsys):
    scratch(epochs=9, early_stopping=True, n_iter_no_change=1, tol=100.0).fit(*coloured)
    (line,) = lines_of(capsys)
    assert line.startswith("2/9 - ")


def test_line_tells_of_the_last_epoch(capsys):
    count_to_three()
    assert lines_of(capsys)[0].endswith("loss: 1.0000")
    bar = ProgressBar(3, "step", 1)
    bar.add(1, {"loss": 3.0})
    bar.add(1, {"loss": 2.0})
    bar.end()
    assert lines_of(capsys)[0].endswith("loss: 2.0000")


def test_file_gets_one_line_a_pass_of_images(coloured, capsys):
    extractor = PretrainedFeatureExtractor(tiny_network, image_size=16, verbose=1, cache=None)
    extractor.fit(coloured[0])
    capsys.readouterr()
    extractor.transform(coloured[0])
    (line,) = lines_of(capsys)
    assert re.match(r"60/60 - .*/image$", line)


def test_images_in_the_cache_count_as_done(coloured, capsys, tmp_path):
    extractor = PretrainedFeatureExtractor(tiny_network, image_size=16, verbose=1, cache=tmp_path)
    extractor.fit(coloured[0][:20])
    extractor.transform(coloured[0][:20])
    capsys.readouterr()
    extractor.transform(coloured[0][:40])
    (line,) = lines_of(capsys)
    assert line.startswith("40/40 - ")


def test_file_gets_one_line_a_comparison(capsys):
    X, y = np.arange(16).reshape(16, 1), np.arange(16) % 2
    compare_strategies(X, y, strategies={"dummy": DummyClassifier()}, cv=2, verbose=1)
    (line,) = lines_of(capsys)
    assert re.match(r"2/2 - .*/fit$", line)


def test_terminal_shows_a_bar_that_moves(monkeypatch):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        count_to_three()
        monkeypatch.undo()
        shown = ""
        while not shown.endswith("\n"):  # as the last step ends
            shown += os.read(ours, 10_000).decode(errors="replace")
    os.close(ours)
    assert re.search(r"\r[^\n]", shown)


def test_notebook_shows_a_bar_that_moves(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    count_to_three()
    assert "\r" in capsys.readouterr().out


def test_output_that_is_no_file_at_all_gets_lines(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    count_to_three()
    assert output.getvalue().count("\n") == 1


def test_silence_is_silent(capsys):
    count_to_three(verbose=0)
    assert capsys.readouterr().out == ""
