"""The pictures of the architecture show what the code does."""

import importlib.util
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from skdr.model_selection import compare_strategies
from tests.test_layers import LAYERS, ROOT
from tests.with_keras import tiny_network

pytest.importorskip("matplotlib")
SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "diagrams.py"


@pytest.fixture(scope="module")
def diagrams():
    spec = importlib.util.spec_from_file_location("diagrams", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files_passed(call):
    """Return the files of skdr in which a function is called meanwhile, in any thread."""
    passed = set()

    def note(frame, event, argument):
        if event == "call":
            passed.add(frame.f_code.co_filename)

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
        threading.setprofile(before)
    return {str(Path(p).relative_to(ROOT)) for p in passed if p.startswith(str(ROOT))}


def run(call):
    """Run one of the calls that are drawn, on tiny images and a network that nobody has built."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (12, 40, 40, 3), dtype=np.uint8), np.arange(12) % 2

    def network(shape):
        return tiny_network(shape)

    extractor = PretrainedFeatureExtractor(network, image_size=40)
    if call == "fit":
        FineTunedCNNClassifier(network, image_size=40, epochs=1, head_epochs=1).fit(X, y)
    elif call == "transform":
        extractor.fit(X).transform(X)
    else:
        strategy = make_pipeline(extractor, LogisticRegression())
        str(compare_strategies(X, y, strategies={"one": strategy, "two": strategy}, cv=2))


def test_every_room_is_drawn(diagrams):
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert set(diagrams.ROOMS) == rooms - {"_sklearn"}
    assert diagrams.layers() == LAYERS


@pytest.mark.filterwarnings("ignore:.*folds hardly tell")
@pytest.mark.parametrize("call", ["fit", "transform", "compare_strategies"])
def test_call_passes_the_files_that_are_drawn(diagrams, call):
    drawn = {file for file, _ in diagrams.CALLS[call][1]}
    assert not drawn - files_passed(lambda: run(call))


def test_every_call_that_is_drawn_is_run(diagrams):
    assert set(diagrams.CALLS) == {"fit", "transform", "compare_strategies"}
