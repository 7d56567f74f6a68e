"""A fitted pipeline is saved, or its network exported, and predicts the same elsewhere."""

import copy
import io
import random
import re
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.preprocessing import LocalColourNormalisation, RetinaCrop, make_image_pipeline
from skdr.runtime._sealed import network_from_state, network_state
from tests.with_keras import on_tensorflow, tiny_network

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "saving.md"


@pytest.fixture(scope="module")
def files(coloured, tmp_path_factory):
    """The images, 30 x 20 pixels, in files."""
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / f"{i}.png" for i in range(12)]
    for path, image in zip(paths, coloured[0], strict=False):
        Image.fromarray(image).resize((30, 20)).save(path)
    return paths


@pytest.fixture(scope="module")
def pipeline(coloured):
    """The first of the four strategies, with the default network."""
    extractor = PretrainedFeatureExtractor(layer=["block3", "last"], image_size=32)
    pipeline = make_pipeline(extractor, StandardScaler(), LogisticRegression())
    return pipeline.fit(coloured[0][:24], coloured[1][:24])


@pytest.fixture(scope="module")
def fine_tuned(coloured):
    classifier = FineTunedCNNClassifier(
        tiny_network, image_size=32, trainable=1, head_epochs=2, epochs=1, random_state=0
    )
    return classifier.fit(coloured[0][:24], coloured[1][:24])


@pytest.fixture(scope="module")
def scratch(coloured):
    classifier = ScratchCNNClassifier(image_size=32, epochs=1, random_state=0)
    return classifier.fit(coloured[0][:24], coloured[1][:24])


@pytest.fixture(params=["pipeline", "fine_tuned", "scratch"])
def fitted(request):
    return request.getfixturevalue(request.param)


def pixels_of(path, size):
    """What the guide says of images, in Pillow alone."""
    image = Image.open(path).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)


def network_of(fitted):
    return fitted[0].model_ if hasattr(fitted, "steps") else fitted.model_


def fitted_network(fitted):
    return fitted[0]._features.network if hasattr(fitted, "steps") else fitted._fitted


def probabilities_of(fitted, outputs):
    """The rest of the way, after the network."""
    return fitted[1:].predict_proba(outputs) if hasattr(fitted, "steps") else outputs


def joblib_copy(fitted):
    file = io.BytesIO()
    joblib.dump(fitted, file)
    return joblib.load(file)


def skops_copy(fitted):
    skops_io = pytest.importorskip("skops.io")
    saved = skops_io.dumps(fitted)
    return skops_io.loads(saved, trusted=skops_io.get_untrusted_types(data=saved))


def assert_reproduces(fitted, files, run):
    pixels = np.stack([pixels_of(path, 32) for path in files])
    found = probabilities_of(fitted, np.asarray(run(pixels)))
    np.testing.assert_allclose(found, fitted.predict_proba(files), rtol=1e-3, atol=1e-4)


def test_joblib_file_predicts_the_same(fitted, files, tmp_path):
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    loaded = joblib.load(tmp_path / "fitted.joblib")
    np.testing.assert_array_equal(loaded.predict_proba(files), fitted.predict_proba(files))


def test_network_among_the_parameters_is_saved(coloured, tmp_path):
    own = tiny_network((16, 16, 3))
    joblib.dump(PretrainedFeatureExtractor(own, cache=None), tmp_path / "own.joblib")
    loaded = joblib.load(tmp_path / "own.joblib")
    expected = PretrainedFeatureExtractor(own, cache=None).fit_transform(coloured[0])
    np.testing.assert_array_equal(loaded.fit_transform(coloured[0]), expected)


def test_copy_shares_the_network_and_its_compiled_pass(fitted, files):
    fitted.predict_proba(files)
    copied = copy.deepcopy(fitted)
    network, same = (
        e[0]._features.network if hasattr(e, "steps") else e._fitted for e in (fitted, copied)
    )
    assert same is network
    np.testing.assert_array_equal(copied.predict_proba(files), fitted.predict_proba(files))


@pytest.mark.parametrize("way", [joblib_copy, skops_copy, network_of])
def test_loading_takes_no_random_number_from_others(way, fitted):
    before = random.getstate()
    way(fitted)
    assert random.getstate() == before


