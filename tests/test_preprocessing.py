"""Retinas of known place and size, Graham's formula worked by hand, and both before a network."""

import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skdr import (
    ImageDecodeError,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
    feature_cache_info,
)
from skdr.datasets import load_eyepacs, make_fundus_images
from skdr.preprocessing import (
    ImagePipeline,
    LocalColourNormalisation,
    RetinaCrop,
    make_image_pipeline,
)
from skdr.preprocessing._find_retina import find_retina
from tests.with_keras import tiny_network

COLOUR = (180, 90, 40)


def photograph(height, width, x, y, radius, colour=COLOUR):
    """A disc on black; its edge goes through the pixels that are `radius` from (x, y)."""
    rows, columns = np.ogrid[:height, :width]
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius] = colour
    return image


def blacken(rows=slice(None), columns=slice(None)):
    def change(image):
        image[rows, columns] = 0

    return change


def brighten(rows, columns):
    def change(image):
        image[rows, columns] = 255

    return change


def add_noise(image):
    noise = np.random.default_rng(0).integers(0, 12, image.shape, dtype=np.uint8)
    np.maximum(image, noise, out=image)


def add_dots(image):
    dots = np.random.default_rng(0).random(image.shape[:2]) < 0.1
    image[dots & (image.max(axis=-1) == 0)] = 120


def shade(image):
    """A shadow that falls on a third of the edge."""
    image[:, 200:] = image[:, 200:] // 40


# Name: ((height, width, x, y, radius), what disturbs the photograph)
RETINAS = {
    "whole": ((300, 400, 200, 150, 120), []),
    "off centre": ((300, 400, 130, 170, 110), []),
    "small": ((300, 400, 250, 100, 50), []),
    "upright": ((400, 300, 150, 210, 130), []),
    "large": ((2000, 3000, 1480, 1010, 950), []),
    "tiny": ((24, 32, 16, 12, 10), []),
    "touches the border": ((256, 256, 128, 128, 128), []),
    "cut off at top and bottom": ((300, 400, 200, 150, 190), []),
    "cut off at the top": ((300, 400, 200, 110, 170), []),
    "cut off on three sides": ((300, 400, 190, 150, 220), []),
    "cut off by a frame": (
        (400, 400, 200, 200, 190),
        [blacken(slice(0, 60)), blacken(slice(340, None))],
    ),
    "tab": ((300, 400, 200, 150, 140), [brighten(slice(60, 80), slice(300, 330))]),
    "caption": ((300, 400, 200, 150, 110), [brighten(slice(270, 290), slice(10, 200))]),
    "bright corner": ((300, 400, 200, 150, 110), [brighten(slice(0, 60), slice(0, 60))]),
    "noise": ((300, 400, 200, 150, 110), [add_noise]),
    "dots": ((300, 400, 200, 150, 110), [add_dots]),
    "shadow": ((300, 400, 170, 150, 140), [shade, add_noise]),
}


@pytest.mark.parametrize("name", RETINAS)
def test_retina_is_found(name):
    (height, width, *circle), disturbances = RETINAS[name]
    image = photograph(height, width, *circle)
    for disturb in disturbances:
        disturb(image)
    np.testing.assert_allclose(find_retina(image), circle, atol=max(0.5, 0.012 * circle[-1]))


def test_underexposed_retina_is_found():
    image = photograph(300, 400, 200, 150, 110, colour=(9, 5, 2))
    np.testing.assert_allclose(find_retina(image), (200, 150, 110), atol=1.5)


def test_generated_retinas_are_found():
    """The generator places them in the middle, their radius 0.93 to 1.05 of half the side."""
    found = np.array(
        [find_retina(image) for image in make_fundus_images(20, random_state=0).images]
    )
    np.testing.assert_allclose(found[:, :2], 64, atol=1)
    assert found[:, 2].min() > 0.92 * 64
    assert found[:, 2].max() < 1.06 * 64


@pytest.mark.shared
def test_retinas_of_real_photographs_are_found(shared):
    """As by the rule of Graham's report, which shadows and noise mislead in one of four."""
    ratios = []
    for path in load_eyepacs(shared / "data" / "eyepacs256").data[::40]:
        image = np.asarray(Image.open(path))
        row = image[128].sum(axis=1)
        ratios.append(find_retina(image).radius / ((row > row.mean() / 10).sum() / 2))
    assert np.quantile(np.abs(np.log(ratios)), 0.7) < 0.02


