"""Warnings point at the user's line, and missing packages are asked for in one way."""

import sys
import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdr import PretrainedFeatureExtractor
from skdr._optional import import_optional
from tests.with_keras import tiny_network


@pytest.fixture
def strips():
    return np.random.default_rng(0).random((4, 30))


def line_of_warning(caught, text):
    (found,) = [w for w in caught if text in str(w.message)]
    return found.filename


def test_warning_points_at_the_line_that_calls_skdr(strips):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PretrainedFeatureExtractor(tiny_network, weights=None).fit(strips)
    assert line_of_warning(caught, "no square image") == __file__


def test_warning_points_at_the_user_through_a_pipeline_of_scikit_learn(strips):
    pipeline = make_pipeline(PretrainedFeatureExtractor(tiny_network, weights=None))
    pipeline.steps.append(("scaler", StandardScaler()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipeline.fit(strips)
    assert {line_of_warning([w], "") for w in caught} == {__file__}


def test_missing_package_is_named_with_the_extra_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'to_frame needs pandas: pip install "skdr'):
        import_optional("pandas", purpose="to_frame")


def test_package_that_lacks_something_itself_tells_that(monkeypatch, tmp_path):
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("import what_it_needs")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.split(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match="what_it_needs"):
        import_optional("openvino", purpose="engine='openvino'")
