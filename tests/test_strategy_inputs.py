"""What comparison and advice take: images in every form, labels, patients, strategies, folds."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdr import as_image_column
from skdr.metrics import grade_recalls_scorer, grading_scorer, quadratic_weighted_kappa_scorer
from skdr.model_selection import compare_strategies, make_strategies, recommend_strategy
from skdr.model_selection._sampling import RowSampler
from skdr.model_selection.comparison._folds import make_splits
from tests.with_keras import tiny_network

N = 18
LABELS = np.arange(N) % 3
WORDS = np.array(["q", "r", "s"])[LABELS]
# The labels of a table that was sorted or filtered.
INDEX = np.random.default_rng(1).permutation(N) + 100


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 120, size=(N, 10, 10, 3))
    images[np.arange(N), :, :, LABELS] += 100
    return images.astype(np.uint8)


@pytest.fixture(scope="module")
def paths(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    paths = [str(folder / f"{i}.png") for i in range(N)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return paths


def as_pil(images):
    return [Image.fromarray(image) for image in images]


def as_objects(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


FORMS = {
    "array of RGB": lambda images, paths: images,
    "array of RGBA": lambda images, paths: np.concatenate([images, images[..., :1]], axis=-1),
    "array of floats": lambda images, paths: (images / 255).astype(np.float32),
    "flat rows": lambda images, paths: images.reshape(N, -1),
    "flat rows, list": lambda images, paths: images.reshape(N, -1).tolist(),
    "flat rows, pandas": lambda images, paths: pd.DataFrame(images.reshape(N, -1), index=INDEX),
    "flat rows, polars": lambda images, paths: pl.DataFrame(images.reshape(N, -1)),
    "nested list": lambda images, paths: images.tolist(),
    "list of arrays": lambda images, paths: list(images),
    "object array of arrays": lambda images, paths: as_objects(list(images)),
    "column of arrays": lambda images, paths: as_image_column(images),
    "list of paths": lambda images, paths: paths,
    "tuple of paths": lambda images, paths: tuple(paths),
    "list of Path": lambda images, paths: [Path(path) for path in paths],
    "array of paths": lambda images, paths: np.array(paths),
    "object array of Path": lambda images, paths: as_objects([Path(path) for path in paths]),
    "column of paths": lambda images, paths: np.array(paths).reshape(-1, 1),
    "list of PIL images": lambda images, paths: as_pil(images),
    "column of PIL images": lambda images, paths: as_image_column(as_pil(images)),
    "Series of paths": lambda images, paths: pd.Series(paths, index=INDEX),
    "Series of arrays": lambda images, paths: pd.Series(list(images), index=INDEX),
    "Series of PIL images": lambda images, paths: pd.Series(as_pil(images), index=INDEX),
    "Series, polars": lambda images, paths: pl.Series("path", paths),
    "frame of one column": lambda images, paths: pd.DataFrame({"path": paths}, index=INDEX),
    "frame of one column, polars": lambda images, paths: pl.DataFrame({"path": paths}),
    "frame of PIL images": lambda images, paths: pd.DataFrame({"path": as_pil(images)}),
    "frame and more": lambda images, paths: pd.DataFrame(
        {"age": LABELS, "path": paths}, index=INDEX
    ),
    "frame and more, polars": lambda images, paths: pl.DataFrame({"age": LABELS, "path": paths}),
}


def strategies(form=""):
    settings = {"image_column": "path"} if "and more" in form else {}
    settings |= {"value_range": (0, 1)} if form == "array of floats" else {}
    settings |= {"image_shape": (10, 10, 3)} if "flat" in form else {}
    return make_strategies(tiny_network, image_size=8, random_state=0, **settings)


def compared(X, form="", **settings):
    defaults = {
        "strategies": {"svm": strategies(form)["frozen_svm"].set_params(svm__C=1.0)},
        "cv": 2,
        "scoring": "accuracy",
        "random_state": 0,
    }
    return compare_strategies(X, **{"y": LABELS, **defaults, **settings})


def advised(X, form="", **settings):
    defaults = {"strategies": strategies(form), "cv": 2, "random_state": 0}
    return recommend_strategy(X, **{"y": LABELS, **defaults, **settings})


def learned(found, name, X):
    """Fit a strategy that was compared on X as the user has it, and say what it predicts there."""
    return found.strategies[name].fit(X, LABELS).predict(X)


@pytest.fixture(scope="module")
def on_arrays(images):
    """Return what is found on the plain array, which is to be found on every form."""
    found = {}
    for sampler in (None, RandomUnderSampler(random_state=0)):
        comparison, advice = (call(images, sampler=sampler) for call in (compared, advised))
        found[sampler is None] = (
            comparison.predictions("svm"),
            learned(comparison, "svm", images),
            advice.evidence.pretrained["all"],
            learned(advice, "frozen_svm", images),
        )
    return found


@pytest.mark.parametrize("sampler", [None, RandomUnderSampler(random_state=0)])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_images_is_compared(form, sampler, images, paths, on_arrays):
    X, expected = FORMS[form](images, paths), on_arrays[sampler is None]
    found = compared(X, form, sampler=sampler)
    np.testing.assert_array_equal(found.predictions("svm"), expected[0])
    np.testing.assert_array_equal(learned(found, "svm", X), expected[1])


@pytest.mark.parametrize("sampler", [None, RandomUnderSampler(random_state=0)])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_images_is_advised_on(form, sampler, images, paths, on_arrays):
    X, expected = FORMS[form](images, paths), on_arrays[sampler is None]
    found = advised(X, form, sampler=sampler)
    np.testing.assert_allclose(found.evidence.pretrained["all"], expected[2])
    np.testing.assert_array_equal(learned(found, "frozen_svm", X), expected[3])


def test_grey_images_are_compared(images):
    assert len(compared(images[..., 0]).predictions("svm")) == N


def test_page_shows_mistakes_on_floats(images, tmp_path):
    """Their values are read as the strategies read them."""
    y = np.random.default_rng(0).permutation(LABELS)
    found = compared((images / 255).astype(np.float32), "array of floats", y=y)
    found.to_html(tmp_path / "page.html")
    assert "got most wrong" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_sampler_that_makes_up_rows_is_refused_on_a_frame_of_images(paths):
    class MakesUp(RandomUnderSampler):
        @property
        def sample_indices_(self):
            raise AttributeError

        @sample_indices_.setter
        def sample_indices_(self, value):
            pass

    frame = pl.DataFrame({"age": LABELS, "path": paths})
    with pytest.raises(TypeError, match="MakesUp makes up rows, which images cannot be"):
        RowSampler(MakesUp()).fit_resample(frame, LABELS)


def test_sampler_that_makes_up_rows_works_on_numbers(images):
    y = np.where(np.arange(N) < 6, 0, 1)
    sampler = SMOTE(k_neighbors=2, random_state=0)
    found = compared(images.reshape(N, -1), "flat", y=y, sampler=sampler)
    assert len(found.predictions("svm")) == N


LABEL_FORMS = {
    "list": WORDS.tolist(),
    "list of NumPy's strings": list(WORDS),
    "Series": pd.Series(WORDS, index=INDEX),
    "string Series": pd.Series(WORDS, index=INDEX).astype("string"),
    "categories": pd.Series(WORDS, index=INDEX).astype("category"),
    "polars Series": pl.Series(WORDS.tolist()),
    "objects": WORDS.astype(object),
    "column": WORDS.reshape(-1, 1),
    "frame": pd.DataFrame({"label": WORDS}, index=INDEX),
}
CONSTANT = {"a": DummyClassifier()}


@pytest.mark.parametrize("form", LABEL_FORMS)
def test_every_form_of_labels_is_taken(form, images):
    found = compared(images, y=LABEL_FORMS[form], strategies=CONSTANT)
    assert found.y.tolist() == WORDS.tolist()


@pytest.mark.parametrize("labels", [LABELS, pd.Series(LABELS).astype("Int64"), list(LABELS)])
def test_numbers_stay_numbers(labels, images):
    assert compared(images, y=labels, strategies=CONSTANT).y.dtype.kind == "i"


PATIENTS = np.repeat(np.arange(N // 2), 2)


@pytest.mark.parametrize(
    "groups",
    [
        PATIENTS.tolist(),
        pd.Series(PATIENTS, index=INDEX),
        pl.Series(PATIENTS),
        [f"p{i}" for i in PATIENTS],
        pl.Series([f"p{i}" for i in PATIENTS]),
    ],
    ids=["list", "Series", "polars", "strings", "polars strings"],
)
def test_every_form_of_patients_is_taken(groups, images):
    found = compared(images, groups=groups, strategies=CONSTANT)
    assert all(not set(PATIENTS[a]) & set(PATIENTS[b]) for a, b in found.splits)


WITHOUT = {
    "None in a list": [None, *WORDS[1:].tolist()],
    "NaN in a list": [float("nan"), *WORDS[1:].tolist()],
    "NaN in an array of text": np.array([np.nan, *WORDS[1:].tolist()]),
    "None in objects": np.array([None, *WORDS[1:]], dtype=object),
    "missing string": pd.Series([pd.NA, *WORDS[1:]], dtype="string"),
    "missing number": pd.Series([None, *LABELS[1:]], dtype="Int64"),
    "NaN among numbers": np.r_[np.nan, LABELS[1:]],
    "null of polars": pl.Series([None, *WORDS[1:].tolist()]),
}


@pytest.mark.parametrize("call", [compared, advised])
@pytest.mark.parametrize("form", WITHOUT)
def test_missing_labels_are_named(form, call, images):
    match = r"y has no label \(None or NaN\) at positions 0; leave these images out"
    with pytest.raises(ValueError, match=match):
        call(images, y=WITHOUT[form])


@pytest.mark.parametrize("call", [compared, advised])
@pytest.mark.parametrize("form", WITHOUT)
def test_missing_patients_are_named(form, call, images):
    with pytest.raises(ValueError, match="groups holds no patient at positions 0; give each"):
        call(images, groups=WITHOUT[form])


@pytest.mark.parametrize("call", [compared, advised])
@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.linspace(0, 1, N), r"y holds 0\.05\d+: continuous numbers are no class labels"),
        ([1, *WORDS[1:].tolist()], "y mixes strings such as 'r' with int such as 1"),
        (["q"] * N, "y has one class, 'q'; give images of at least two classes"),
        (LABELS[:-1], "Lengths differ: X has 18, y has 17"),
        (np.eye(3)[LABELS], "y should be a 1d array"),
        (None, "y is None"),
        ([b"q", b"r"] * (N // 2), "Convert the labels to a string or integer"),
    ],
    ids=["floats", "mixed", "one class", "too few", "2-D", "none", "bytes"],
)
def test_labels_of_no_classes_are_told(call, labels, match, images):
    with pytest.raises((ValueError, TypeError), match=match):
        call(images, y=labels)


@pytest.mark.parametrize("call", [compared, advised])
@pytest.mark.parametrize(
    ("strategies", "match"),
    [
        ({1: DummyClassifier()}, "1 as a name; names must be strings, as '1' is"),
        ({"a": DummyClassifier}, r"\['a'\] is the class DummyClassifier; give an instance"),
        ([DummyClassifier()], "strategies is a list; give a mapping of names to estimators"),
        (DummyClassifier(), "strategies is a DummyClassifier; give a mapping"),
        ({"a": make_pipeline(StandardScaler())}, r"\['a'\] is a Pipeline without predict"),
        ({"a": "svm"}, r"\['a'\] is a str without fit; give a classifier"),
    ],
    ids=["name", "class", "list", "estimator", "transformer", "text"],
)
def test_what_is_no_strategy_is_told(call, strategies, match, images):
    with pytest.raises(TypeError, match=match):
        call(images, strategies=strategies)


def test_advice_needs_strategies_of_its_kinds(images):
    with pytest.raises(TypeError, match="must be a Pipeline that begins with a PretrainedFeature"):
        advised(images, strategies={**strategies(), "frozen_svm": DummyClassifier()})


@pytest.mark.parametrize("call", [compared, advised])
@pytest.mark.parametrize(
    ("sampler", "match"),
    [
        (RandomUnderSampler, "sampler is the class RandomUnderSampler; give an instance"),
        (StandardScaler(), "sampler is a StandardScaler, which has no fit_resample"),
    ],
    ids=["class", "scaler"],
)
def test_what_is_no_sampler_is_told(call, sampler, match, images):
    with pytest.raises(TypeError, match=match):
        call(images, sampler=sampler)


RARE = np.where(np.arange(N) < 4, "rare", np.array(["q", "r"])[np.arange(N) % 2])


@pytest.mark.parametrize("call", [compared, advised])
@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"y": RARE, "cv": 5}, "cv=5 makes more folds than class 'rare' has images, 4. Set cv=4"),
        ({"groups": LABELS, "cv": 5}, "cv=5 makes more folds than groups has patients, 3"),
        ({"cv": 1}, "cv=1 leaves nothing to train on; set cv=2"),
        ({"cv": []}, "cv= holds no splits"),
        ({"cv": [np.arange(9)]}, "pairs of training and test rows, but holds a ndarray"),
        ({"cv": [(np.arange(9), np.arange(9, 20))]}, r"tests on X\[19\], and X has 18 rows"),
        ({"cv": [(np.arange(9), [])]}, r"tests on \[\]; each side of a split must be"),
    ],
    ids=["rare", "patients", "one", "none", "no pair", "outside", "empty"],
)
def test_folds_that_cannot_be_are_told(call, settings, match, images):
    with pytest.raises(ValueError, match=match):
        call(images, **settings)


def test_none_is_five_folds_by_patient():
    splits = make_splits(None, np.arange(60) % 3, np.arange(60) // 2, 0)
    assert len(splits) == 5
    assert all(not set(train // 2) & set(test // 2) for train, test in splits)


def test_masks_are_rows():
    mask = np.arange(N) < 9
    ((train, test),) = make_splits([(mask, ~mask)], LABELS, None, 0)
    assert (train.tolist(), test.tolist()) == (list(range(9)), list(range(9, N)))


@pytest.mark.parametrize(
    ("scoring", "error", "match"),
    [
        ("acuracy", ValueError, "is no metric of scikit-learn. Did you mean 'accuracy'"),
        (accuracy_score, TypeError, "must be the name of a metric, a list of names, or a mapping"),
        ([quadratic_weighted_kappa_scorer], TypeError, "a mapping of names to scorers"),
        ({"all": grading_scorer}, ValueError, "returns several scores"),
        ({"recalls": grade_recalls_scorer}, ValueError, "returns several scores"),
    ],
    ids=["misspelt", "function", "list of scorers", "many", "recalls"],
)
def test_what_is_no_metric_is_told_before_any_fit(scoring, error, match, images, monkeypatch):
    monkeypatch.setattr(DummyClassifier, "fit", lambda *args: pytest.fail("fits"))
    with pytest.raises(error, match=match):
        compared(images, strategies=CONSTANT, scoring=scoring)


@pytest.mark.parametrize(
    ("max_images", "match"),
    [
        (0, "max_images=0 must be a whole number from 1, or None"),
        (7, r"max_images=7 of 18 would draw fewer than 4 images of class 0; set max_images=18"),
    ],
)
def test_images_to_draw_must_be_enough(max_images, match, images):
    with pytest.raises(ValueError, match=match):
        advised(images, max_images=max_images)
