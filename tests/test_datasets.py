"""Data sets: what is generated and what is read."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skdr.datasets import load_eyepacs, load_image_folder, make_fundus_images


@pytest.fixture(scope="module")
def fundus():
    return make_fundus_images(80, image_size=64, random_state=0)


def test_fundus_images_are_images(fundus):
    assert fundus.images.shape == (80, 64, 64, 3)
    assert fundus.images.dtype == np.uint8
    corners = fundus.images[:, :3, :3].mean(axis=(1, 2, 3))
    centres = fundus.images[:, 28:36, 28:36].mean(axis=(1, 2, 3))
    assert (centres > corners + 30).all()


def test_fundus_images_are_reproducible(fundus):
    again = make_fundus_images(80, image_size=64, random_state=0)
    np.testing.assert_array_equal(again.images, fundus.images)
    other = make_fundus_images(80, image_size=64, random_state=1)
    assert not np.array_equal(other.target, fundus.target)


def test_fundus_grades_follow_their_shares():
    grades = make_fundus_images(
        120, image_size=16, grade_shares=(0, 1, 0, 1, 0), random_state=0, return_X_y=True
    )[1]
    assert np.isin(grades, [0, 1, 2, 3, 4]).all()
    assert np.bincount(grades, minlength=5)[[1, 3]].sum() > 60


def test_two_eyes_a_patient_have_near_grades(fundus):
    left, right = fundus.target[::2], fundus.target[1::2]
    assert (fundus.groups[::2] == fundus.groups[1::2]).all()
    assert set(fundus.eye[::2]) == {"left"}
    assert np.abs(left - right).max() == 1
    assert np.mean(left == right) > 0.5


def test_fundus_images_are_called_synthetic(fundus):
    assert all(group.startswith("synthetic") for group in fundus.groups)
    assert "Synthetic" in fundus.DESCR


def test_lesions_darken_or_lighten_the_retina():
    """Severe retinas vary more, at the scale of lesions, than healthy ones."""

    def variation(grade):
        shares = np.eye(5)[grade] + 1e-9
        data = make_fundus_images(40, image_size=96, grade_shares=shares, random_state=3)
        images = data.images[data.target == grade].astype(float)[:, 20:-20, 20:-20, 1]
        return np.median([np.abs(np.diff(image, axis=0)).mean() for image in images])

    assert variation(3) > variation(0)


@pytest.fixture
def folder(tmp_path):
    for name in ("tulip", "daisy"):
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (8, 8)).save(tmp_path / name / f"{i}.JPG", "JPEG")
        Image.new("RGB", (8, 8)).save(tmp_path / name / "deep" / "x.png")
        (tmp_path / name / "notes.txt").write_text("no image")
        (tmp_path / name / ".hidden.png").write_text("no image")
    return tmp_path


def test_image_folder(folder):
    data = load_image_folder(folder)
    assert data.target_names == ["daisy", "tulip"]
    assert data.target.tolist() == ["daisy"] * 4 + ["tulip"] * 4
    assert data.groups is None
    assert data.data[0] == str(folder / "daisy" / "0.JPG")


def test_image_folder_in_a_given_order(folder):
    assert load_image_folder(folder, class_names=["tulip"]).target_names == ["tulip"]
    with pytest.raises(ValueError, match=r"class_names=\['rose'\] are no folders"):
        load_image_folder(folder, class_names=["rose"])


def test_image_folder_as_frame(folder):
    X, y = load_image_folder(folder, return_X_y=True, as_frame=True)
    assert list(X.columns) == ["image"]
    assert isinstance(y, pd.Series)


def test_folder_without_classes(tmp_path):
    with pytest.raises(ValueError, match="holds no sub-folders"):
        load_image_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"class folders \['empty'\]"):
        load_image_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        load_image_folder(tmp_path / "lost")


@pytest.fixture
def eyepacs(tmp_path):
    (tmp_path / "images").mkdir()
    names = ["10_left", "10_right", "7_left"]
    for name in names:
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / f"{name}.jpeg")
    write_labels(tmp_path, zip(names, [0, 4, 2], strict=True))
    return tmp_path


def write_labels(folder, rows):
    lines = ["image,level", *(f"{name},{level}" for name, level in rows)]
    (folder / "trainLabels.csv").write_text("\n".join(lines) + "\n\n")


def test_eyepacs(eyepacs):
    data = load_eyepacs(eyepacs)
    assert data.target.tolist() == [0, 4, 2]
    assert data.groups.tolist() == ["10", "10", "7"]
    assert data.eye.tolist() == ["left", "right", "left"]
    frame = load_eyepacs(eyepacs, as_frame=True).data
    assert list(frame.columns) == ["image", "patient", "eye"]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([("10_left", 5)], "grades that are not 0-4: 10_left: '5'"),
        ([("10_left", "")], "grades that are not 0-4"),
        ([("10_left", 0), ("10_left", 1)], "names twice: 10_left"),
        ([("10", 0)], "names that are not <patient>_left or <patient>_right: 10"),
        ([("../10_left", 0)], "names that are not"),
        ([("11_left", 0)], "images missing in .*: 11_left"),
        ([], "has no rows"),
    ],
)
def test_bad_labels_are_named(eyepacs, rows, match):
    write_labels(eyepacs, rows)
    with pytest.raises(ValueError, match=match):
        load_eyepacs(eyepacs)


def test_labels_without_the_column(eyepacs):
    (eyepacs / "trainLabels.csv").write_text("image,grade\n10_left,0\n")
    with pytest.raises(ValueError, match=r"\['level'\] are missing"):
        load_eyepacs(eyepacs)


@pytest.mark.shared
def test_real_eyepacs(shared):
    data = load_eyepacs(shared / "data" / "eyepacs256")
    assert np.bincount(data.target).tolist() == [842, 277, 634, 102, 81]
    assert len(set(data.groups)) == 968
