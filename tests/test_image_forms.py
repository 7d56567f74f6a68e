"""Files in memory, open files and sequences that read when asked are taken; the rest is told."""

import collections
import copy
import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf
from imblearn.under_sampling import RandomUnderSampler
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from skdr import (
    ImageDecodeError,
    PretrainedFeatureExtractor,
    ScratchCNNClassifier,
    as_image_column,
    feature_cache_info,
)
from skdr.images import ImageForm, as_image_source, decode_all, image_forms
from skdr.model_selection import check_split, compare_strategies
from tests.with_keras import tiny_network

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 12, 3), dtype=np.uint8)
CHECKS = {"weights": None, "image_size": 16, "random_state": 0}


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


CONTENTS = [png(image) for image in PIXELS]


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for path, contents in zip(paths, CONTENTS, strict=True):
        path.write_bytes(contents)
    return paths


class Dataset:
    """Images behind len() and [i], as a data set of PyTorch; counts what it reads."""

    def __init__(self, images):
        self.images = images
        self.n_reads = 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        if not isinstance(i, int):  # as a column of Hugging Face demands
            raise TypeError(f"{type(i)} is no position")
        self.n_reads += 1
        return self.images[i]


class Tensor:
    """Numbers as a tensor of PyTorch holds them."""

    def __init__(self, array, device="cpu"):
        self.array, self.device = array, device
        self.shape, self.dtype = array.shape, f"torch.{array.dtype}"

    def __len__(self):
        return len(self.array)

    def __getitem__(self, i):
        return Tensor(self.array[i], self.device)

    def __array__(self, dtype=None, copy=None):
        if self.device != "cpu":
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()")
        return self.array