def test_file_holds_the_network_once(fine_tuned, tmp_path):
    n_bytes = []
    for path in (tmp_path / "before", tmp_path / "after"):
        joblib.dump(fine_tuned, path)
        n_bytes.append(path.stat().st_size)
        assert fine_tuned.model_ is not None  # makes a copy
    assert n_bytes[1] == pytest.approx(n_bytes[0], rel=0.01)


# skops


@pytest.fixture(scope="module")
def skops_io():
    return pytest.importorskip("skops.io")


@pytest.fixture(scope="module")
def trusted():
    """The list in the guide, and a backbone of one's own."""
    listed = re.findall(r'^    "(skdr\.[\w.]+)",$', GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    return [*listed, "tests.with_keras._TinyNetwork"]


def test_skops_file_predicts_the_same(fitted, files, skops_io, trusted):
    loaded = skops_io.loads(skops_io.dumps(fitted), trusted=trusted)
    np.testing.assert_allclose(
        loaded.predict_proba(files), fitted.predict_proba(files), rtol=1e-5, atol=1e-7
    )


def test_skops_trusts_no_more_than_the_guide_lists(
    pipeline, fine_tuned, scratch, skops_io, trusted
):
    found = [skops_io.get_untrusted_types(data=skops_io.dumps(e)) for e in (pipeline, fine_tuned)]
    found.append(skops_io.get_untrusted_types(data=skops_io.dumps(scratch)))
    assert set().union(*found) <= set(trusted)


def test_skops_keeps_preprocessing_and_a_head_on_frozen_features(coloured, skops_io, trusted):
    X, y = coloured
    classifier = FineTunedCNNClassifier(
        tiny_network,
        image_size=32,
        trainable="head",
        head_epochs=2,
        preprocess=make_image_pipeline(RetinaCrop(), LocalColourNormalisation()),
        random_state=0,
    ).fit(X[:12], y[:12])
    loaded = skops_io.loads(skops_io.dumps(classifier), trusted=trusted)
    np.testing.assert_allclose(
        loaded.predict_proba(X[:12]), classifier.predict_proba(X[:12]), rtol=1e-5
    )


def test_skops_is_told_of_a_parameter_that_it_cannot_save(skops_io):
    network = tiny_network((16, 16, 3))
    with pytest.raises(
        ValueError, match="backbone='tiny' is a Keras model, which skops cannot save"
    ):
        skops_io.dumps(PretrainedFeatureExtractor(network))


def test_network_that_holds_code_is_refused():
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x + 1)])
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        network_from_state(network_state(network))


# Exports of `model_`


def test_keras_file_reproduces_predictions(fitted, files, tmp_path):
    network_of(fitted).save(tmp_path / "network.keras")
    network = keras.models.load_model(tmp_path / "network.keras")
    assert_reproduces(fitted, files, lambda pixels: network.predict(pixels, verbose=0))


@on_tensorflow
def test_saved_model_reproduces_predictions(fitted, files, tmp_path):
    tf = pytest.importorskip("tensorflow")
    network_of(fitted).export(tmp_path / "network", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "network"))
    assert_reproduces(fitted, files, lambda pixels: served.serve(pixels).numpy())


@on_tensorflow
def test_onnx_file_reproduces_predictions(fitted, files, tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    network_of(fitted).export(str(tmp_path / "network.onnx"), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(
        tmp_path / "network.onnx", providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    assert_reproduces(fitted, files, lambda pixels: session.run(None, {name: pixels})[0])


@on_tensorflow
def test_openvino_reads_the_onnx_file(scratch, files, tmp_path):
    pytest.importorskip("tf2onnx")
    openvino = pytest.importorskip("openvino")
    network_of(scratch).export(str(tmp_path / "network.onnx"), format="onnx", verbose=False)
    compiled = openvino.compile_model(
        tmp_path / "network.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    assert_reproduces(scratch, files, lambda pixels: compiled(pixels)[0])


def test_own_network_is_exported(coloured, tmp_path):
    extractor = PretrainedFeatureExtractor(tiny_network, image_size=24, random_state=0)
    features = extractor.fit_transform(coloured[0])
    extractor.model_.save(tmp_path / "network.keras")
    network = keras.models.load_model(tmp_path / "network.keras")
    found = network.predict(coloured[0].astype(np.float32), verbose=0)
    np.testing.assert_allclose(found, features, rtol=1e-3, atol=1e-4)
