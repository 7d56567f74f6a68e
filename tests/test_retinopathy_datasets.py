"""Layouts of shared data sets, with their very headers and names, and every trap in them."""

import numpy as np
import pytest
from PIL import Image

from skdr.datasets import (
    load_aptos,
    load_ddr,
    load_deepdrid,
    load_eyepacs,
    load_idrid,
    load_medmnist,
    load_messidor2,
)


def write_images(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / name)


def write_lines(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")


@pytest.fixture
def eyepacs(tmp_path):
    write_lines(tmp_path / "trainLabels.csv", "image,level", "10_left,0", "10_right,2")
    write_images(tmp_path / "train", "10_left.jpeg", "10_right.jpeg")
    rows = ["1_left,0,Private", "1_right,4,Public"]
    write_lines(tmp_path / "retinopathy_solution.csv", "image,level,Usage", *rows)
    write_images(tmp_path / "test", "1_left.jpeg", "1_right.jpeg")
    return tmp_path


def test_eyepacs_training_and_test_images(eyepacs):
    assert load_eyepacs(eyepacs).groups.tolist() == ["10", "10"]
    test = load_eyepacs(eyepacs, labels="retinopathy_solution.csv")
    assert test.data[0] == str(eyepacs / "test" / "1_left.jpeg")
    assert test.target.tolist() == [0, 4]
    assert test.usage.tolist() == ["Private", "Public"]


@pytest.fixture
def aptos(tmp_path):
    rows = ["000c1434d8d7,2", "001639a390f0,4"]
    write_lines(tmp_path / "train.csv", "id_code,diagnosis", *rows)
    write_images(tmp_path / "train_images", "000c1434d8d7.png", "001639a390f0.png")
    return tmp_path


def test_aptos(aptos):
    data = load_aptos(aptos)
    assert data.target.tolist() == [2, 4]
    assert data.groups is None
    assert "not known" in data.DESCR
    X, y = load_aptos(aptos, return_X_y=True, as_frame=True)
    assert list(X.columns) == ["image"]
    assert y.tolist() == [2, 4]


@pytest.fixture
def idrid(tmp_path):
    root = tmp_path / "B. Disease Grading"
    for letter, part, grade in (("a", "Training", 3), ("b", "Testing", 0)):
        write_lines(
            root / "2. Groundtruths" / f"{letter}. IDRiD_Disease Grading_{part} Labels.csv",
            "Image name,Retinopathy grade,Risk of macular edema ,,,,,",
            f"IDRiD_001,{grade},2,,,,,",
            "IDRiD_002,4,1,,,,,",
            ",,,,,,,",
        )
        images = root / "1. Original Images" / f"{letter}. {part} Set"
        write_images(images, "IDRiD_001.jpg", "IDRiD_002.jpg")
    return tmp_path


def test_idrid_with_blank_rows_and_columns_and_a_header_that_ends_in_a_space(idrid):
    data = load_idrid(idrid)
    assert data.target.tolist() == [3, 4]
    assert data.macular_edema.tolist() == ["2", "1"]
    assert data.groups is None


def test_idrid_ids_that_begin_anew(idrid):
    data = load_idrid(idrid / "B. Disease Grading", subset="all")
    assert data.target.tolist() == [3, 4, 0, 4]
    assert data.subset.tolist() == ["train", "train", "test", "test"]
    assert len(set(data.data)) == 4


@pytest.fixture
def messidor2(tmp_path):
    write_lines(
        tmp_path / "messidor_data.csv",
        "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable",
        "20051020_43808_0100_PP.png,0,0,1",
        "IM000004.jpg,2.0,0,1",
        "IM000005.jpg,,,0",
        "20051020_43832_0100_PP.png,1,1,1",
    )
    names = ["20051020_43808_0100_PP.png", "IM000004.JPG", "IM000005.JPG"]
    write_images(tmp_path / "IMAGES", *names, "20051020_43832_0100_PP.tif")
    return tmp_path


def test_messidor2_extensions_of_another_kind_and_case(messidor2):
    data = load_messidor2(messidor2)
    names = [path.rsplit("/", 1)[1] for path in data.data]
    assert names == ["20051020_43808_0100_PP.png", "IM000004.JPG", "20051020_43832_0100_PP.tif"]
    assert data.target.tolist() == [0, 2, 1]


def test_messidor2_leaves_ungradable_images_out_and_counts_them(messidor2):
    data = load_messidor2(messidor2)
    assert data.n_ungradable == 1
    assert "1 images that are not gradable" in data.DESCR


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_messidor2_patients_are_its_pairs(messidor2, delimiter):
    assert load_messidor2(messidor2).groups is None
    write_lines(
        messidor2 / "messidor-2.csv",
        delimiter.join(["left", "right"]),
        delimiter.join(["20051020_43808_0100_PP.png", "20051020_43832_0100_PP.png"]),
        delimiter.join(["IM000004.JPG", "IM000005.JPG"]),
    )
    data = load_messidor2(messidor2)
    assert data.groups[0] == data.groups[2] != data.groups[1]
    assert data.eye.tolist() == ["left", "left", "right"]


def test_messidor2_image_in_no_pair(messidor2):
    write_lines(messidor2 / "messidor-2.csv", "left,right", "a.png,b.png")
    with pytest.raises(ValueError, match=r"in no pair of messidor-2.csv: 20051020_43808"):
        load_messidor2(messidor2)


@pytest.fixture
def ddr(tmp_path):
    root = tmp_path / "DR_grading"
    for i, part in enumerate(("train", "valid", "test")):
        names = [f"007-000{i}-000.jpg", f"007-000{i}-100.jpg", f"007-000{i}-200.jpg"]
        write_lines(root / f"{part}.txt", f"{names[0]} 0", f"{names[1]} 5", f"{names[2]} {i}")
        write_images(root / part, *names)
    return tmp_path


def test_ddr_leaves_grade_5_out_and_counts_it(ddr):
    data = load_ddr(ddr, subset="valid")
    assert data.target.tolist() == [0, 1]
    assert data.n_ungradable == 1


def test_ddr_of_all_parts(ddr):
    data = load_ddr(ddr / "DR_grading", subset="all")
    assert data.target.tolist() == [0, 0, 0, 1, 0, 2]
    assert data.subset.tolist() == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2
    assert data.n_ungradable == 3
    assert data.groups is None


@pytest.fixture
def deepdrid(tmp_path):
    header = (
        "patient_id,image_id,image_path,Overall quality,left_eye_DR_Level,right_eye_DR_Level,"
        "patient_DR_Level,Clarity,Field definition,Artifact"
    )
    rows = [
        r"1,1_l1,\regular-fundus-training\1\1_l1.jpg,1,0,,1,10,10,0",
        r"1,1_r2,\regular-fundus-training\1\1_r2.jpg,0,,1,1,10,10,0",
        r"2,2_l1,\regular-fundus-training\2\2_l1.jpg,1,,,3,10,10,0",
    ]
    write_lines(tmp_path / "regular-fundus-training.csv", header, *rows)
    write_images(tmp_path / "Images", "1/1_l1.jpg", "1/1_r2.jpg", "2/2_l1.jpg")
    return tmp_path


def test_deepdrid_takes_the_grade_of_the_eye(deepdrid):
    data = load_deepdrid(deepdrid)
    assert data.target.tolist() == [0, 1]
    assert data.eye.tolist() == ["left", "right"]
    assert data.groups.tolist() == ["1", "1"]
    assert data.quality.tolist() == ["1", "0"]
    assert data.n_ungradable == 1


def test_deepdrid_with_two_tables(deepdrid):
    write_lines(deepdrid / "other.csv", "a")
    with pytest.raises(FileNotFoundError, match=r"set labels= to one of them"):
        load_deepdrid(deepdrid)


@pytest.fixture
def retinamnist(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 4), ("val", 2), ("test", 3)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)
        arrays[f"{part}_labels"] = rng.integers(0, 5, (n, 1), dtype=np.uint8)
    np.savez(tmp_path / "retinamnist.npz", **arrays)
    return tmp_path / "retinamnist.npz", arrays