def test_crop_fills_the_square_with_the_retina():
    cropped = RetinaCrop(radius=50)(photograph(300, 400, 170, 140, 120))
    is_bright = cropped[..., 0] > COLOUR[0] / 2
    assert is_bright.sum() == pytest.approx(np.pi * 50**2, rel=0.02)
    rows, columns = np.nonzero(is_bright)
    np.testing.assert_allclose([rows.mean(), columns.mean()], 49.5, atol=0.5)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (60, 0), (0, -60), (-40, 40)])
def test_crop_brings_each_point_to_its_place(dx, dy):
    image = photograph(300, 400, 210, 160, 120)
    image[160 + dy - 3 : 160 + dy + 3, 210 + dx - 3 : 210 + dx + 3] = (0, 0, 255)
    blue = RetinaCrop(radius=60)(image)[..., 2] > 150
    np.testing.assert_allclose(
        np.argwhere(blue).mean(axis=0) + 0.5, (60 + dy / 2, 60 + dx / 2), atol=0.6
    )


def test_what_the_camera_cut_off_stays_black():
    cropped = RetinaCrop(radius=100)(photograph(300, 400, 200, 150, 190))
    rows = np.flatnonzero(cropped.any(axis=(1, 2)))
    np.testing.assert_allclose(
        [rows[0], rows[-1]], [100 * (1 - 150 / 190), 100 * (1 + 150 / 190)], atol=1.5
    )


def test_image_without_retina_is_padded_to_a_square():
    expected = np.zeros((40, 40, 3), dtype=np.uint8)
    expected[10:30] = 200
    np.testing.assert_array_equal(
        RetinaCrop(20)(np.full((100, 200, 3), 200, dtype=np.uint8)), expected
    )


