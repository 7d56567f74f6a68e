"""The app of the guide's page on serving."""

import io
import re
from pathlib import Path

import joblib
import numpy as np
import pytest
from PIL import Image

from skdr import FineTunedCNNClassifier
from tests.with_keras import tiny_network

fastapi_testclient = pytest.importorskip("fastapi.testclient")
pytest.importorskip("multipart")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "guide" / "serving.md"


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="PNG")
    return file.getvalue()


@pytest.fixture
def classifier(coloured):
    X, y = coloured
    return FineTunedCNNClassifier(
        tiny_network, weights=None, trainable="head", head_epochs=5, image_size=16, random_state=0
    ).fit(X, np.array(["red", "green", "blue"])[y])


@pytest.fixture
def client(classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    joblib.dump(classifier, "classifier.joblib")
    snippets = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    (app,) = [snippet for snippet in snippets if "FastAPI(" in snippet]
    namespace = {}
    exec(app, namespace)
    with fastapi_testclient.TestClient(namespace["app"]) as client:
        yield client


def test_upload_is_answered_with_class_and_probability(client, classifier, coloured):
    X, _ = coloured
    probabilities = classifier.predict_proba(X[:3])
    for image, expected in zip(X[:3], probabilities, strict=True):
        answer = client.post("/predict", files={"file": png(image)})
        assert answer.status_code == 200
        assert answer.json()["class"] == classifier.classes_[expected.argmax()]
        assert answer.json()["probability"] == pytest.approx(float(expected.max()))


def test_upload_that_is_no_image_is_refused_and_its_cause_logged(client, caplog):
    answer = client.post("/predict", files={"file": b"no image"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Cannot be read as an image: upload"
    assert "not an image that Pillow can read." in caplog.text


@pytest.mark.parametrize("contents", [b"/etc/passwd", b"/etc/nothing"])
def test_upload_of_a_path_is_refused_whether_or_not_it_exists(contents, client):
    answer = client.post("/predict", files={"file": contents})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "Cannot be read as an image: upload",
    )


def test_several_uploads_are_answered_in_order(client, classifier, coloured):
    X, _ = coloured
    files = [("files", png(image)) for image in X[:3]]
    answer = client.post("/predict_several", files=files)
    assert [each["class"] for each in answer.json()] == classifier.predict(X[:3]).tolist()


def test_bad_ones_of_several_uploads_are_named(client, coloured):
    X, _ = coloured
    named = [("a.png", png(X[0])), ("b.png", b"no image"), ("c.png", b"none either")]
    answer = client.post("/predict_several", files=[("files", each) for each in named])
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Cannot be read as an image: b.png, c.png"
