"""Images of more than 8 bits: black and white are what is declared, or what the type can hold."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from skdr import ImageDecodeError, PretrainedFeatureExtractor, ScratchCNNClassifier
from skdr.images import as_image_source, decode_all
from skdr.preprocessing import RetinaCrop
from tests.with_keras import tiny_network

GREY = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
TWELVE_BITS = np.rint(GREY * (4095 / 255)).astype(np.uint16)


def tiff(pixels):
    """Return the contents of a TIFF file of floats, 32-bit or 16-bit integers."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF")
    return buffer.getvalue()


def png(pixels):
    """Return the contents of a 16-bit PNG file, grey or in colours."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, *channels = pixels.shape
    colour = {(): 0, (2,): 4, (3,): 2, (4,): 6}[tuple(channels)]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def twelve_bit_tiff(pixels):
    """Return the contents of a TIFF file whose header says that it has 12 bits."""
    height, width = pixels.shape
    first, second = pixels.reshape(-1, 2).T
    packed = np.stack([first >> 4, ((first & 15) << 4) | (second >> 8), second & 255], axis=-1)
    data = packed.astype(np.uint8).tobytes()
    tags = [(256, width), (257, height), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1),
            (278, height), (279, len(data))]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    header = b"II*\0" + struct.pack("<I", 8 + len(data))
    return header + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def decoded(item, value_range=None):
    image = as_image_source([item], value_range=value_range).decode(0)
    assert image.dtype == np.uint8
    return image[..., 0]


# Each form, and the range that it is in.
FORMS = {
    "mode L": (Image.fromarray(GREY), None),
    "mode I, 0..255": (Image.fromarray(GREY).convert("I"), (0, 255)),
    "mode F, 0..255": (Image.fromarray(GREY).convert("F"), None),
    "mode I;16": (Image.fromarray(GREY.astype(np.uint16) * 257), None),
    "mode I;16B": (Image.fromarray(GREY.astype(">u2") * 257), None),
    "16 bits in PNG": (png(GREY.astype(np.uint16) * 257), None),
    "16 bits in TIFF": (tiff(GREY.astype(np.uint16) * 257), None),
    "12 bits in PNG": (png(TWELVE_BITS), (0, 4095)),
    "12 bits in TIFF": (tiff(TWELVE_BITS), (0, 4095)),
    "12 bits in TIFF that says so": (twelve_bit_tiff(TWELVE_BITS), None),
    "8 bits in 16": (png(GREY.astype(np.uint16)), (0, 255)),
    "32-bit integers": (tiff(GREY.astype(np.int32) * 1000), (0, 255_000)),
    "Hounsfield units": (tiff(GREY.astype(np.int32) - 100), (-100, 155)),
    "floats in 0..1": (tiff(GREY.astype(np.float32) / 255), (0, 1)),
    "floats in 0..255": (tiff(GREY.astype(np.float32)), None),
    "floats in 0..65535": (tiff(GREY.astype(np.float32) * 257), (0, 65535)),
    "8 bits, whatever is declared": (Image.fromarray(GREY), (0, 4095)),
}


@pytest.mark.parametrize(("item", "value_range"), FORMS.values(), ids=FORMS)
def test_every_form_of_the_same_grey_looks_the_same(item, value_range):
    np.testing.assert_array_equal(decoded(item, value_range), GREY)


@pytest.mark.parametrize("value_range", [(0, 4095), (0, 65535)])
def test_features_of_files_are_kept_apart_by_value_range(value_range, tmp_path):
    (tmp_path / "a.png").write_bytes(png(TWELVE_BITS))
    settings = {"weights": None, "image_size": 16, "random_state": 0, "cache": tmp_path / "cache"}
    extractor = PretrainedFeatureExtractor(tiny_network, **settings)
    X = [tmp_path / "a.png"]
    for other in [(0, 4095), (0, 65535), (0, 8191)]:
        if other != value_range:
            extractor.set_params(value_range=other).fit_transform(X)
    cached = extractor.set_params(value_range=value_range).fit_transform(X)
    np.testing.assert_array_equal(cached, extractor.set_params(cache=None).fit_transform(X))


def test_fractions_in_files_are_refused_as_in_arrays(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(GREY.astype(np.float32) / 255))
    with pytest.raises(ImageDecodeError, match=r"a\.tif': .*set value_range=\(0, 1\)"):
        as_image_source([path]).decode(0)


@pytest.mark.parametrize(
    ("pixels", "value_range", "match"),
    [
        (TWELVE_BITS, (0, 255), r"\[0, 4047\], outside the declared .*such as \(0, 4095\)"),
        (GREY.astype(np.int32) - 1, None, r"\[-1, 251\], outside the default .*\(0, 65535\)"),
        (GREY.astype(np.int32) * 1000, None, r"outside the default .*such as \(0, 262143\)"),
        (GREY.astype(np.float32) * 10, None, r"outside the default value_range=\(0, 255\)"),
        (np.full((4, 4), np.nan, np.float32), None, "NaN or infinity"),
    ],
)
def test_file_outside_the_range_is_named(pixels, value_range, match, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(pixels))
    with pytest.raises(ImageDecodeError, match=rf"a\.tif': pixels .*{match}"):
        as_image_source([path], value_range=value_range).decode(0)


@pytest.mark.parametrize("value_range", [255, (0,), (5, 5), (1, 0), (0, np.inf), "ab", (None, 1)])
def test_range_that_is_none_is_refused(value_range):
    with pytest.raises(ValueError, match=r"value_range=.* must be \(low, high\)"):
        as_image_source([GREY], value_range=value_range)


def warnings_of(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if "bit" in str(w.message)]


DARK = [png(TWELVE_BITS), png(TWELVE_BITS // 2), png(TWELVE_BITS // 3)]
BOTH = {
    "extractor": PretrainedFeatureExtractor(tiny_network, weights=None, image_size=16, cache=None),
    "classifier": ScratchCNNClassifier(tiny_network, epochs=1, image_size=16),
    "preprocessor": RetinaCrop(radius=8),
}


@pytest.mark.parametrize("method", ["fit", "predict"])
@pytest.mark.parametrize("estimator", BOTH.values(), ids=BOTH)
def test_unused_bits_are_told_once_a_call(estimator, method):
    X, y = [*DARK, *DARK], [0, 1, 1] * 2
    bright = [png(GREY.astype(np.uint16) * 257), png(GREY.astype(np.uint16) * 128)]
    if method == "predict":
        estimator.fit(bright, [0, 1])
        call = estimator.predict if hasattr(estimator, "predict") else estimator.transform
        told = warnings_of(lambda: call(X))
    else:
        fit = estimator.fit if hasattr(estimator, "predict") else estimator.fit_transform
        told = warnings_of(lambda: fit(X, y))
    assert len(told) == 1
    assert "no number above 4095" in told[0]
    assert "Set value_range=(0, 4095)" in told[0]


def test_warning_points_at_the_users_line():
    extractor = PretrainedFeatureExtractor(tiny_network, weights=None, image_size=16, cache=None)
    with pytest.warns(UserWarning, match="The 16-bit grey images") as caught:
        extractor.fit_transform(DARK)
    assert caught[0].filename == __file__


def test_dark_image_among_bright_ones_is_not_told():
    X = [*DARK, png(GREY.astype(np.uint16) * 257)]
    assert not warnings_of(lambda: decode_all(as_image_source(X), (8, 8), 2))


def test_declared_range_is_not_told():
    source = as_image_source(DARK, value_range=(0, 65535))
    assert not warnings_of(lambda: decode_all(source, (8, 8), 2))


@pytest.mark.parametrize("n_channels", [2, 3, 4])
def test_colours_of_16_bits_keep_the_upper_8(n_channels):
    channels = [GREY.astype(np.uint16) * 257] * n_channels
    np.testing.assert_array_equal(decoded(png(np.dstack(channels))), GREY)


def test_colours_that_use_few_of_16_bits_are_told():
    contents = png(np.dstack([TWELVE_BITS] * 3))
    told = warnings_of(lambda: decode_all(as_image_source([contents]), (8, 8), 1))
    assert len(told) == 1
    assert "another package" in told[0]
    assert "value_range=(0, 4095)" in told[0]


def test_range_that_16_bit_colours_cannot_show_is_refused():
    contents = png(np.dstack([TWELVE_BITS] * 3))
    with pytest.raises(ImageDecodeError, match=r"too few for value_range=\(0, 4095\)"):
        as_image_source([contents], value_range=(0, 4095)).decode(0)
