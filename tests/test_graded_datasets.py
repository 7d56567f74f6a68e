"""Loaders of published data sets, on files with exactly their names and headers.

The image files are empty: a loader that decoded one would fail.
"""

import sys

import numpy as np
import pytest

from skdr.datasets import (
    load_aptos,
    load_ddr,
    load_deepdrid,
    load_eyepacs,
    load_idrid,
    load_medmnist,
    load_messidor2,
)


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def write(path, *lines, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)


# EyePACS


@pytest.fixture
def eyepacs(tmp_path):
    touch(tmp_path / "test", "1_left.jpeg", "1_right.jpeg", "2_left.jpeg")
    write(
        tmp_path / "retinopathy_solution.csv",
        "image,level,Usage",
        "1_left,0,Private",
        "1_right,0,Public",
        "2_left,4,Private",
    )
    return tmp_path


def test_eyepacs_test_labels(eyepacs):
    data = load_eyepacs(eyepacs, labels="retinopathy_solution.csv")
    assert data.data[2] == str(eyepacs / "test" / "2_left.jpeg")
    assert data.target.tolist() == [0, 0, 4]
    assert data.groups.tolist() == ["1", "1", "2"]
    assert data.subset.tolist() == ["Private", "Public", "Private"]


def test_eyepacs_without_images_names_the_folders(eyepacs):
    write(eyepacs / "trainLabels.csv", "image,level", "1_left,0")
    with pytest.raises(FileNotFoundError, match="no folder 'images' or 'train'"):
        load_eyepacs(eyepacs)


def test_eyepacs_training_images_have_no_subset(eyepacs):
    write(eyepacs / "trainLabels.csv", "image,level", "1_left,0")
    assert load_eyepacs(eyepacs, images="test").subset is None


# APTOS


@pytest.fixture
def aptos(tmp_path):
    touch(tmp_path / "train_images", "000c1434d8d7.png", "0024cdab0c1e.png")
    write(tmp_path / "train.csv", "id_code,diagnosis", "000c1434d8d7,2", "0024cdab0c1e,1")
    return tmp_path


def test_aptos(aptos):
    data = load_aptos(aptos)
    assert data.data[0] == str(aptos / "train_images" / "000c1434d8d7.png")
    assert data.target.tolist() == [2, 1]
    assert data.target_names == ["none", "mild", "moderate", "severe", "proliferative"]


def test_aptos_knows_no_patients_and_says_so(aptos):
    data = load_aptos(aptos)
    assert data.groups is None
    assert "no\npatient ids" in data.DESCR


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("000c1434d8d7,5", "train.csv: grades that are not 0-4: 000c1434d8d7: '5'"),
        ("000c1434d8d7,", "grades that are not 0-4: 000c1434d8d7: ''"),
        ("0024cdab0c1e,0", "train.csv: names twice: 0024cdab0c1e"),
        ("ffff,0", "train.csv: images missing in .*train_images: ffff"),
        ("../train.csv,0", r"not plain file names: \.\./train\.csv"),
        ("/etc/passwd,0", "not plain file names: /etc/passwd"),
        (r"..\x,0", "not plain file names"),
    ],
)
def test_bad_rows_are_named(aptos, row, match):
    write(aptos / "train.csv", "id_code,diagnosis", "0024cdab0c1e,1", row)
    with pytest.raises(ValueError, match=match):
        load_aptos(aptos)


def test_long_lists_of_bad_rows_are_cut(aptos):
    rows = [f"lost{i:02d},0" for i in range(14)]
    write(aptos / "train.csv", "id_code,diagnosis", *rows)
    with pytest.raises(ValueError, match=r"lost09 and 4 more\.$"):
        load_aptos(aptos)


def test_two_files_of_one_name_are_refused(aptos):
    touch(aptos / "train_images", "000c1434d8d7.jpg")
    with pytest.raises(ValueError, match=r"several files .*7\.jpg, .*7\.png"):
        load_aptos(aptos)


def test_unlabelled_images_are_passed_over(aptos):
    touch(aptos / "train_images", "fff.png", "fff.jpg", "._000c1434d8d7.png")
    assert len(load_aptos(aptos).data) == 2