def test_retinamnist(retinamnist):
    file, arrays = retinamnist
    data = load_medmnist(file, subset="val")
    np.testing.assert_array_equal(data.data, arrays["val_images"])
    np.testing.assert_array_equal(data.target, arrays["val_labels"].ravel())
    assert data.groups is None
    everything = load_medmnist(file, subset="all")
    assert everything.subset.tolist() == ["train"] * 4 + ["val"] * 2 + ["test"] * 3


def test_medmnist_file_of_something_else(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match="is no MedMNIST file"):
        load_medmnist(tmp_path / "x.npz")


def test_medmnist_unpickles_nothing(tmp_path):
    np.savez(tmp_path / "x.npz", train_images=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="is no MedMNIST file"):
        load_medmnist(tmp_path / "x.npz")


LOADERS = {
    "aptos": (load_aptos, "train.csv", "train_images"),
    "deepdrid": (load_deepdrid, "regular-fundus-training.csv", "Images"),
    "messidor2": (load_messidor2, "messidor_data.csv", "IMAGES"),
    "ddr": (load_ddr, "DR_grading/train.txt", "DR_grading/train"),
    "idrid": (
        load_idrid,
        "B. Disease Grading/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv",
        "B. Disease Grading/1. Original Images/a. Training Set",
    ),
}


