"""Balanced splits by patient, and the check for leakage."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score

from skdr import as_image_column
from skdr.datasets import load_eyepacs
from skdr.exceptions import LeakageWarning
from skdr.model_selection import BalancedGroupSplit, balanced_train_test_split, check_split


@pytest.fixture
def eyes():
    """200 patients with two eyes, grades as skewed and as alike as real ones."""
    rng = np.random.default_rng(0)
    left = rng.choice(5, 200, p=[0.4, 0.15, 0.25, 0.1, 0.1])
    right = np.clip(left + rng.choice([-1, 0, 1], 200, p=[0.2, 0.6, 0.2]), 0, 4)
    grades = np.stack([left, right], axis=1).ravel()
    patients = np.repeat([f"p{i}" for i in range(200)], 2)
    return np.arange(400).reshape(-1, 1), grades, patients


def split(eyes, n_train, n_test, seed=0):
    X, y, patients = eyes
    splitter = BalancedGroupSplit(
        1, train_per_class=n_train, test_per_class=n_test, random_state=seed
    )
    return next(splitter.split(X, y, patients))


def test_sides_hold_equally_many_images_of_each_class(eyes):
    train, test = split(eyes, 15, 5)
    assert np.bincount(eyes[1][train]).tolist() == [15] * 5
    assert np.bincount(eyes[1][test]).tolist() == [5] * 5


def test_no_image_is_drawn_twice(eyes):
    drawn = np.concatenate(split(eyes, 15, 5))
    assert len(set(drawn)) == len(drawn)


def test_no_patient_is_on_both_sides(eyes):
    for seed in range(20):
        train, test = split(eyes, 15, 10, seed)
        assert not set(eyes[2][train]) & set(eyes[2][test])


def test_images_come_in_random_order(eyes):
    train, _ = split(eyes, 15, 5)
    assert (np.diff(eyes[1][train]) < 0).any()


def test_splits_are_reproducible_and_differ(eyes):
    first, again, other = (split(eyes, 15, 5, seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again
    assert sorted(first) != sorted(other)


def test_the_only_split_is_found():
    """Class 1 has 3 images; patient b has two of them, so the test image is a's."""
    y = [0, 1, 1, 1, 0, 0, 0, 0]
    patients = ["a", "a", "b", "b", "c", "d", "e", "f"]
    for seed in range(20):
        splitter = BalancedGroupSplit(1, train_per_class=2, test_per_class=1, random_state=seed)
        _, test = next(splitter.split(y, y, patients))
        assert 1 in test


def test_all_images_of_a_class_are_used_where_needed(eyes):
    """The rarest class, halved: the two sides need every image of it."""
    n = np.bincount(eyes[1]).min()
    train, test = split(eyes, n - n // 2, n // 2)
    assert len(train) + len(test) == 5 * n


def test_test_patients_are_like_training_patients():
    """Of patients with a fellow eye of grade 1, the same share is drawn on both sides."""
    y = np.tile([0, 0, 0, 1], 500)
    patients = np.repeat(np.arange(1000), 2)
    has_sick_fellow = np.repeat(y.reshape(-1, 2).any(axis=1), 2)
    splitter = BalancedGroupSplit(20, train_per_class=250, test_per_class=200, random_state=0)
    shares = [
        [has_sick_fellow[side][y[side] == 0].mean() for side in sides]
        for sides in splitter.split(y, y, patients)
    ]
    # A third of the images of grade 0 have such a fellow.
    np.testing.assert_allclose(np.mean(shares, axis=0), [1 / 3, 1 / 3], atol=0.03)


def test_without_groups_each_image_is_a_patient():
    y = np.repeat(["daisy", "rose"], 10)
    train, test = next(
        BalancedGroupSplit(1, train_per_class=7, test_per_class=3, random_state=0).split(y, y)
    )
    assert sorted([*train, *test]) == list(range(20))


def test_too_few_images_of_a_class_are_named(eyes):
    n = int(np.bincount(eyes[1])[4])
    with pytest.raises(ValueError, match=rf"of class 4, \d+ to train and \d+ to test \({n} images"):
        split(eyes, n, 10)


def test_too_few_patients_of_a_class_are_named():
    y, patients = [0, 0, 1, 1, 0, 0], ["a", "b", "c", "c", "d", "e"]
    splitter = BalancedGroupSplit(1, train_per_class=1, test_per_class=1)
    with pytest.raises(ValueError, match=r"[01] to test \(2 images of 1 patient"):
        next(splitter.split(y, y, patients))


@pytest.mark.parametrize("missing", [None, np.nan])
def test_images_without_a_patient_are_refused(missing):
    splitter = BalancedGroupSplit(1, train_per_class=1, test_per_class=1)
    with pytest.raises(ValueError, match="groups holds no patient at positions 1, 3"):
        next(splitter.split([0] * 4, [0, 0, 1, 1], ["a", missing, "c", missing]))


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_sizes_are_whole_numbers(size):
    with pytest.raises((ValueError, TypeError), match="train_per_class"):
        next(BalancedGroupSplit(train_per_class=size).split([0, 1], [0, 1]))


def test_works_as_cv(eyes):
    X, y, patients = eyes
    cv = BalancedGroupSplit(3, train_per_class=15, test_per_class=5, random_state=0)
    scores = cross_val_score(DummyClassifier(), X, y, groups=patients, cv=cv)
    assert scores.tolist() == [0.2, 0.2, 0.2]
    assert cv.get_n_splits() == 3


def test_takes_part_in_metadata_routing(eyes):
    X, y, patients = eyes
    cv = BalancedGroupSplit(2, train_per_class=15, test_per_class=5, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(DummyClassifier(), {"strategy": ["prior"]}, cv=cv)
        search.fit(X, y, groups=patients)
    assert search.n_splits_ == 2


def test_repr_shows_the_parameters():
    text = repr(BalancedGroupSplit(2, test_per_class=7))
    assert text.startswith("BalancedGroupSplit(n_splits=2,")
    assert "test_per_class=7" in text


SIZES = {"train_per_class": 15, "test_per_class": 5, "random_state": 0}


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows,
        lambda rows: rows.ravel().tolist(),
        lambda rows: pd.DataFrame({"image": rows.ravel()}, index=rows.ravel()[::-1]),
        lambda rows: np.zeros((400, 2, 2, 3)) + rows[:, :, np.newaxis, np.newaxis],
        lambda rows: as_image_column(np.zeros((400, 8, 8)) + rows[:, :, np.newaxis]),
    ],
    ids=["column", "list", "frame", "images", "objects"],
)
def test_images_in_any_form(eyes, form):
    rows, y, patients = eyes
    expected = balanced_train_test_split(rows, y, groups=patients, **SIZES)[1].ravel()
    X = form(rows)
    X_test = balanced_train_test_split(X, y, groups=patients, **SIZES)[1]
    assert type(X_test) is type(X)
    found = np.asarray(X_test).reshape(25, -1)[:, 0]
    assert [int(np.ravel(image)[0]) for image in found] == expected.tolist()