def test_missing_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.csv is missing"):
        load_aptos(tmp_path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_saved_by_a_spreadsheet(aptos, delimiter):
    lines = ["id_code,diagnosis,", "000c1434d8d7,2.0,", ",,", "0024cdab0c1e,1.0,"]
    lines = [line.replace(",", delimiter) for line in lines]
    write(aptos / "train.csv", *lines, encoding="utf-8-sig")
    assert load_aptos(aptos).target.tolist() == [2, 1]


def test_table_in_another_encoding_is_refused(aptos):
    write(aptos / "train.csv", "id_code,diagnosis", encoding="utf-16")
    with pytest.raises(ValueError, match=r"train\.csv is no text in UTF-8"):
        load_aptos(aptos)


def test_frame_holds_images_and_labels(aptos):
    data = load_aptos(aptos, as_frame=True)
    assert list(data.frame.columns) == ["image", "target"]
    assert list(data.data.columns) == ["image"]


def test_frame_without_pandas_names_the_extra(aptos, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skdr\[dataframes\]"):
        load_aptos(aptos, as_frame=True)


# IDRiD


@pytest.fixture
def idrid(tmp_path):
    grading = tmp_path / "B. Disease Grading"
    for images, labels, grades in [
        ("a. Training Set", "a. IDRiD_Disease Grading_Training Labels.csv", [3, 0]),
        ("b. Testing Set", "b. IDRiD_Disease Grading_Testing Labels.csv", [4]),
    ]:
        names = [f"IDRiD_{i:03d}" for i in range(1, len(grades) + 1)]
        touch(grading / "1. Original Images" / images, *(f"{name}.jpg" for name in names))
        write(
            grading / "2. Groundtruths" / labels,
            "Image name,Retinopathy grade,Risk of macular edema ,,,,,,,,,",
            *(f"{name},{grade},2,,,,,,,,," for name, grade in zip(names, grades, strict=True)),
            ",,,,,,,,,,,",
            "",
        )
    return tmp_path


def test_idrid(idrid):
    data = load_idrid(idrid)
    assert data.target.tolist() == [3, 0]
    assert data.groups is None
    assert "no patient ids" in data.DESCR


def test_idrid_from_the_inner_folder(idrid):
    assert load_idrid(idrid / "B. Disease Grading", subset="test").target.tolist() == [4]


def test_idrid_names_that_restart_are_two_images(idrid):
    data = load_idrid(idrid, subset="all")
    assert data.subset.tolist() == ["train", "train", "test"]
    assert [path.split("/")[-2:] for path in data.data[[0, 2]]] == [
        ["a. Training Set", "IDRiD_001.jpg"],
        ["b. Testing Set", "IDRiD_001.jpg"],
    ]


def test_header_that_ends_in_a_space(idrid):
    labels = "a. IDRiD_Disease Grading_Training Labels.csv"
    table = idrid / "B. Disease Grading" / "2. Groundtruths" / labels
    write(table, "Image name ,Retinopathy grade ,Risk of macular edema ", "IDRiD_001,1,0")
    assert load_idrid(idrid).target.tolist() == [1]


def test_several_subsets(idrid):
    assert load_idrid(idrid, subset=["test", "train"]).subset.tolist() == ["test", "train", "train"]


def test_unknown_subset_is_refused(idrid):
    with pytest.raises(ValueError, match=r"subset='val' is not known; .*'train', 'test', 'all'"):
        load_idrid(idrid, subset="val")


# Messidor-2


@pytest.fixture
def messidor2(tmp_path):
    touch(tmp_path / "IMAGES", "20051020_43808_0100_PP.png", "20051020_43832_0100_PP.png")
    touch(tmp_path / "IMAGES", "IM000012.JPG", "IM000013.JPG")
    write(
        tmp_path / "messidor_data.csv",
        "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable",
        "20051020_43808_0100_PP.png,0,0,1",
        "20051020_43832_0100_PP.tif,1,0,1",
        "IM000012.jpg,,,0",
        "IM000013.jpg,4,1,1",
    )
    write(
        tmp_path / "messidor-2.csv",
        "left;right ",
        "20051020_43832_0100_PP.png;20051020_43808_0100_PP.png",
        "IM000013.JPG;IM000012.JPG",
    )
    return tmp_path


def test_messidor2_files_may_have_another_ending(messidor2):
    data = load_messidor2(messidor2)
    assert [path.rsplit("_", 1)[-1].rsplit("/", 1)[-1] for path in data.data] == [
        "PP.png",
        "PP.png",
        "IM000013.JPG",
    ]
    assert data.target.tolist() == [0, 1, 4]


def test_messidor2_pairs_give_patients_and_eyes(messidor2):
    data = load_messidor2(messidor2)
    assert data.groups[0] == data.groups[1] != data.groups[2]
    assert data.eye.tolist() == ["right", "left", "left"]


def test_messidor2_counts_ungradable_images(messidor2):
    data = load_messidor2(messidor2)
    assert data.n_excluded == 1
    assert "3 images; 1 excluded." in data.DESCR


def test_messidor2_without_pairs_knows_no_patients_and_says_so(messidor2):
    (messidor2 / "messidor-2.csv").unlink()
    data = load_messidor2(messidor2)
    assert data.groups is None
    assert data.eye is None
    assert "not known whose eyes" in data.DESCR


def test_messidor2_gradable_image_without_a_grade(messidor2):
    header = "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable"
    write(messidor2 / "messidor_data.csv", header, "IM000012.jpg,,,1")
    with pytest.raises(ValueError, match=r"not 0-4: IM000012\.jpg: ''"):
        load_messidor2(messidor2)


def test_messidor2_image_without_a_pair(messidor2):
    write(messidor2 / "messidor-2.csv", "left;right ", "IM000013.JPG;IM000012.JPG")
    with pytest.raises(ValueError, match=r"missing in .*messidor-2\.csv: 20051020_43808"):
        load_messidor2(messidor2)


def test_messidor2_pairs_that_share_an_image_are_of_one_patient(messidor2):
    with (messidor2 / "messidor-2.csv").open("a") as file:
        file.write("IM000013.JPG;20051020_43808_0100_PP.png\n")
    with pytest.raises(ValueError, match="of two patients"):
        load_messidor2(messidor2)
    lines = ["left;right ", "IM000013.JPG;IM000012.JPG"]
    shared = ["IM000013.JPG;20051020_43808_0100_PP.png", "20051020_43832_0100_PP.png;IM000013.JPG"]
    write(messidor2 / "messidor-2.csv", *lines, *shared)
    assert len(set(load_messidor2(messidor2).groups)) == 1


# DDR


@pytest.fixture
def ddr(tmp_path):
    grading = tmp_path / "DR_grading"
    for part, lines in {
        "train": ["007-0004-000.jpg 0", "007-1789-100.jpg 5", "20170323093305605.jpg 4", ""],
        "valid": ["007-0004-001.jpg 5"],
        "test": ["007-0004-002.jpg 1"],
    }.items():
        write(grading / f"{part}.txt", *lines)
        touch(grading / part, *(line.split()[0] for line in lines if line))
    return tmp_path


def test_ddr_drops_ungradable_images_and_counts_them(ddr):
    data = load_ddr(ddr)
    assert data.target.tolist() == [0, 4]
    assert data.n_excluded == 1
    assert "2 images; 1 excluded." in data.DESCR


def test_ddr_all_subsets(ddr):
    data = load_ddr(ddr / "DR_grading", subset="all")
    assert data.subset.tolist() == ["train", "train", "test"]
    assert data.n_excluded == 2


def test_ddr_knows_no_patients_and_says_so(ddr):
    data = load_ddr(ddr)
    assert data.groups is None
    assert "no patient ids" in data.DESCR


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("007-0004-000.jpg", r"not a name and a grade: 007-0004-000\.jpg"),
        ("007-0004-000.jpg 6", r"not 0-4: 007-0004-000\.jpg: '6'"),
        ("007-0004-009.jpg 0", r"images missing in .*train: 007-0004-009\.jpg"),
    ],
)
def test_ddr_bad_lines_are_named(ddr, line, match):
    write(ddr / "DR_grading" / "train.txt", line)
    with pytest.raises(ValueError, match=match):
        load_ddr(ddr)