STEPS = {
    "crop": RetinaCrop(30),
    "smallest crop": RetinaCrop(1),
    "normalisation": LocalColourNormalisation(),
    "both": make_image_pipeline(RetinaCrop(30), LocalColourNormalisation()),
}
ODD_IMAGES = {
    "black": np.zeros((60, 80, 3), dtype=np.uint8),
    "white": np.full((60, 80, 3), 255, dtype=np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8),
    "one pixel": np.full((1, 1, 3), 9, dtype=np.uint8),
    "row": np.arange(60, dtype=np.uint8).reshape(1, 20, 3),
    "column": np.arange(60, dtype=np.uint8).reshape(20, 1, 3),
    "thin": np.full((2, 3000, 3), 9, dtype=np.uint8),
    "float": np.random.default_rng(0).uniform(0, 255, (60, 80, 3)).astype(np.float32),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("image", ODD_IMAGES)
def test_odd_image_gives_an_image_in_range(image, step):
    result = STEPS[step](ODD_IMAGES[image])
    assert result.dtype == ODD_IMAGES[image].dtype
    assert result.shape[-1] == 3
    assert 0 <= result.min() <= result.max() <= 255


@pytest.mark.parametrize("step", STEPS)
def test_callers_image_is_not_changed(step):
    image = photograph(60, 80, 40, 30, 25)
    before = image.copy()
    STEPS[step](image)[:] = 7
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("step", STEPS)
def test_floats_give_the_same_but_for_rounding(step):
    image = make_fundus_images(1, image_size=96, random_state=0).images[0]
    result = STEPS[step](image.astype(np.float32))
    # The crop is rounded to whole numbers before it is normalised, with a gain of 4.
    np.testing.assert_allclose(result, STEPS[step](image), atol=5)


def test_disc_of_one_colour_becomes_grey():
    disc = photograph(200, 200, 100, 100, 90)
    normalised = LocalColourNormalisation(mask_fraction=0.88)(disc)
    assert (normalised == 128).all()


def test_normalisation_follows_the_formula():
    """One pixel on a plane: the Gaussian is the outer product of exp(-k^2 / 2), k = -3..3."""
    image = np.full((60, 60, 3), 100, dtype=np.float32)
    image[30, 30] = 120  # sigma is 30 / 30 pixels
    weights = np.exp(-(np.arange(-3, 4) ** 2) / 2)
    weights /= weights.sum()
    expected = 128 - 4 * 20 * np.outer(weights, weights)
    expected[3, 3] += 4 * 20
    normalised = LocalColourNormalisation()(image)[27:34, 27:34]
    np.testing.assert_allclose(normalised, np.repeat(expected[..., None], 3, axis=-1), atol=1e-3)


def test_wide_gaussian_is_as_good_as_exact():
    image = make_fundus_images(1, image_size=700, random_state=0).images[0].astype(np.float32)
    retina = find_retina(image)
    sigma = 0.1 * retina.radius
    exact = image - gaussian_filter(image, (sigma, sigma, 0), mode="mirror", truncate=3) + 128
    normalised = LocalColourNormalisation(0.1, gain=1)(image)
    middle = slice(150, 550)
    np.testing.assert_allclose(
        normalised[middle, middle], exact.clip(0, 255)[middle, middle], atol=0.5
    )


def test_light_makes_no_difference():
    image = np.random.default_rng(0).integers(100, 110, (60, 60, 3), dtype=np.uint8)
    normalise = LocalColourNormalisation()
    np.testing.assert_array_equal(normalise(image + np.uint8(40)), normalise(image))


def test_gain_enlarges_differences():
    image = np.random.default_rng(0).uniform(100, 110, (60, 60, 3)).astype(np.float32)
    once, twice = (LocalColourNormalisation(gain=gain)(image) - 128 for gain in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-4)


def test_mask_leaves_a_circle_of_its_radius():
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    kept = (LocalColourNormalisation(mask_fraction=0.8)(image) != 128).any(axis=-1)
    assert kept.sum() == pytest.approx(np.pi * 40**2, rel=0.02)


@pytest.mark.parametrize("steps", [RetinaCrop(0), LocalColourNormalisation(gain=-1)])
def test_bad_parameter_is_named(steps):
    with pytest.raises(ValueError, match=r"The '(radius|gain)' parameter of"):
        steps(ODD_IMAGES["black"])


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (2, 8, 8, 3), (0, 8, 3)])
def test_call_with_what_is_no_rgb_image_is_refused(shape):
    with pytest.raises(ValueError, match="Expected one RGB image"):
        RetinaCrop()(np.zeros(shape, dtype=np.uint8))


@pytest.fixture(scope="module")
def eyes():
    return make_fundus_images(12, image_size=48, random_state=0)


@pytest.fixture(scope="module")
def files(eyes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("eyes")
    paths = [folder / f"{i}.png" for i in range(12)]
    for path, image in zip(paths, eyes.images, strict=True):
        Image.fromarray(image).save(path)
    return paths


FORMS = {
    "list": lambda X, files: list(X),
    "column": lambda X, files: as_image_column(X),
    "paths": lambda X, files: files,
    "column of paths": lambda X, files: np.array(files, dtype=object).reshape(-1, 1),
    "PIL images": lambda X, files: [Image.fromarray(x) for x in X],
    "rows": lambda X, files: X.reshape(len(X), -1),
    "data frame": lambda X, files: pd.DataFrame({"image": files}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [RetinaCrop(16), LocalColourNormalisation()])
def test_transform_takes_any_form_of_images(step, form, eyes, files):
    expected = np.stack([step(image) for image in eyes.images])
    result = step.fit_transform(FORMS[form](eyes.images, files))
    np.testing.assert_array_equal(result, expected)


def test_images_of_many_sizes_come_as_a_column(eyes):
    images = [eyes.images[0], eyes.images[1][:40]]
    result = LocalColourNormalisation().fit_transform(images)
    assert [image.shape for image in result[:, 0]] == [(48, 48, 3), (40, 48, 3)]


def test_broken_file_is_named(files, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:100])
    with pytest.raises(ImageDecodeError, match=r"X\[1\]=.*broken\.png"):
        RetinaCrop().transform([files[0], broken])


def extractor(preprocess, **params):
    return PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, random_state=0, preprocess=preprocess, **params
    )


