"""Damaged and absurd image files: each is decoded, or is one error that names it and why."""

import contextlib
import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageCms

from skdr import ImageDecodeError, PretrainedFeatureExtractor
from skdr.images import as_image_source, decode_all
from tests.with_keras import tiny_network

FORMATS = ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"]


def encoded(image_format, size=(40, 30), **kwargs):
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, image_format, **kwargs)
    return buffer.getvalue()


def read(path):
    """Decode a file as the estimators do."""
    return decode_all(as_image_source([path]), (16, 16), 1)


def is_decoded_or_named(path):
    """Whether a file is decoded; if not, the error must name it and a cause."""
    message = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what it found odd
        try:
            pixels = read(path)
        except ImageDecodeError as error:
            message = str(error)
    if message is not None:
        assert f"X[0]='{path}': " in message
        assert len(message.split("': ", 1)[1]) > 5
        return False
    assert pixels.shape == (1, 16, 16, 3)
    assert np.isfinite(pixels).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 255
    return True


@pytest.mark.parametrize("image_format", FORMATS)
def test_truncated_file_is_never_half_an_image(image_format, tmp_path):
    contents, path = encoded(image_format), tmp_path / "image"
    path.write_bytes(contents)
    whole = read(path)
    for n_bytes in np.unique(np.linspace(0, len(contents) - 1, 60).astype(int)):
        path.write_bytes(contents[:n_bytes])
        if is_decoded_or_named(path):  # what is missing was no pixel
            np.testing.assert_array_equal(read(path), whole)


@pytest.mark.parametrize("image_format", FORMATS)
def test_flipped_bits_are_decoded_or_named(image_format, tmp_path):
    contents, path = encoded(image_format), tmp_path / "image"
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(contents)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        is_decoded_or_named(path)


@pytest.mark.parametrize("image_format", FORMATS)
def test_wrong_extension_does_not_matter(image_format, tmp_path):
    wrong, right = tmp_path / "image.jpg", tmp_path / f"image.{image_format.lower()}"
    for path in (wrong, right):
        path.write_bytes(encoded(image_format))
    np.testing.assert_array_equal(read(wrong), read(right))


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_absurd_proportions_are_resized(size, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(encoded("PNG", size))
    assert is_decoded_or_named(path)


def test_header_of_a_huge_image_is_refused_without_the_memory(tmp_path):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    path = tmp_path / "image.png"
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    with pytest.raises(ImageDecodeError, match="decompression bomb"):
        read(path)


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "TIFF", "WEBP"])
def test_animation_is_its_first_frame(image_format, tmp_path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("white", "black")]
    path = tmp_path / "image"
    frames[0].save(path, image_format, save_all=True, append_images=frames[1:], lossless=True)
    assert read(path).min() > 250


