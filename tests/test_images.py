"""Any form of the same images becomes the same RGB pixels, and X is never written to."""

import io
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from skdr import ImageDecodeError, as_image_column
from skdr.datasets import make_fundus_images
from skdr.images import _batches, as_image_source, decode_all, decoded_batches
from skdr.images._batches import resize


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, size=(6, 10, 12, 3), dtype=np.uint8)


@pytest.fixture
def files(pixels, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    return paths


def decoded(X, **kwargs):
    source = as_image_source(X, **kwargs)
    return np.stack([source.decode(i) for i in range(len(source))])


def object_column(items):
    column = np.empty((len(items), 1), dtype=object)
    for i, item in enumerate(items):
        column[i, 0] = item
    return column


FORMS = {
    "uint8": lambda pixels, files: pixels,
    "int64": lambda pixels, files: pixels.astype(np.int64),
    "float32": lambda pixels, files: pixels.astype(np.float32),
    "float64": lambda pixels, files: pixels.astype(np.float64),
    "with alpha": lambda pixels, files: np.concatenate([pixels, pixels[..., :1]], axis=-1),
    "read-only": lambda pixels, files: np.frombuffer(pixels.tobytes(), np.uint8).reshape(
        pixels.shape
    ),
    "list of arrays": lambda pixels, files: list(pixels),
    "list of PIL images": lambda pixels, files: [Image.fromarray(image) for image in pixels],
    "list of str": lambda pixels, files: [str(f) for f in files],
    "list of Path": lambda pixels, files: list(files),
    "tuple of Path": lambda pixels, files: tuple(files),
    "array of str": lambda pixels, files: np.array([str(f) for f in files]),
    "object array of Path": lambda pixels, files: np.array(files, dtype=object),
    "column of str": lambda pixels, files: np.array([[str(f)] for f in files]),
    "object column of Path": lambda pixels, files: object_column(files),
    "object column of arrays": lambda pixels, files: object_column(list(pixels)),
    "object column of PIL images": lambda pixels, files: object_column(
        [Image.fromarray(image) for image in pixels]
    ),
    "list of lists": lambda pixels, files: [[str(f)] for f in files],
    "Series": lambda pixels, files: pd.Series([str(f) for f in files], index=range(6, 12)),
    "string Series": lambda pixels, files: pd.Series([str(f) for f in files], dtype="string"),
    "Series of arrays": lambda pixels, files: pd.Series(list(pixels)),
    "DataFrame": lambda pixels, files: pd.DataFrame({"image": [str(f) for f in files]}),
    "polars": lambda pixels, files: pl.DataFrame({"image": [str(f) for f in files]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_images_gives_the_same_pixels(form, pixels, files):
    result = decoded(FORMS[form](pixels, files))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, pixels)


@pytest.mark.parametrize("form", FORMS)
def test_image_column_holds_the_same_images(form, pixels, files):
    column = as_image_column(FORMS[form](pixels, files))
    assert column.shape == (6, 1)
    assert column.dtype == object
    np.testing.assert_array_equal(decoded(column), pixels)


def test_image_column_does_not_copy_pixels(pixels):
    column = as_image_column(pixels)
    assert np.shares_memory(column[3, 0], pixels)


def test_image_column_of_rows_takes_their_shape(pixels):
    column = as_image_column(pixels.reshape(6, -1), image_shape=(10, 12, 3))
    np.testing.assert_array_equal(decoded(column), pixels)


@pytest.mark.parametrize("channels", [(), (1,)])
def test_grey_arrays_become_rgb(pixels, channels):
    grey = pixels[..., 0].reshape(6, 10, 12, *channels)
    np.testing.assert_array_equal(decoded(grey), np.repeat(pixels[..., :1], 3, axis=-1))


def test_bool_images_become_black_and_white():
    mask = np.eye(9, dtype=bool)[np.newaxis]
    np.testing.assert_array_equal(decoded(mask)[0, ..., 0], np.eye(9) * 255)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_declared_unit_range_gives_the_8_bit_image_again(pixels, dtype):
    scaled = pixels.astype(dtype) / dtype(255)
    np.testing.assert_array_equal(decoded(scaled, value_range=(0, 1)), pixels)


def test_declared_16_bit_range(pixels):
    wide = pixels.astype(np.uint16) * 257
    np.testing.assert_array_equal(decoded(wide, value_range=(0, 65535)), pixels)


def test_unit_range_where_255_is_declared_is_caught(pixels):
    with pytest.raises(ImageDecodeError, match=r"X\[0\].*set value_range=\(0, 1\)"):
        decoded(pixels / 255)


def test_dark_image_of_whole_numbers_is_not_mistaken_for_unit_range():
    assert decoded(np.eye(12)[np.newaxis]).max() == 1


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (-1.0, r"\[-1, 255\], outside the default value_range"),
        (4095.0, r"outside the default value_range"),
        (np.nan, "NaN or infinity"),
        (np.inf, "NaN or infinity"),
    ],
)
def test_impossible_values_are_caught(pixels, bad, match):
    images = pixels.astype(float)
    images[0, 0, 0], images[2, 1, 1, 0] = 255, bad
    images[2, 0, 0] = 255
    with pytest.raises(ImageDecodeError, match=match) as info:
        decoded(images)
    assert info.value.indices == (2,)


def test_rows_take_their_shape(pixels):
    rows = pixels.reshape(6, -1)
    np.testing.assert_array_equal(decoded(rows, image_shape=(10, 12, 3)), pixels)
    np.testing.assert_array_equal(decoded(rows.tolist(), image_shape=(10, 12, 3)), pixels)


def test_rows_of_a_square_image_need_no_shape():
    rows = np.arange(2 * 8 * 8 * 3).reshape(2, -1) % 256
    assert decoded(rows).shape == (2, 8, 8, 3)
    assert decoded(np.zeros((2, 81))).shape == (2, 9, 9, 3)


def test_rows_of_no_square_image_warn_and_name_the_parameter():
    with pytest.warns(UserWarning, match="Set image_shape="):
        assert decoded(np.zeros((2, 10))).shape == (2, 1, 10, 3)


def test_rows_that_do_not_fit_their_shape():
    with pytest.raises(ValueError, match=r"image_shape=\(4, 4\) has 16 pixels .* 10 features"):
        as_image_source(np.zeros((2, 10)), image_shape=(4, 4))


def test_channels_first_arrays_get_a_hint():
    with pytest.raises(ImageDecodeError, match="channels come last"):
        decoded(np.zeros((2, 3, 16, 16), dtype=np.uint8))


def test_data_frame_with_other_columns(files):
    frame = pd.DataFrame({"patient": range(6), "image": [str(f) for f in files]})
    assert len(as_image_source(frame, image_column="image")) == 6
    with pytest.raises(ValueError, match="Set image_column="):
        as_image_source(frame)
    with pytest.raises(ValueError, match="image_column='picture' is not one of"):
        as_image_source(frame, image_column="picture")


def test_one_path_is_no_list_of_paths(files):
    with pytest.raises(ValueError, match="give a list of paths"):
        as_image_source(str(files[0]))


def test_images_of_different_sizes():
    images = [np.zeros((9, 9, 3), np.uint8), np.zeros((20, 12), np.uint8)]
    assert decode_all(as_image_source(images), (8, 8), 2).shape == (2, 8, 8, 3)


def save(tmp_path, image, name, **kwargs):
    image.save(tmp_path / name, **kwargs)
    return decoded([tmp_path / name])[0]


def gradient():
    return Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1)))


