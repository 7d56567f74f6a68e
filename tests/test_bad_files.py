"""All bad files of X are in one error, before the network has worked for hours."""

import io
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from skdr import (
    FineTunedCNNClassifier,
    ImageDecodeError,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
)
from skdr.images import _batches, as_image_source, decode_all, decoded_batches
from skdr.preprocessing import RetinaCrop
from tests.with_keras import tiny_network

NOISE = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
TINY = {"image_size": 16, "random_state": 0}


def encoded(image, image_format="JPEG", **kwargs):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, image_format, **kwargs)
    return buffer.getvalue()


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{i:02}.jpg" for i in range(40)]
    for path, image in zip(paths, NOISE, strict=True):
        path.write_bytes(encoded(image))
    return paths


def cut(path):
    """Leave a header without all of its pixels."""
    path.write_bytes(path.read_bytes()[:1500])


ESTIMATORS = {
    "extractor": PretrainedFeatureExtractor(tiny_network, weights=None, batch_size=4, **TINY),
    "without a cache": PretrainedFeatureExtractor(
        tiny_network, weights=None, batch_size=4, cache=None, **TINY
    ),
    "fine-tuned": FineTunedCNNClassifier(
        tiny_network, weights=None, head_epochs=1, epochs=1, batch_size=4, **TINY
    ),
    "scratch": ScratchCNNClassifier(tiny_network, epochs=1, batch_size=4, **TINY),
    "preprocessor": RetinaCrop(radius=8),
}


def bad_files(call):
    with pytest.raises(ImageDecodeError) as info:
        call()
    return sorted(info.value.indices)


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_fit_names_all_files_that_are_no_images_before_any_is_decoded(
    estimator, files, monkeypatch
):
    files[3].write_bytes(b"<html>not found</html>")
    files[17].write_bytes(b"")
    files[39].unlink()
    monkeypatch.setattr(_batches, "resize", None)
    assert bad_files(lambda: estimator.fit(files, np.arange(40) % 2)) == [3, 17, 39]


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_pass_names_all_truncated_files(estimator, files, monkeypatch):
    monkeypatch.setattr("skdr.features._frozen_features._CHUNK", 8)
    for i in (2, 3, 18, 39):
        cut(files[i])
    fit = getattr(estimator, "fit_transform", estimator.fit)
    assert bad_files(lambda: fit(files, np.arange(40) % 2)) == [2, 3, 18, 39]


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_prediction_names_all_bad_files(estimator, files):
    estimator.fit(NOISE, np.arange(40) % 2)
    for i in (2, 18):
        cut(files[i])
    files[39].write_bytes(b"no image")
    predict = getattr(estimator, "predict", None) or estimator.transform
    assert bad_files(lambda: predict(files)) == [2, 18, 39]


@pytest.mark.parametrize("form", ["contents", "dicts"])
def test_fit_looks_into_files_in_memory_too(form, files):
    contents = [path.read_bytes() for path in files]
    contents[5] = b"no image"
    X = [{"bytes": c, "path": None} for c in contents] if form == "dicts" else contents
    assert bad_files(lambda: ESTIMATORS["extractor"].fit(X)) == [5]


