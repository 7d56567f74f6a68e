"""One image is never taken for a row of many: it is refused, with the step that helps."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skdr import (
    FineTunedCNNClassifier,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
)
from skdr.images import as_image_source
from skdr.model_selection import check_split, compare_strategies
from skdr.preprocessing import RetinaCrop
from tests.with_keras import tiny_network

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 23, 3), dtype=np.uint8)
GREY = IMAGE[..., 0]


def file_contents():
    buffer = io.BytesIO()
    Image.fromarray(IMAGE).save(buffer, "PNG")
    return buffer.getvalue()


SINGLE = {
    "PIL image": Image.fromarray(IMAGE),
    "grey PIL image": Image.fromarray(GREY),
    "PIL image with alpha": Image.fromarray(IMAGE).convert("RGBA"),
    "colour": IMAGE,
    "float colour": IMAGE / 255,
    "alpha": np.dstack([IMAGE, GREY]),
    "grey with a channel axis": IMAGE[..., :1],
    "nested lists": IMAGE.tolist(),
    "list of rows of pixels": list(IMAGE),
    "memoryview": memoryview(IMAGE),
    "contents": file_contents(),
    "bytearray": bytearray(file_contents()),
    "open file": io.BytesIO(file_contents()),
    "dict of Hugging Face": {"bytes": file_contents(), "path": None},
}


@pytest.mark.parametrize("image", SINGLE.values(), ids=SINGLE)
def test_single_image_is_refused_with_the_step_that_helps(image):
    with pytest.raises(ValueError, match=r"put a single image in a list: \[image\]"):
        as_image_source(image)


@pytest.mark.parametrize("name", [n for n in SINGLE if n != "list of rows of pixels"])
def test_single_image_in_a_list_is_taken(name):
    source = as_image_source([SINGLE[name]], value_range=(0, 1) if "float" in name else None)
    assert source.decode(0).shape == (20, 23, 3)


@pytest.mark.parametrize("take", [as_image_column, lambda X: check_split(X, X)])
def test_single_image_is_refused_by_whatever_takes_images(take):
    with pytest.raises(ValueError, match="put a single image in a list"):
        take(IMAGE)


def test_single_image_is_refused_by_a_comparison():
    with pytest.raises(ValueError, match="put a single image in a list"):
        compare_strategies(IMAGE, [0, 1])


def test_narrow_grey_images_are_taken_with_an_axis_of_channels():
    assert len(as_image_source(np.zeros((9, 20, 3, 1), np.uint8))) == 9


def test_stack_of_grey_images_is_no_single_image():
    assert len(as_image_source(np.zeros((3, 20, 23), np.uint8))) == 3


ESTIMATORS = {
    "extractor": PretrainedFeatureExtractor(tiny_network, weights=None, image_size=16),
    "fine-tuned": FineTunedCNNClassifier(
        tiny_network, weights=None, image_size=16, head_epochs=1, epochs=0
    ),
    "scratch": ScratchCNNClassifier(tiny_network, image_size=16, epochs=1),
    "preprocessor": RetinaCrop(radius=8),
}


@pytest.fixture(params=ESTIMATORS)
def fitted(request):
    """An estimator that was fitted on images."""
    images = np.random.default_rng(0).integers(0, 256, (6, 20, 23, 3), dtype=np.uint8)
    return ESTIMATORS[request.param].fit(images, np.arange(6) % 2)


def apply(estimator, X):
    return estimator.predict(X) if hasattr(estimator, "predict") else estimator.transform(X)


@pytest.mark.parametrize("image", [IMAGE, Image.fromarray(IMAGE)], ids=["array", "PIL"])
def test_estimator_refuses_a_single_image(fitted, image):
    with pytest.raises(ValueError, match="put a single image in a list"):
        apply(fitted, image)


@pytest.mark.parametrize(
    "grey",
    [GREY, GREY / 255, GREY.tolist(), list(GREY), pd.DataFrame(GREY), np.zeros((16, 64))],
    ids=["uint8", "float", "nested lists", "list", "frame", "square rows"],
)
def test_numbers_in_two_axes_are_refused_after_a_fit_on_images(fitted, grey):
    with pytest.raises(ValueError, match=r"fitted on images\. Put a single image in a list"):
        apply(fitted, grey)


def test_probabilities_of_a_single_image_are_refused():
    images = np.random.default_rng(0).integers(0, 256, (6, 20, 23, 3), dtype=np.uint8)
    classifier = ESTIMATORS["scratch"].fit(images, np.arange(6) % 2)
    with pytest.raises(ValueError, match="Put a single image in a list"):
        classifier.predict_proba(GREY)


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_fit_refuses_grey_pixels_in_two_axes(estimator):
    with pytest.raises(ValueError, match="put a single grey image in a list"):
        estimator.fit(GREY, np.arange(20) % 2)


def test_rows_of_8_bit_pixels_are_taken_with_their_shape():
    rows = np.zeros((4, 20 * 23), np.uint8)
    assert as_image_source(rows, image_shape=(20, 23)).decode(0).shape == (20, 23, 3)


def test_labels_of_another_number_than_images_tell_of_a_single_image():
    with pytest.raises(ValueError, match=r"X holds 64 images and y 1 labels.*in a list"):
        ESTIMATORS["scratch"].fit(np.zeros((64, 64), np.uint8), [0])


def test_rows_are_taken_after_a_fit_on_images_where_their_shape_is_said():
    images = np.random.default_rng(0).integers(0, 256, (4, 20, 23, 3), dtype=np.uint8)
    extractor = PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, image_shape=(20, 23, 3), random_state=0
    )
    features = extractor.fit_transform(images)
    np.testing.assert_array_equal(extractor.transform(images.reshape(4, -1)), features)


def test_images_are_taken_after_a_fit_on_rows_that_are_pictures():
    rows = np.random.default_rng(0).integers(0, 256, (4, 192), dtype=np.uint8)
    extractor = PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, random_state=0
    )
    features = extractor.fit_transform(rows)
    np.testing.assert_array_equal(extractor.transform(rows.reshape(4, 8, 8, 3)), features)


def test_images_are_refused_after_a_fit_on_rows_that_are_no_pictures():
    extractor = PretrainedFeatureExtractor(tiny_network, weights=None).fit(np.zeros((4, 10)))
    with pytest.raises(ValueError, match="fitted on rows of numbers that are no pictures"):
        extractor.transform([IMAGE])


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("a.jpg", "is one path; give a list of paths"),
        (Path("a.jpg"), "is one path; give a list of paths"),
        (Path(__file__).parent, r"of a folder; skdr\.datasets\.load_image_folder"),
        ("photos/*.jpg", r"of a pattern; .*sorted\(glob\.glob\(pattern\)\)"),
        ("s3://bucket/a.jpg", "is one address; download it"),
    ],
)
def test_single_path_is_refused_with_the_step_that_helps(path, match):
    with pytest.raises(ValueError, match=match):
        as_image_source(path)