# DeepDRiD


DEEPDRID_HEADER = (
    "patient_id,image_id,image_path,Overall quality,left_eye_DR_Level,"
    "right_eye_DR_Level,patient_DR_Level,Clarity,Field definition,Artifact"
)


@pytest.fixture
def deepdrid(tmp_path):
    for part, rows in {
        "regular-fundus-training": [
            r"3,3_l1,\regular-fundus-training\3\3_l1.jpg,0,1,,1,6,8,6",
            r"3,3_l2,\regular-fundus-training\3\3_l2.jpg,0,1,,1,8,8,4",
            r"3,3_r1,\regular-fundus-training\3\3_r1.jpg,0,,0,1,10,8,0",
            r"56,56_r3,\regular-fundus-training\56\56_r3.jpg,0,1,,1,10,8,1",
        ],
        "regular-fundus-validation": [
            r"265,265_r1,\regular-fundus-validation\265\265_r1.jpg,1,,4,4,6,8,6"
        ],
    }.items():
        folder = tmp_path / "regular_fundus_images" / part
        write(folder / f"{part}.csv", DEEPDRID_HEADER, *rows)
        for row in rows:
            patient, image = row.split(",")[:2]
            touch(folder / "Images" / patient, f"{image}.jpg")
    return tmp_path