@pytest.fixture(params=LOADERS)
def layout(request):
    load, table, images = LOADERS[request.param]
    folder = request.getfixturevalue(request.param)
    return folder, load, folder / table, folder / images


def test_missing_image_is_named(layout):
    folder, load, _, images = layout
    lost = sorted(p for p in images.rglob("*") if p.is_file())[0]
    lost.unlink()
    with pytest.raises(ValueError, match=f"images missing in .*{lost.stem}"):
        load(folder)


def test_missing_table_is_named(layout):
    folder, load, table, _ = layout
    if load is load_deepdrid:
        pytest.skip("its table has any name")
    table.unlink()
    with pytest.raises(FileNotFoundError, match=f"{table.name} is missing"):
        load(folder)


def test_name_that_occurs_twice_is_named(layout):
    folder, load, table, _ = layout
    lines = table.read_text().splitlines()
    at = 0 if load is load_ddr else 1
    write_lines(table, *lines, lines[at])
    with pytest.raises(ValueError, match="names twice"):
        load(folder)


def test_unknown_grade_is_named(layout):
    folder, load, table, _ = layout
    with table.open("a") as file:
        file.write("x_l1 7\n" if load is load_ddr else "3,3_l1,7,7,7,7,7\n")
    with pytest.raises(ValueError, match=r"grades that are not 0-4: .*7|images missing"):
        load(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/secret", "C:/secret", r"..\secret"])
def test_name_that_points_outside_is_refused(aptos, name):
    write_images(aptos, "secret.png")
    write_lines(aptos / "train.csv", "id_code,diagnosis", f"{name},0")
    with pytest.raises(ValueError, match="point outside the folder"):
        load_aptos(aptos)


def test_two_files_of_one_name_are_not_guessed_between(messidor2):
    write_images(messidor2 / "IMAGES", "IM000004.png")
    with pytest.raises(ValueError, match=r"several images in .*: IM000004.jpg"):
        load_messidor2(messidor2)


@pytest.mark.parametrize("load", [load_idrid, load_ddr])
def test_unknown_subset(load, tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="subset='dev' must be one of"):
        load(tmp_path, subset="dev")
