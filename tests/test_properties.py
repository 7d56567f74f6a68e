"""Whatever the images, every form of them that is accepted has the same features."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from skdr import PretrainedFeatureExtractor, as_image_column
from tests.with_keras import tiny_network

FORMS = {
    "list of arrays": list,
    "floats": lambda images: images.astype(np.float64),
    "unsigned 16 bits": lambda images: images.astype(np.uint16),
    "with alpha": lambda images: np.concatenate([images, images[..., :1]], axis=-1),
    "PIL images": lambda images: [Image.fromarray(image) for image in images],
    "column": as_image_column,
    "Series": lambda images: pd.Series(list(images)),
    "frame": lambda images: pd.DataFrame({"image": list(images)}),
    "strided": lambda images: np.repeat(images, 2, axis=2)[:, :, ::2],
}
some_images = st.tuples(
    st.integers(1, 3), st.integers(1, 20), st.integers(1, 20), st.just(3)
).flatmap(lambda shape: arrays(np.uint8, shape))


@pytest.fixture(scope="module")
def extractor():
    extractor = PretrainedFeatureExtractor(
        tiny_network, weights=None, image_size=16, random_state=0, cache=None
    )
    return extractor.fit([np.zeros((4, 4, 3), dtype=np.uint8)])


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(images=some_images, form=st.sampled_from(sorted(FORMS)), written=st.booleans())
def test_every_form_of_the_same_images_has_the_same_features(
    extractor, images, form, written, tmp_path_factory
):
    other = FORMS[form](images)
    if written:
        folder = tmp_path_factory.mktemp("images")
        other = [folder / f"{i}.png" for i in range(len(images))]
        for image, path in zip(images, other, strict=True):
            Image.fromarray(image).save(path)
    before = images.copy()
    expected = extractor.transform(list(images))
    np.testing.assert_array_equal(extractor.transform(other), expected)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(images, before)
