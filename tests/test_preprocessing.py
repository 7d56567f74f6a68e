"""Fundus preprocessing: on discs of known place, on bad images, inside estimators and grids."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdr import FineTunedCNNClassifier, PretrainedFeatureExtractor
from skdr._fingerprint import code_fingerprint
from skdr.datasets import load_eyepacs, make_fundus_images
from skdr.preprocessing import ImagePipeline, LocalColourNormaliser, RetinaCropper, find_retina
from tests.conftest import tiny_network


def disc(height, width, x, y, radius, colour=(180, 90, 40), ground=0):
    rows, columns = np.ogrid[:height, :width]
    image = np.full((height, width, 3), ground, dtype=np.uint8)
    image[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = colour
    return image


@pytest.mark.parametrize(("x", "y", "radius"), [(150, 100, 80), (100, 110, 60), (60, 70, 50)])
def test_disc_is_found(x, y, radius):
    retina = find_retina(disc(200, 300, x, y, radius))
    assert (retina.x, retina.y, retina.radius) == pytest.approx((x, y, radius), abs=1)


def test_disc_on_a_large_photograph_is_found_to_a_few_pixels():
    retina = find_retina(disc(2000, 3000, 1500, 1010, 900))
    assert (retina.x, retina.y, retina.radius) == pytest.approx((1500, 1010, 900), abs=15)


def test_disc_cut_off_above_and_below_keeps_its_radius():
    retina = find_retina(disc(200, 300, 150, 100, 130))
    assert (retina.x, retina.y, retina.radius) == pytest.approx((150, 100, 130), abs=1)


def test_caption_beside_the_retina_is_no_retina():
    image = disc(200, 300, 180, 100, 80)
    image[5:10, 5:60] = 255
    assert find_retina(image).x == pytest.approx(180, abs=1)


@pytest.mark.parametrize("value", [0, 1])
def test_black_frame_has_no_retina(value):
    assert find_retina(np.full((50, 60, 3), value, dtype=np.uint8)) is None


def test_crop_brings_all_retinas_to_one_place_and_radius():
    images = [disc(200, 300, 150, 100, 80), disc(300, 300, 140, 160, 120)]
    cropped = [find_retina(RetinaCropper(radius=50)(image)) for image in images]
    for retina in cropped:
        assert (retina.x, retina.y, retina.radius) == pytest.approx((50, 50, 50), abs=1)


def test_crop_of_a_retina_that_is_cut_off_is_padded_with_black():
    cropped = RetinaCropper(radius=65)(disc(200, 300, 150, 100, 130))
    assert cropped.shape == (130, 130, 3)
    assert not cropped[:14].any()
    assert cropped[16:114, 65].any(axis=-1).all()
    assert not cropped[116:].any()


def test_local_colour_is_that_of_the_formula():
    image = np.random.default_rng(0).integers(60, 120, (60, 60, 3), dtype=np.uint8)
    blurred = np.stack(
        [ndimage.gaussian_filter(image[..., c].astype(float), sigma=3) for c in range(3)], axis=-1
    )
    expected = (4.0 * image - 4 * blurred + 128).clip(0, 255)
    found = LocalColourNormaliser(blur_fraction=0.1, mask_fraction=None)(image)
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_outside_of_the_mask_is_grey():
    found = LocalColourNormaliser()(disc(200, 200, 100, 100, 90))
    rows, columns = np.ogrid[:200, :200]
    distance = np.hypot(columns - 100, rows - 100)
    assert (found[distance > 83] == 128).all()


def test_lighting_matters_less():
    fundus = make_fundus_images(1, image_size=128, random_state=0).images[0]
    light, dark = fundus.astype(np.float32), fundus.astype(np.float32) * 0.7 + 10
    step = LocalColourNormaliser()
    before, after = np.abs(light - dark).mean(), np.abs(step(light) - step(dark)).mean()
    assert after < before / 4


STEPS = {
    "crop": RetinaCropper(radius=20),
    "colour": LocalColourNormaliser(),
    "both": ImagePipeline([("crop", RetinaCropper(radius=20)), ("c", LocalColourNormaliser())]),
}
BAD = {
    "black": np.zeros((30, 40, 3), np.uint8),
    "white": np.full((30, 40, 3), 255, np.uint8),
    "one pixel": np.full((1, 1, 3), 90, np.uint8),
    "a line": np.full((1, 20, 3), 90, np.uint8),
    "grey": np.repeat(disc(40, 50, 25, 20, 15)[..., :1], 3, axis=-1),
    "noise": np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8),
    "black, float": np.zeros((30, 40, 3), np.float32),
    "float": disc(40, 50, 25, 20, 15).astype(np.float32) / 3,
}


@pytest.mark.parametrize("image", BAD.values(), ids=BAD)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_any_image_comes_out_as_an_image(step, image):
    before = image.copy()
    found = step(image)
    assert found.dtype == image.dtype
    assert found.ndim == 3
    assert found.shape[2] == 3
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 255
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_steps_of_a_pipeline_take_files_and_arrays(step, tmp_path):
    images = make_fundus_images(3, image_size=64, random_state=0).images
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image).save(path)
    column = step.fit_transform(paths)
    assert column.shape == (3, 1)
    for found, image in zip(column[:, 0], images, strict=True):
        np.testing.assert_array_equal(found, step(image))


def extractor(preprocess, **kwargs):
    return PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, random_state=0, preprocess=preprocess, **kwargs
    )


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_preprocess_of_an_extractor_is_the_step_before_it(step):
    images = make_fundus_images(4, image_size=64, random_state=0).images
    inside = extractor(clone(step)).fit_transform(images)
    before = make_pipeline(clone(step), extractor(None)).fit_transform(images)
    np.testing.assert_allclose(inside, before, atol=1e-6)


def test_parameters_stand_in_a_grid_and_each_has_its_own_features():
    data = make_fundus_images(30, image_size=64, random_state=0)
    pipeline = make_pipeline(extractor(clone(STEPS["both"])), LogisticRegression())
    name = "pretrainedfeatureextractor__preprocess__crop__radius"
    GridSearchCV(pipeline, {name: [8, 20]}, cv=2, error_score="raise").fit(data.images, data.target)
    for radius in (8, 20):
        step = clone(STEPS["both"]).set_params(crop__radius=radius)
        cached = extractor(step).fit_transform(data.images)
        computed = extractor(step, cache=None).fit_transform(data.images)
        np.testing.assert_array_equal(cached, computed)


def test_fingerprint_is_that_of_the_parameters_in_any_process():
    code = (
        "from skdr._fingerprint import code_fingerprint\n"
        "from skdr.preprocessing import RetinaCropper\n"
        "print(code_fingerprint(RetinaCropper(radius=7)))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == code_fingerprint(RetinaCropper(radius=7))
    assert code_fingerprint(RetinaCropper(radius=8)) != code_fingerprint(RetinaCropper(radius=7))


def test_preprocess_of_a_classifier():
    data = make_fundus_images(12, image_size=48, random_state=0)
    model = FineTunedCNNClassifier(
        tiny_network, weights=None, trainable="head", head_epochs=1, image_size=16,
        preprocess=RetinaCropper(radius=8), random_state=0,
    )  # fmt: skip
    assert model.fit(data.images, data.target).predict(data.images).shape == (12,)


@pytest.mark.parametrize(
    ("step", "match"),
    [(RetinaCropper(radius=0), "radius=0 must be"), (RetinaCropper(threshold=0), "threshold=0"),
     (LocalColourNormaliser(strength=0), "strength=0"),
     (LocalColourNormaliser(blur_fraction=2), "blur_fraction=2"),
     (LocalColourNormaliser(mask_fraction=-1), "mask_fraction=-1")],
)  # fmt: skip
def test_parameter_out_of_its_range_is_named(step, match):
    with pytest.raises(ValueError, match=match):
        step.fit(np.zeros((1, 4, 4, 3), np.uint8))


@pytest.mark.shared
def test_real_retinas_are_found(shared):
    paths = load_eyepacs(shared / "data" / "eyepacs256").data[:40]
    found = [find_retina(np.asarray(Image.open(path))) for path in paths]
    assert all(90 < retina.radius <= 128 for retina in found)