def test_colour_profile_is_no_obstacle(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, profiled = tmp_path / "plain.png", tmp_path / "profiled.png"
    plain.write_bytes(encoded("PNG"))
    profiled.write_bytes(encoded("PNG", icc_profile=profile))
    np.testing.assert_array_equal(read(profiled), read(plain))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF"])
def test_damaged_colour_profile_is_no_obstacle(image_format, tmp_path):
    path = tmp_path / "image"
    path.write_bytes(encoded(image_format, icc_profile=b"no profile at all"))
    assert is_decoded_or_named(path)


@pytest.mark.parametrize(
    ("pixels", "cause"),
    [
        (np.full((8, 8, 3), np.nan), "NaN or infinity"),
        (np.full((8, 8, 3), np.inf), "NaN or infinity"),
        (np.full((8, 8, 3), -1), "outside the default"),
        (np.full((8, 8, 3), 256), "outside the default"),
        (np.zeros((8, 8, 2)), "shape"),
        (np.zeros((0, 8, 3)), "no pixels"),
        (np.array([["a", "b"], ["c", "d"]]), "not numbers"),
        (np.zeros((8, 8), dtype=complex), "not numbers"),
    ],
)
def test_impossible_pixels_among_good_ones_are_named(pixels, cause):
    good = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(ImageDecodeError, match=cause) as info:
        decode_all(as_image_source([good, pixels, good]), (8, 8), 3)
    assert info.value.indices == (1,)


def test_images_of_mixed_channels_and_types_stand_side_by_side():
    grey = np.full((8, 8), 100, dtype=np.uint8)
    forms = [
        grey,
        grey[..., np.newaxis].astype(np.float64),
        np.dstack([grey] * 3).astype(np.int32),
        np.dstack([grey] * 4),
        Image.fromarray(grey),
    ]
    decoded = decode_all(as_image_source(forms), (8, 8), 2)
    assert (decoded == 100).all()


@pytest.fixture(scope="module")
def extractor():
    return PretrainedFeatureExtractor(tiny_network, weights=None, image_size=16, random_state=0)


def test_equal_images_have_finite_equal_features(extractor):
    features = extractor.fit_transform(np.full((3, 12, 12, 3), 7, dtype=np.uint8))
    assert np.isfinite(features).all()
    assert (features == features[0]).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda a, folder: np.asfortranarray(a),
        lambda a, folder: np.repeat(a, 2, axis=0)[::2],
        lambda a, folder: a[::-1][::-1],
        lambda a, folder: np.concatenate([a, a], axis=2)[:, :, :12],
        lambda a, folder: a.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1),
        lambda a, folder: np.frombuffer(a.tobytes(), np.uint8).reshape(a.shape),
        lambda a, folder: memory_mapped(a, folder),
        lambda a, folder: a.astype(">u2"),
    ],
    ids=["Fortran", "strided", "reversed", "cut", "moved", "read-only", "memory-mapped", "swapped"],
)
def test_arrays_of_any_layout_have_the_same_features(extractor, view, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), dtype=np.uint8)
    expected = extractor.fit_transform(images)
    np.testing.assert_array_equal(extractor.transform(view(images, tmp_path)), expected)


def memory_mapped(array, folder):
    np.save(folder / "images.npy", array)
    return np.load(folder / "images.npy", mmap_mode="r")


def iptc(contents):
    """Return an IPTC file that holds another one."""

    def record(tag, value):
        return bytes([0x1C, *tag]) + len(value).to_bytes(2, "big") + value

    described = {
        (3, 60): b"\x01\x00",
        (3, 20): b"\x00\x28",
        (3, 30): b"\x00\x28",
        (3, 120): b"\x05",
    }
    fields = b"".join(record(tag, value) for tag, value in described.items())
    return fields + record((8, 10), contents)


@pytest.fixture
def ghostscript_runs(tmp_path, monkeypatch):
    """Return the file that a program called gs writes when it is started."""
    log, program = tmp_path / "runs", tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho ran >> {log}\necho 10.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # look for it again
    return log


STARTERS = {"EPS": encoded("EPS"), "IPTC": iptc(encoded("EPS"))}


@pytest.mark.parametrize("image_format", STARTERS)
def test_pillow_would_start_ghostscript(image_format, ghostscript_runs):
    with contextlib.suppress(OSError), Image.open(io.BytesIO(STARTERS[image_format])) as image:
        image.load()
    assert ghostscript_runs.exists()


@pytest.mark.parametrize("form", ["path", "bytes", "open file"])
@pytest.mark.parametrize("image_format", STARTERS)
def test_file_that_would_start_a_program_is_refused(image_format, form, ghostscript_runs, tmp_path):
    contents, path = STARTERS[image_format], tmp_path / "image.jpg"
    path.write_bytes(contents)
    item = {"path": path, "bytes": contents, "open file": io.BytesIO(contents)}[form]
    for check_headers in (True, False):
        with pytest.raises(ImageDecodeError, match=rf"an {image_format} file, .*Ghostscript"):
            as_image_source([item], check_headers=check_headers).decode(0)
    assert not ghostscript_runs.exists()