@pytest.mark.parametrize(
    ("mode", "name"),
    [("L", "a.png"), ("P", "a.gif"), ("P", "a.png"), ("LA", "a.png"), ("RGBA", "a.png"),
     ("CMYK", "a.tif"), ("CMYK", "a.jpg"), ("L", "a.bmp"), ("RGB", "a.webp"), ("L", "a.tif")],
)  # fmt: skip
def test_files_of_every_mode_look_the_same(tmp_path, mode, name):
    options = {"quality": 98} if name.endswith("jpg") else {}
    if name.endswith("webp"):
        options = {"lossless": True}
    image = gradient() if mode == "P" else gradient().convert("RGB")
    image = save(tmp_path, image.convert(mode), name, **options)
    assert image.shape == (48, 64, 3)
    expected = np.asarray(gradient().convert("RGB"), dtype=int)
    assert np.abs(image - expected).max() <= (6 if name.endswith("jpg") else 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_files_become_8_bit(tmp_path, suffix):
    wide = Image.fromarray(np.asarray(gradient(), dtype=np.uint16) * 257)
    image = save(tmp_path, wide, f"a.{suffix}")
    np.testing.assert_array_equal(image[..., 0], np.asarray(gradient()))


def test_exif_orientation_is_followed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = save(tmp_path, gradient(), "a.png", exif=exif)
    np.testing.assert_array_equal(image[..., 0], np.rot90(np.asarray(gradient()), -1))


def test_first_frame_of_several(tmp_path):
    frames = [gradient(), Image.new("L", (64, 48), 255)]
    image = save(tmp_path, frames[0], "a.tif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(image[..., 0], np.asarray(gradient()))


def jpeg_bytes():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("contents", "cause"),
    [
        (b"", "empty file"),
        (b"hello", "not an image"),
        (jpeg_bytes()[:1500], "truncated"),
        (jpeg_bytes()[:60], "Truncated"),
    ],
)
def test_bad_file_is_named_with_its_index_and_cause(files, contents, cause):
    files[4].write_bytes(contents)
    with pytest.raises(ImageDecodeError, match=cause) as info:
        decoded(files)
    assert f"X[4]='{files[4]}'" in str(info.value)
    assert info.value.indices == (4,)


def test_missing_files_are_named_at_once_before_any_is_decoded(files):
    files[1].unlink()
    files[5].unlink()
    with pytest.raises(ImageDecodeError, match=r"2 images") as info:
        as_image_source(files)
    assert info.value.indices == (1, 5)
    assert str(files[1]) in str(info.value)


def test_folder_is_no_image(tmp_path):
    with pytest.raises(ImageDecodeError, match="is a folder"):
        decoded([tmp_path])


def test_missing_value_is_named(files):
    with pytest.raises(ImageDecodeError, match=r"X\[1\]: missing value"):
        decoded([files[0], None])


def test_decompression_bomb_is_refused(files, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ImageDecodeError, match="decompression bomb"):
        decoded(files)


def test_all_bad_images_of_a_batch_are_listed(files):
    for i in (1, 3):
        files[i].write_bytes(b"no image")
    with pytest.raises(ImageDecodeError) as info:
        list(decoded_batches(as_image_source(files), (8, 8), 4))
    assert info.value.indices == (1, 3)
    assert str(info.value).count("not an image") == 2


def test_error_says_what_is_wrong_with_each_image(files):
    files[1].write_bytes(b"no image")
    files[3].write_bytes(b"")
    with pytest.raises(ImageDecodeError) as info:
        list(decoded_batches(as_image_source(files), (8, 8), 4))
    not_an_image, empty = info.value.causes
    assert not_an_image == "not an image that Pillow can read."
    assert empty != not_an_image


def test_decode_error_survives_pickling(files):
    files[0].unlink()
    with pytest.raises(ImageDecodeError) as info:
        as_image_source(files)
    copy = pickle.loads(pickle.dumps(info.value))
    assert (str(copy), copy.indices) == (str(info.value), (0,))
    assert copy.causes == info.value.causes == ("no such file.",)


def test_failing_preprocess_names_the_image(files):
    def fail(image):
        raise KeyError("radius")

    with pytest.raises(ImageDecodeError, match=r"preprocess failed on X\[0\].*KeyError"):
        list(decoded_batches(as_image_source(files), (8, 8), 4, fail))


def test_preprocess_cannot_change_the_callers_images(pixels):
    def blacken(image):
        image[:] = 0
        return image

    before = pixels.copy()
    assert decode_all(as_image_source(pixels), (10, 12), 4, blacken).max() == 0
    np.testing.assert_array_equal(pixels, before)


def test_batches_come_in_order(files, pixels):
    batches = list(decoded_batches(as_image_source(files), (10, 12), 4))
    assert [len(batch) for batch in batches] == [4, 2]
    np.testing.assert_array_equal(np.concatenate(batches), pixels)


def test_digest_is_of_the_contents(files, pixels):
    by_path, by_array = as_image_source(files), as_image_source(pixels)
    assert by_path.digest(0) != by_path.digest(1)
    assert by_array.digest(2) == as_image_source(pixels[2:3]).digest(0)
    files[1].write_bytes(files[0].read_bytes())
    assert by_path.digest(0) == by_path.digest(1)


def test_part_of_a_source_keeps_the_callers_indices(files):
    part = as_image_source(files).take(np.array([3, 5]))
    assert part.describe(1) == f"X[5]='{files[5]}'"


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [(224, 224), (299, 299), (300, 100)])
def test_large_jpeg_is_read_at_reduced_scale_without_visible_loss(tmp_path, size, orientation):
    rng = np.random.default_rng(0)
    fundus = Image.fromarray(make_fundus_images(1, image_size=700, random_state=0).images[0])
    pixels = np.asarray(fundus.resize((2100, 1400))) + rng.normal(0, 3, (1400, 2100, 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "large.jpeg"
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    image.save(path, quality=90, exif=exif)
    source = as_image_source([path])
    reduced = source.decode(0, size)
    full = source.decode(0)
    assert max(reduced.shape) in (1050, 525)
    assert np.sign(np.diff(reduced.shape[:2])) == np.sign(np.diff(full.shape[:2]))
    difference = np.abs(resize(reduced, size).astype(float) - resize(full, size))
    assert difference.mean() < 0.4
    assert np.quantile(difference, 0.999) <= 2


def test_preprocess_sees_every_pixel_of_a_jpeg(tmp_path):
    Image.new("RGB", (900, 600)).save(tmp_path / "large.jpeg")
    shapes = []
    decode_all(
        as_image_source([tmp_path / "large.jpeg"]),
        (32, 32),
        1,
        lambda image: shapes.append(image.shape) or image,
    )
    assert shapes == [(600, 900, 3)]


@pytest.mark.parametrize("images", [np.uint8, np.float32, "both"])
def test_images_beyond_the_bound_are_in_a_file_and_the_same(monkeypatch, images):
    rng = np.random.default_rng(0)
    whole = list(rng.integers(0, 256, (7, 20, 20, 3)).astype(np.uint8))
    broken = list(rng.uniform(0, 255, (7, 20, 20, 3)).astype(np.float32))
    given = {np.uint8: whole, np.float32: broken, "both": whole + broken}[images]
    in_memory = decode_all(as_image_source(given), (16, 16), 3)
    monkeypatch.setattr(_batches, "MAX_IMAGE_BYTES", 1000)
    spilled = decode_all(as_image_source(given), (16, 16), 3)
    assert isinstance(spilled, _batches.SpilledImages)
    assert spilled.dtype == in_memory.dtype
    np.testing.assert_array_equal(spilled[:], in_memory)
    rows = np.array([5, 0, 5])
    np.testing.assert_array_equal(spilled[rows], in_memory[rows])