@pytest.mark.parametrize(
    ("image_format", "options"),
    [("JPEG", {"exif": b"Exif\0\0" + bytes(60_000)}), ("PNG", {}), ("TIFF", {}), ("GIF", {}),
     ("WEBP", {"lossless": True}), ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"})],
)  # fmt: skip
def test_header_of_a_large_file_is_found_wherever_it_is(image_format, options, tmp_path, recwarn):
    large = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    path = tmp_path / "image"
    path.write_bytes(encoded(large, image_format, **options))
    assert path.stat().st_size > 2**16
    as_image_source([path], check_headers=True)
    assert not recwarn


def test_sound_header_is_read_once(files, monkeypatch):
    as_image_source(files, check_headers=True)
    monkeypatch.setattr(Image, "open", None)
    as_image_source(files, check_headers=True)


def test_changed_file_is_looked_at_again(files):
    as_image_source(files, check_headers=True)
    files[1].write_bytes(b"no image")
    assert bad_files(lambda: as_image_source(files, check_headers=True)) == [1]


def test_files_that_vanish_are_all_named(files):
    source = as_image_source(files)
    for i in (1, 30):
        files[i].unlink()
    assert bad_files(source.digests) == [1, 30]


def test_no_more_files_are_decoded_than_can_be_listed(files):
    for path in files:
        cut(path)
    with pytest.raises(ImageDecodeError) as info:
        list(decoded_batches(as_image_source(files), (8, 8), 4))
    assert len(info.value.indices) == 20
    assert "20 images of X were not looked at any more" in str(info.value)


def test_files_are_looked_for_in_a_bounded_time(files, monkeypatch):
    monkeypatch.setattr(_batches, "_SECONDS_TO_LOOK", 0)
    for i in (1, 30):
        cut(files[i])
    with pytest.raises(ImageDecodeError, match="36 images of X were not looked at") as info:
        list(decoded_batches(as_image_source(files), (8, 8), 4))
    assert info.value.indices == (1,)


def test_weights_of_zero_are_not_looked_at(files):
    cut(files[5])
    weights = np.ones(40)
    weights[5] = 0
    ESTIMATORS["scratch"].fit(files, np.arange(40) % 2, sample_weight=weights)


def returns_nothing(image):
    image[:] = 0


def raises(image):
    raise KeyError("radius")


MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
PREPROCESS = {
    "unit range": (lambda image: image / 255, r"numbers in \[0, 1\]"),
    "ImageNet's mean": (lambda image: (image / 255 - MEAN) / DEVIATION, r"numbers in \[-2"),
    "of Keras": ("keras", r"numbers in \["),
    "above 255": (lambda image: image * 2.0, r"numbers in \[0, 510\]"),
    "NaN": (lambda image: image * np.nan, "NaN or infinity"),
    "nothing": (returns_nothing, "NoneType"),
    "channels first": (lambda image: np.moveaxis(image, -1, 0), r"of shape \(3, 64, 64\)"),
    "a batch": (lambda image: image[np.newaxis], r"of shape \(1, 64, 64, 3\)"),
    "a vector": (np.ravel, r"of shape \(12288,\)"),
    "nothing of it": (lambda image: image[:0], r"of shape \(0, 64, 3\)"),
    "a dict": (lambda image: {"image": image}, "dict"),
    "text": (lambda image: "a.jpg", "str"),
    "ragged": (lambda image: [[1], [1, 2]], "list"),
}  # fmt: skip


@pytest.mark.parametrize(("preprocess", "found"), PREPROCESS.values(), ids=PREPROCESS)
def test_preprocess_that_returns_no_image_is_told_what_to_return(preprocess, found, files):
    if preprocess == "keras":
        from keras.applications.resnet50 import preprocess_input

        def preprocess(image):
            return preprocess_input(image.astype(np.float32))

    extractor = ESTIMATORS["without a cache"].set_params(preprocess=preprocess)
    try:
        with pytest.raises(ImageDecodeError) as info:
            extractor.fit_transform(files[:3])
    finally:
        extractor.set_params(preprocess=None)
    message = str(info.value)
    assert info.value.indices == (0,)
    assert re.search(rf"preprocess returned .*{found}.* for X\[0\]='.*00\.jpg'", message)
    assert "RGB in 0..255, of shape (height, width, 3)" in message
    assert "network normalises by itself" in message
    assert "value_range" not in message


@pytest.mark.parametrize(
    "preprocess",
    [lambda image: image[..., :1], lambda image: image[..., 0], Image.fromarray,
     lambda image: Image.fromarray(image).convert("L"), lambda image: image.astype(np.float64)],
    ids=["grey", "two axes", "PIL image", "grey PIL image", "floats"],
)  # fmt: skip
def test_preprocess_may_return_any_8_bit_image(preprocess):
    images = decode_all(as_image_source(NOISE[:2]), (64, 64), 2, preprocess)
    assert images.shape == (2, 64, 64, 3)


def test_preprocess_that_fails_on_one_image_is_named_before_truncated_files(files):
    cut(files[1])
    with pytest.raises(ImageDecodeError, match=r"preprocess failed on X\[0\].*KeyError"):
        list(decoded_batches(as_image_source(files), (8, 8), 4, raises))


def test_image_beyond_the_limit_of_pillow_names_the_way_to_raise_it(files, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ImageDecodeError, match=r"PIL\.Image\.MAX_IMAGE_PIXELS = 4096\."):
        as_image_source(files[:1]).decode(0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4096)
    assert as_image_source(files[:1]).decode(0).shape == (64, 64, 3)


@pytest.mark.parametrize("headers", [True, False])
def test_warning_of_pillow_that_is_made_an_error_names_the_file(files, headers, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with pytest.raises(ImageDecodeError, match=r"X\[0\]=.*MAX_IMAGE_PIXELS = 4096"):
            decode_all(as_image_source(files[:1], check_headers=headers), (8, 8), 1)


def test_image_beyond_the_limit_of_pillow_is_named_by_fit(files, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ImageDecodeError, match="decompression bomb"):
        ESTIMATORS["extractor"].fit(files[:1])