FORMS = {
    "contents": lambda files: CONTENTS,
    "bytearrays": lambda files: list(map(bytearray, CONTENTS)),
    "memoryviews of contents": lambda files: list(map(memoryview, CONTENTS)),
    "array of contents": lambda files: np.array(CONTENTS, dtype=object),
    "BytesIO": lambda files: list(map(io.BytesIO, CONTENTS)),
    "dicts with bytes": lambda files: [{"bytes": c, "path": "a.png"} for c in CONTENTS],
    "dicts with paths": lambda files: [{"bytes": None, "path": str(f)} for f in files],
    "frame of dicts": lambda files: pd.DataFrame(
        {"image": [{"bytes": c, "path": None} for c in CONTENTS]}
    ),
    "arrow of dicts": lambda files: pa.array([{"bytes": c, "path": None} for c in CONTENTS]),
    "arrow of contents": lambda files: pa.chunked_array([CONTENTS[:2], CONTENTS[2:]]),
    "arrow of paths": lambda files: pa.array(list(map(str, files))),
    "data set of arrays": lambda files: Dataset(PIXELS),
    "data set of PIL images": lambda files: Dataset([Image.fromarray(i) for i in PIXELS]),
    "data set of paths": lambda files: Dataset(files),
    "data set of tensors": lambda files: Dataset([Tensor(image) for image in PIXELS]),
    "deque": lambda files: collections.deque(files),
    "categories": lambda files: pd.Series(list(map(str, files)), dtype="category"),
    "memoryview": lambda files: memoryview(PIXELS),
    "tensor": lambda files: Tensor(PIXELS),
    "list of tensors": lambda files: [Tensor(image) for image in PIXELS],
    "tensor of TensorFlow": lambda files: tf.constant(PIXELS),
    "tuple of nested lists": lambda files: tuple(image.tolist() for image in PIXELS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_images_gives_the_same_pixels(form, files):
    np.testing.assert_array_equal(
        decode_all(as_image_source(FORMS[form](files)), (10, 12), 4), PIXELS
    )


@pytest.mark.parametrize("form", FORMS)
def test_image_column_holds_the_same_images(form, files):
    column = as_image_column(FORMS[form](files))
    assert column.shape == (6, 1)
    np.testing.assert_array_equal(decode_all(as_image_source(column), (10, 12), 4), PIXELS)


@pytest.mark.parametrize("form", FORMS)
def test_estimators_take_every_form(form, files):
    X = FORMS[form](files)
    classifier = ScratchCNNClassifier(tiny_network, image_size=16, epochs=1, random_state=0)
    expected = classifier.fit(PIXELS, [0, 1] * 3).predict_proba(PIXELS)
    probabilities = classifier.fit(X, [0, 1] * 3).predict_proba(X)
    assert probabilities.shape == expected.shape
    np.testing.assert_allclose(classifier.predict_proba(PIXELS), probabilities, atol=1e-6)


@pytest.mark.parametrize(
    "form", [f for f in FORMS if "contents" in f or "dicts" in f] + ["BytesIO"]
)
def test_the_same_file_in_any_form_has_the_same_digest(form, files):
    assert as_image_source(FORMS[form](files)).digests() == as_image_source(files).digests()


def test_file_in_memory_is_found_in_the_cache_of_the_file(files, tmp_path):
    extractor = PretrainedFeatureExtractor(tiny_network, cache=tmp_path / "cache", **CHECKS)
    extractor.fit_transform(files)
    n_misses = feature_cache_info(tmp_path / "cache").misses
    extractor.transform([io.BytesIO(contents) for contents in CONTENTS])
    assert feature_cache_info(tmp_path / "cache").misses == n_misses


@pytest.mark.parametrize("position", [0, 7, len(CONTENTS[0])])
def test_open_file_is_left_where_it_was(position, files):
    with files[0].open("rb") as file:
        file.seek(position)
        source = as_image_source([file])
        source.digests()
        np.testing.assert_array_equal(source.decode(0), PIXELS[0])
        assert file.tell() == position
        assert not file.closed


def test_open_file_that_stands_in_many_rows_is_read_by_one_thread_at_a_time():
    class File(io.BytesIO):
        def seek(self, *args):
            position = super().seek(*args)
            Image.fromarray(PIXELS[1]).resize((300, 300))  # lets other threads run
            return position

    file = File(CONTENTS[0])
    decoded = decode_all(as_image_source([file] * 40), (10, 12), 40)
    assert (decoded == PIXELS[0]).all()


def test_pil_image_that_stands_in_many_rows_is_loaded_by_one_thread_at_a_time(files):
    with Image.open(files[0]) as image:
        decoded = decode_all(as_image_source([image] * 40), (10, 12), 40)
    assert (decoded == PIXELS[0]).all()


def test_contents_of_the_caller_are_not_changed():
    X = [bytearray(CONTENTS[0]), {"bytes": CONTENTS[1], "path": None}]
    before = copy.deepcopy(X)
    as_image_source(X).digests()
    decode_all(as_image_source(X), (8, 8), 2)
    assert before == X


def test_home_folder_is_found(files, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(files[0].parent))
    for path in ("~/0.png", Path("~/0.png")):
        np.testing.assert_array_equal(as_image_source([path]).decode(0), PIXELS[0])
        assert as_image_source([path]).digests() == as_image_source([files[0]]).digests()


def test_lazy_sequence_is_not_read_before_it_is_needed():
    images = Dataset(PIXELS)
    as_image_column(images)
    as_image_source(images)
    assert images.n_reads <= 2  # the first image, to see of what kind it is


def test_lazy_images_are_not_held():
    class Counted(np.ndarray):
        alive = most = 0

        def __array_finalize__(self, other):
            Counted.alive += 1
            Counted.most = max(Counted.most, Counted.alive)

        def __del__(self):
            Counted.alive -= 1

    class Images(Dataset):
        def __getitem__(self, i):
            return super().__getitem__(i).copy().view(Counted)

    images = Images(np.zeros((200, 8, 8, 3), np.uint8))
    extractor = PretrainedFeatureExtractor(tiny_network, batch_size=4, cache=None, **CHECKS)
    extractor.fit_transform(images)
    assert Counted.most < 50


def test_lazy_sequence_is_read_by_one_thread_at_a_time():
    class Images(Dataset):
        inside = 0

        def __getitem__(self, i):
            self.inside += 1
            assert self.inside == 1
            Image.new("L", (300, 300)).resize((200, 200))  # lets other threads run
            self.inside -= 1
            return super().__getitem__(i)

    images = Images([np.zeros((8, 8), np.uint8)] * 40)
    assert len(decode_all(as_image_source(images), (8, 8), 40)) == 40


def test_lazy_column_can_be_sampled_split_and_pickled():
    images, y = Dataset(np.repeat(PIXELS, 4, axis=0)), np.array([0, 1, 1] * 8)
    column = as_image_column(images)
    sampled, labels = RandomUnderSampler(random_state=0).fit_resample(column, y)
    assert len(sampled) == len(labels) == 16
    pipeline = make_pipeline(
        PretrainedFeatureExtractor(tiny_network, **CHECKS), LogisticRegression()
    )
    assert len(cross_val_score(pipeline, column, y, cv=2)) == 2
    copied = pickle.loads(pickle.dumps(column))
    assert as_image_source(copied).digests() == as_image_source(column).digests()


def test_lazy_sequence_can_be_compared_and_checked():
    images, y = (
        Dataset(np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)),
        [0, 1] * 6,
    )
    pipeline = make_pipeline(
        PretrainedFeatureExtractor(tiny_network, **CHECKS), LogisticRegression()
    )
    comparison = compare_strategies(
        images, y, strategies={"probe": pipeline}, cv=2, scoring="accuracy", random_state=0
    )
    assert len(comparison.scores["accuracy"]["probe"]) == 2
    check_split(images, Dataset(PIXELS))


def test_image_that_a_sequence_cannot_read_is_named():
    class Images(Dataset):
        def __getitem__(self, i):
            return {0: PIXELS[0], 2: PIXELS[2]}[i]

    with pytest.raises(ImageDecodeError, match=r"X\[1\]: reading it raised KeyError: 1") as info:
        decode_all(as_image_source(Images(PIXELS[:3])), (8, 8), 2)
    assert info.value.indices == (1,)


def test_arrays_in_a_file_are_not_read_as_a_whole():
    class Stored(Tensor):
        def __array__(self, dtype=None, copy=None):
            assert self.array.ndim == 3, "all images are read at once"
            return self.array

        def __getitem__(self, i):
            return Stored(self.array[i])

    extractor = PretrainedFeatureExtractor(tiny_network, **CHECKS)
    expected = extractor.fit_transform(PIXELS)
    np.testing.assert_array_equal(extractor.fit_transform(Stored(PIXELS)), expected)


def test_tensor_on_another_device_says_what_to_do():
    with pytest.raises(ImageDecodeError, match=r"Tensor cannot be .*Use Tensor\.cpu\(\)"):
        as_image_source(Tensor(PIXELS, "cuda")).decode(0)


def test_channels_first_tensors_get_a_hint():
    with pytest.raises(ImageDecodeError, match="channels come last"):
        as_image_source(Tensor(np.moveaxis(PIXELS, -1, 1))).decode(0)


class Loader:
    """Batches behind iter(), as a DataLoader of PyTorch."""

    def __iter__(self):
        return iter([PIXELS])

    def __len__(self):
        return 1


class Endless:
    def __getitem__(self, i):
        return PIXELS[i]


class Table:
    """Columns of a data set of Hugging Face."""

    column_names = ["image", "label"]
    shape = (6, 2)

    def __len__(self):
        return 6

    def __getitem__(self, i):
        return {"image": PIXELS[i], "label": 0}


class Split(dict):
    """Parts of a data set of Hugging Face."""

    shape = {"train": (6, 2)}


class Stream:
    """A data set of Hugging Face that is read as it is downloaded."""

    column_names = ["image", "label"]

    def __iter__(self):
        return iter(PIXELS)


REFUSED = {
    "parts of a data set": (Split(train=Table()), r"Split has the keys \['train'\]"),
    "streamed data set": (Stream(), "Stream has no images at positions"),
    "pairs": (Dataset([(PIXELS[0], 0)]), r"Dataset does not .* \(ndarray, int\).*for image, _"),
    "dicts": (Dataset([{"image": 0}]), r"Dataset holds dicts .*\['image'\].*X\[key\]"),
    "table": (Table(), r"Table has the columns \['image', 'label'\].*X\[column\]"),
    "arrow table": (pa.table({"image": ["a"], "y": [1]}), r"pyarrow.*Table has the columns"),
    "lazy frame": (pl.LazyFrame({"image": ["a.png"]}), r"LazyFrame, not in memory.*X\.collect\(\)"),
    "tf.data": (tf.data.Dataset.from_tensor_slices(PIXELS), r"tensorflow.*Dataset.*X\.unbatch\(\)"),
    "loader": (Loader(), "Loader has no images at positions.*list of paths"),
    "no length": (Endless(), "Endless has no images at positions"),
    "generator": ((image for image in PIXELS), r"generator can be read once only; give list\(X\)"),
    "glob": (Path().glob("*.png"), r"can be read once only; give list\(X\)"),
    "map": (map(str, PIXELS), r"type map can be read once only"),
    "set": ({"a.png"}, r"set has no order .*sorted\(X\)"),
    "dict": ({"image": ["a.png"]}, r"dict has the keys \['image'\].*X\[key\]"),
    "None": (None, "NoneType has no images"),
    "number": (3, "int has no images"),
}  # fmt: skip


@pytest.mark.parametrize("take", [as_image_source, as_image_column])
@pytest.mark.parametrize(("X", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_row_of_images_is_told_by_its_type_with_a_way_out(take, X, match):
    with pytest.raises(TypeError, match=match):
        take(X)


@pytest.mark.parametrize("X", [[1, 2, 3], pd.Series([1.5, 2.5]), np.arange(3.0)])
def test_single_numbers_are_no_images(X):
    with pytest.raises(ValueError, match=r"single numbers|no images in an array of shape"):
        as_image_source(X)


@pytest.mark.parametrize("dtype", [object, str])
def test_paths_in_several_columns_are_told(dtype):
    with pytest.raises(ValueError, match=r"paths in several columns; give one: X\[:, 0\]"):
        as_image_source(np.array([["a.png", "b.png"]], dtype=dtype))


ITEMS = {
    "address": ("https://example.org/a.png", "is an address.*download it first"),
    "bucket": ("s3://bucket/a.png", r"is an address.*fsspec\.open"),
    "bucket as a Path": (Path("s3://bucket/a.png"), "is an address"),
    "file address": ("file:///a.png", "give the path alone, without file:"),
    "pattern": ("photos/*.png", r"no such file; instead of a pattern .*sorted\(glob"),
    "relative path": ("no/such.png", "no such file in "),
    "path as bytes": (__file__.encode(), r"contents of a file; give a path as text"),
    "text file": (Path(__file__), "not an image that Pillow can read"),
    "open text": (io.StringIO("a.png"), "opened as text; open it with mode 'rb'"),
    "pair": ((PIXELS[0], 1), r"a tuple of \(ndarray, int\) is no image"),
    "list of paths": (["a.png", "b.png"], r"a list of \(str\) is no image"),
    "empty list": ([], "is no image"),
    "dict": ({"image": PIXELS[0]}, r"a dict with the keys \['image'\] is no image"),
    "set": ({1, 2}, "set is no image"),
    "iterator": (iter([1]), "list_iterator is no image"),
    "number": (3, "int is no image"),
    "object": (object(), "object is no image"),
    "empty contents": (b"", "empty file"),
}


@pytest.mark.parametrize(("item", "match"), ITEMS.values(), ids=ITEMS)
def test_item_that_is_no_image_is_named_with_its_cause(item, match):
    with pytest.raises(ImageDecodeError, match=rf"(?s)X\[1\].*{match}") as info:
        as_image_source([CONTENTS[0], item], check_headers=True).decode(1)
    assert info.value.indices == (1,)


def test_bytes_do_not_show_which_files_exist(tmp_path):
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.touch()
    causes = []
    for path in (there, missing):
        for predicts in (False, True):
            with pytest.raises(ImageDecodeError) as info:
                as_image_source([str(path).encode()], check_headers=not predicts).decode(0)
            causes += info.value.causes
    assert len(causes) == 4
    assert len(set(causes)) == 1


@pytest.mark.parametrize("contents", [*CONTENTS[:1], b"P3 1 1 255 9 8 7"])
def test_small_files_are_not_taken_for_paths(contents):
    assert as_image_source([contents]).decode(0).shape[-1] == 3


def test_stream_that_can_be_read_once_is_refused():
    class Stream(io.RawIOBase):
        def readable(self):
            return True

    with pytest.raises(ImageDecodeError, match=r"can be read once only; give its contents"):
        as_image_source([Stream()]).decode(0)


BAD_ARRAYS = {
    "channels first": (np.zeros((2, 3, 64, 64), np.uint8), r"channels come last, see np\.moveaxis"),
    "two channels": (np.zeros((2, 20, 20, 2), np.uint8), r"shape \(20, 20, 2\) is not"),
    "complex": (np.zeros((2, 20, 20, 3), complex), "dtype complex128 are not numbers"),
    "no pixels": (np.zeros((2, 0, 20, 3)), "holds no pixels"),
}


@pytest.mark.parametrize(("images", "match"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_are_no_images_are_refused_undecoded(images, match):
    for X in (images, list(images)):
        with pytest.raises(ImageDecodeError, match=match) as info:
            as_image_source(X)
        assert info.value.indices == (0, 1)
        assert len(info.value.causes) == 2


def test_open_text_is_refused_undecoded(files):
    with pytest.raises(ImageDecodeError, match=r"X\[1\]: a file opened as text"):
        as_image_source([files[0], io.StringIO("a.png")])


def test_narrow_grey_images_are_told_how_to_be_given():
    match = r"If these are 227 grey images, 3 pixels wide, give X\[\.\.\., np\.newaxis\]"
    with pytest.raises(ValueError, match=match):
        as_image_source(np.zeros((227, 227, 3), np.uint8))


def test_long_text_is_shortened():
    with pytest.raises(ImageDecodeError) as info:
        as_image_source(["x" * 100_000])
    assert len(str(info.value)) < 1000


MISSING = {
    "None": None, "NaN": np.nan, "float32 NaN": np.float32("nan"), "pd.NA": pd.NA,
    "pd.NaT": pd.NaT, "NaT": np.datetime64("NaT"), "empty": "", "spaces": " ", "text": "nan",
    "text of pd.NA": "<NA>", "masked": np.ma.masked, "dict": {"bytes": None, "path": None},
}  # fmt: skip


@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
def test_missing_value_is_named(missing, files):
    with pytest.raises(ImageDecodeError, match=r"X\[1\].*: missing value\.$"):
        as_image_source([files[0], missing])


@pytest.mark.parametrize(
    "X",
    [
        pd.Series(["0.png", None, "nan"], dtype="string"),
        pd.DataFrame({"image": pd.array(["0.png", pd.NA, ""], dtype="string")}),
        pl.Series(["0.png", None, None]),
        pl.DataFrame({"image": ["0.png", None, "nan"]}),
        np.array([["0.png"], [None], [np.nan]], dtype=object),
        np.array(["0.png", np.nan, None], dtype=object),
        pa.array(["0.png", None, None]),
    ],
    ids=["Series", "frame", "polars Series", "polars frame", "column", "array", "arrow"],
)
def test_missing_values_of_every_library_are_named_together(X, files, monkeypatch):
    monkeypatch.chdir(files[0].parent)
    with pytest.raises(ImageDecodeError) as info:
        as_image_source(X)
    assert info.value.indices == (1, 2)
    assert info.value.causes == ("missing value.",) * 2


def test_missing_value_at_the_head_of_a_column_is_named(files):
    column = np.array([[np.nan], [str(files[0])]], dtype=object)
    with pytest.raises(ImageDecodeError, match=r"X\[0\]: missing value"):
        as_image_source(column)


def test_missing_value_in_a_lazy_sequence_is_named():
    with pytest.raises(ImageDecodeError, match=r"X\[1\]: missing value"):
        as_image_source(Dataset([PIXELS[0], None])).digests()


def test_file_that_is_called_nan_is_an_image(files, monkeypatch):
    monkeypatch.chdir(files[0].parent)
    files[0].rename("nan")
    assert len(as_image_source(["nan"])) == 1


def test_names_in_messages_are_plain_text():
    frame = pd.DataFrame({"a": ["x"], "b": ["y"]})
    with pytest.raises(ValueError, match="image_column='q' is not one of") as info:
        as_image_source(frame, image_column=np.str_("q"))
    assert "np.str_" not in str(info.value)
    with pytest.raises(ImageDecodeError, match=r"X\[0\]='/no\.png'"):
        as_image_source([np.str_("/no.png")])
    with pytest.raises(ValueError, match=r"image_shape=\(4, 4\) has 16 pixels"):
        as_image_source(np.zeros((2, 10)), image_shape=(np.int64(4), np.int64(4)))


class _Wrapper(ClassifierMixin, BaseEstimator):
    """Somebody else's, whose own parameter only sounds like that of skdr."""

    def __init__(self, inner=None, second_image_column=None):
        self.inner = inner
        self.second_image_column = second_image_column


def test_images_are_found_as_the_estimator_inside_a_search_says():
    extractor = PretrainedFeatureExtractor(image_column="path", image_shape=(9, 7))
    search = GridSearchCV(make_pipeline(extractor, LinearSVC()), {"linearsvc__C": [1, 2]})
    assert list(image_forms(search)) == [ImageForm((9, 7), "path", None)]


def test_outermost_estimator_says_first_how_images_are_found():
    inner = make_pipeline(PretrainedFeatureExtractor(image_column="inner"))
    outer = ScratchCNNClassifier(image_column="outer")
    forms = image_forms(Pipeline([("a", inner), ("classifier", outer)]))
    assert [form.image_column for form in forms] == ["outer", "inner"]


def test_parameter_of_another_estimator_that_ends_alike_says_nothing():
    wrapper = _Wrapper(PretrainedFeatureExtractor(image_column="own"), second_image_column="other")
    assert [form.image_column for form in image_forms(wrapper)] == ["own"]