def test_labels_stay_beside_their_images(eyes):
    X, y, patients = eyes
    X_train, X_test, y_train, y_test = balanced_train_test_split(X, y, groups=patients, **SIZES)
    assert (y_train == y[X_train.ravel()]).all()
    assert (y_test == y[X_test.ravel()]).all()


def test_further_arrays_are_split_alike(eyes):
    X, y, patients = eyes
    X_train, *_, groups_train, _ = balanced_train_test_split(
        X, y, patients, groups=patients, **SIZES
    )
    assert (groups_train == patients[X_train.ravel()]).all()


def test_lengths_must_agree(eyes):
    X, y, patients = eyes
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        balanced_train_test_split(X, y, groups=patients[:-1], **SIZES)


@pytest.mark.shared
@pytest.mark.parametrize(("n_train", "n_test"), [(40, 20), (61, 20), (41, 40)])
def test_real_photographs(shared, n_train, n_test):
    data = load_eyepacs(shared / "data" / "eyepacs256")
    _, _, y_train, y_test, groups_train, groups_test = balanced_train_test_split(
        data.data,
        data.target,
        data.groups,
        train_per_class=n_train,
        test_per_class=n_test,
        groups=data.groups,
        random_state=0,
    )
    assert np.bincount(y_train).tolist() == [n_train] * 5
    assert np.bincount(y_test).tolist() == [n_test] * 5
    assert not set(groups_train) & set(groups_test)


@pytest.mark.shared
def test_founding_protocol_needs_more_photographs(shared):
    data = load_eyepacs(shared / "data" / "eyepacs256")
    with pytest.raises(ValueError, match=r"class 3, .*\(102 images.* class 4, .*\(81 images"):
        balanced_train_test_split(data.data, data.target, groups=data.groups)


# check_split


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)


def leaks(*args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_split(*args, **kwargs)
    assert all(issubclass(w.category, LeakageWarning) for w in caught)
    return [str(w.message) for w in caught]


def test_clean_split_is_silent(images):
    assert not leaks(images[:3], images[3:], groups_train=[1, 1, 2], groups_test=[3, 4, 5])


def test_patient_on_both_sides(images):
    (message,) = leaks(
        images[:3], images[3:], groups_train=["a", "b", "c"], groups_test=["c", "c", "d"]
    )
    assert message.startswith(
        "1 patient is on both sides of the split, with 2 of 3 test images: c."
    )


def test_image_on_both_sides(images):
    (message,) = leaks(images[:4], images[2:])
    assert message == (
        "2 of 4 test images are training images too: "
        "X_test[0] is X_train[2], X_test[1] is X_train[3]."
    )


def test_copied_file_is_found_by_content(tmp_path, images):
    for name, image in zip("abc", images[[0, 1, 1]], strict=True):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    a, b, c = (str(tmp_path / f"{name}.png") for name in "abc")
    (message,) = leaks([a, b], [c])
    assert (
        message
        == f"1 of 1 test images is a training image too: X_test[0]={c!r} is X_train[1]={b!r}."
    )


def test_both_leaks_are_told(images):
    assert len(leaks(images[:3], images[:3], groups_train=[1, 2, 3], groups_test=[1, 2, 3])) == 2


def test_long_lists_are_cut(images):
    (message,) = leaks(images, images)
    assert message.endswith("X_test[4] is X_train[4] and 1 more.")


def test_warning_points_at_the_caller(images):
    with pytest.warns(LeakageWarning) as caught:
        check_split(images, images)
    assert caught[0].filename == __file__


def test_frame_with_an_image_column(tmp_path, images):
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    frame = pd.DataFrame({"image": [str(tmp_path / "a.png")], "patient": ["p"]})
    assert len(leaks(frame, frame, image_column="image")) == 1


def test_groups_of_one_side_only_are_refused(images):
    with pytest.raises(ValueError, match="both groups_train and groups_test"):
        check_split(images, images, groups_train=range(6))


def test_groups_of_another_length_are_refused(images):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_split(images[:3], images[3:], groups_train=[1], groups_test=[2, 2, 2])