def test_step_of_a_pipeline_does_what_preprocess_does(eyes):
    steps = make_pipeline(RetinaCrop(16), LocalColourNormalisation(), extractor(None))
    inside = extractor(make_image_pipeline(RetinaCrop(16), LocalColourNormalisation()))
    np.testing.assert_allclose(
        steps.fit_transform(eyes.images), inside.fit_transform(eyes.images), rtol=1e-5
    )


def test_classifier_takes_it_as_preprocess(eyes):
    preprocess = make_image_pipeline(RetinaCrop(16), LocalColourNormalisation())
    classifier = ScratchCNNClassifier(tiny_network, image_size=16, epochs=1, preprocess=preprocess)
    labels = classifier.fit(eyes.images, eyes.target > 0).predict(eyes.images)
    assert labels.shape == (12,)


CHAIN = "preprocess__localcolournormalisation"
SETTINGS = {
    "none": {"preprocess": None},
    "crop": {"preprocess": RetinaCrop(9)},
    "other crop": {"preprocess": RetinaCrop(7)},
    "chain": {},
    "parameter of the chain": {"preprocess__retinacrop__radius": 12},
    "other parameter": {f"{CHAIN}__sigma_fraction": 0.2},
    "step left out": {CHAIN: "passthrough"},
    "step replaced": {CHAIN: LocalColourNormalisation(gain=2)},
}


@pytest.mark.parametrize("cache", ["memory", "folder"])
def test_no_setting_gets_the_features_of_another(cache, eyes, tmp_path):
    chain = make_image_pipeline(RetinaCrop(8), LocalColourNormalisation())
    cache = tmp_path if cache == "folder" else cache
    for params in SETTINGS.values():
        kept = clone(extractor(chain, cache=cache)).set_params(**params)
        fresh = clone(kept).set_params(cache=None)
        np.testing.assert_allclose(
            kept.fit_transform(eyes.images), fresh.fit_transform(eyes.images), rtol=1e-5
        )


def test_settings_give_different_features(eyes):
    chain = make_image_pipeline(RetinaCrop(8), LocalColourNormalisation())
    found = {
        clone(extractor(chain)).set_params(**params).fit_transform(eyes.images).tobytes()
        for params in SETTINGS.values()
    }
    assert len(found) == len(SETTINGS)


def test_equal_setting_is_looked_up(eyes, tmp_path):
    for _ in range(2):
        preprocess = make_image_pipeline(RetinaCrop(8), LocalColourNormalisation())
        extractor(preprocess, cache=tmp_path).fit_transform(eyes.images)
    assert feature_cache_info(tmp_path).misses == 12


def test_grid_reaches_the_parameters(eyes):
    pipeline = Pipeline([("features", extractor(RetinaCrop())), ("model", LogisticRegression())])
    grid = {"features__preprocess__radius": [8, 12]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(eyes.images, eyes.target > 0)
    assert search.best_estimator_["features"].preprocess.radius in (8, 12)


def test_grid_reaches_the_parameters_in_a_chain(eyes):
    chain = make_image_pipeline(RetinaCrop(8), LocalColourNormalisation())
    pipeline = Pipeline([("features", extractor(chain)), ("model", LogisticRegression())])
    grid = {
        f"features__{CHAIN}__sigma_fraction": [1 / 30, 1 / 10],
        "features__preprocess__retinacrop": ["passthrough", RetinaCrop(12)],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(eyes.images, eyes.target > 0)
    assert len(search.cv_results_["params"]) == 4


def test_chain_applies_its_steps_in_order():
    image = photograph(60, 80, 40, 30, 25)
    crop, normalise = RetinaCrop(16), LocalColourNormalisation()
    expected = np.fliplr(normalise(crop(image)))
    chain = ImagePipeline([("crop", crop), ("normalise", normalise), ("flip", np.fliplr)])
    np.testing.assert_array_equal(chain(image), expected)


def test_chain_without_steps_left_returns_the_image():
    image = photograph(60, 80, 40, 30, 25)
    chain = make_image_pipeline(RetinaCrop()).set_params(retinacrop="passthrough")
    np.testing.assert_array_equal(chain(image), image)


@pytest.mark.parametrize("step", STEPS)
def test_survives_pickling(step):
    image = photograph(60, 80, 40, 30, 25)
    again = pickle.loads(pickle.dumps(STEPS[step]))
    np.testing.assert_array_equal(again(image), STEPS[step](image))
