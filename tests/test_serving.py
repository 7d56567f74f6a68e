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


def test_upload_that_is_no_image_is_refused_with_the_cause(client):
    answer = client.post("/predict", files={"file": b"no image"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "not an image that Pillow can read."