def test_deepdrid_grade_is_that_of_the_eye(deepdrid):
    data = load_deepdrid(deepdrid)
    assert data.target.tolist() == [1, 1, 0]
    assert data.eye.tolist() == ["left", "left", "right"]
    assert data.groups.tolist() == ["3", "3", "3"]


def test_deepdrid_rows_that_contradict_themselves_are_counted(deepdrid):
    assert load_deepdrid(deepdrid).n_excluded == 1


def test_deepdrid_all_subsets(deepdrid):
    data = load_deepdrid(deepdrid / "regular_fundus_images", subset="all")
    assert data.target.tolist() == [1, 1, 0, 4]
    assert data.subset[-1] == "validation"
    assert data.data[-1].endswith("regular-fundus-validation/Images/265/265_r1.jpg")


def test_deepdrid_name_without_an_eye(deepdrid):
    folder = deepdrid / "regular_fundus_images" / "regular-fundus-training"
    write(folder / "regular-fundus-training.csv", DEEPDRID_HEADER, "3,3_x1,,0,1,,1,6,8,6")
    with pytest.raises(ValueError, match="do not end in _l or _r and a number: 3_x1"):
        load_deepdrid(deepdrid)


# MedMNIST


@pytest.fixture
def retinamnist(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in {"train": 6, "val": 2, "test": 3}.items():
        arrays[f"{part}_images"] = rng.integers(0, 256, (n, 28, 28, 3)).astype(np.uint8)
        arrays[f"{part}_labels"] = rng.integers(0, 5, (n, 1)).astype(np.uint8)
    np.savez(tmp_path / "retinamnist.npz", **arrays)
    return tmp_path / "retinamnist.npz", arrays


def test_medmnist(retinamnist):
    path, arrays = retinamnist
    data = load_medmnist(path, subset="val")
    np.testing.assert_array_equal(data.data, arrays["val_images"])
    assert data.target.tolist() == arrays["val_labels"].ravel().tolist()
    assert data.target_names[4] == "proliferative"


def test_medmnist_all_subsets(retinamnist):
    X, y = load_medmnist(retinamnist[0], subset="all", return_X_y=True)
    assert X.shape == (11, 28, 28, 3)
    assert y.shape == (11,)


def test_medmnist_knows_no_patients_and_says_so(retinamnist):
    data = load_medmnist(retinamnist[0])
    assert data.groups is None
    assert "no patient ids" in data.DESCR


def test_medmnist_as_frame_has_an_array_a_row(retinamnist):
    X = load_medmnist(retinamnist[0], return_X_y=True, as_frame=True)[0]
    assert X["image"][3].shape == (28, 28, 3)


@pytest.mark.parametrize(
    ("images", "labels", "match"),
    [
        ((3, 28, 28), (3, 14), r"train_labels of shape \(3, 14\) are not one label"),
        ((3, 28, 28, 28), (3, 1), r"shape \(3, 28, 28, 28\) are no 2-D images"),
        ((3, 28, 28), (2, 1), "not one label for each of 3 images"),
    ],
)
def test_medmnist_of_other_shapes_is_refused(tmp_path, images, labels, match):
    arrays = {"train_images": np.zeros(images, np.uint8), "train_labels": np.zeros(labels)}
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(ValueError, match=match):
        load_medmnist(tmp_path / "other.npz")


def test_other_files_are_no_medmnist(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    np.save(tmp_path / "y.npy", np.zeros(3))
    write(tmp_path / "z.npz", "no archive")
    for name in ("x.npz", "y.npy", "z.npz"):
        with pytest.raises(ValueError, match=f"{name} is no file of MedMNIST"):
            load_medmnist(tmp_path / name)


def test_missing_medmnist_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"retinamnist\.npz is missing; download it"):
        load_medmnist(tmp_path / "retinamnist.npz")
