"""Folders of images as people, systems and archives leave them; nothing is passed over in silence.

Most image files are empty: a loader that decoded one would fail.
"""

import os
import unicodedata
import warnings

import pytest
from PIL import Image

from skdr.datasets import load_eyepacs, load_image_folder
from skdr.datasets._files import has_pixels

NFC, NFD = (unicodedata.normalize(form, "céphalée") for form in ("NFC", "NFD"))


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names_of(data):
    return [os.path.basename(path) for path in data.data]


@pytest.fixture(autouse=True)
def nothing_unsaid():
    """Fail where a warning comes that a test does not expect."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def flowers(tmp_path):
    return touch(tmp_path, "daisy/1.jpg", "daisy/2.jpg", "rose/1.jpg", "rose/2.jpg")


# Which files are images


@pytest.mark.parametrize("name", ["3.jfif", "3.jpe", "3.JPEG", "3.jp2", "3.tga", "3.pnm", "3.jpg "])
def test_what_pillow_reads_is_loaded(flowers, name):
    touch(flowers, f"rose/{name}")
    assert name in names_of(load_image_folder(flowers))


@pytest.mark.parametrize("ending", [".h5", ".mpg", ".eps", ".grib", ".txt", ".pdf", ""])
def test_what_pillow_only_knows_by_name_is_no_image(ending):
    assert not has_pixels(ending)


def test_all_endings_of_images_that_pillow_reads_are_loaded(tmp_path):
    for ending in (".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"):
        assert has_pixels(ending)


@pytest.mark.parametrize(
    "name", ["Thumbs.db", ".DS_Store", "._1.jpg", "desktop.ini", ".ipynb_checkpoints/1.jpg"]
)
def test_what_systems_leave_behind_is_not_counted(flowers, name):
    touch(flowers, f"rose/{name}", f"__MACOSX/rose/{name}", "rose/@eaDir/1.jpg", name)
    data = load_image_folder(flowers)
    assert len(data.data) == 4
    assert data.n_excluded == 0


def test_other_files_are_counted_by_their_ending(flowers):
    touch(flowers, "rose/notes.txt")
    data = load_image_folder(flowers)
    assert data.n_excluded == 1
    assert "Passed over: with the ending .txt: 1 (such as rose/notes.txt)." in data.DESCR


@pytest.mark.parametrize("name", ["3.heic", "3.HEIF", "3.dcm", "3.svg", "3.cr2"])
def test_images_that_pillow_does_not_read_are_warned_of(flowers, name):
    touch(flowers, f"rose/{name}")
    with pytest.warns(
        UserWarning, match=rf"may be images: with the ending \.\w+: 1 \(such as rose/{name}\)"
    ):
        load_image_folder(flowers)


@pytest.mark.parametrize("name", ["3", "3.photo", "scan.001"])
def test_images_by_their_contents_are_warned_of(flowers, name):
    Image.new("RGB", (4, 4)).save(flowers / "rose" / name, "JPEG")
    with pytest.warns(UserWarning, match=f"may be images: .* rose/{name}"):
        load_image_folder(flowers)


def test_many_other_files_are_warned_of(flowers):
    touch(flowers, *(f"rose/{i}.json" for i in range(3)))
    with pytest.warns(UserWarning, match=r"more files than usual: with the ending \.json: 3"):
        load_image_folder(flowers)


def test_images_beside_the_class_folders_are_warned_of(flowers):
    touch(flowers, "9.jpg")
    with pytest.warns(UserWarning, match=r"beside the class folders: 1 \(such as 9\.jpg\)"):
        data = load_image_folder(flowers)
    assert data.n_excluded == 1


def test_a_table_beside_the_class_folders_is_described(flowers):
    touch(flowers, "labels.csv")
    assert "beside the class folders: 1 (such as labels.csv)" in load_image_folder(flowers).DESCR


def test_images_without_class_folders_are_said_to_have_no_class(tmp_path):
    touch(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(
        ValueError, match=r"holds no sub-folders; .* The images in it \(2\) have no class"
    ):
        load_image_folder(tmp_path)


def test_class_folder_of_other_files_says_what_is_there(flowers):
    touch(flowers, "tulip/1.heic")
    with pytest.raises(ValueError, match=r"\['tulip'\] .* hold no images; what is there: with the"):
        load_image_folder(flowers)


# Links


def test_linked_folders_are_followed(flowers, tmp_path_factory):
    elsewhere = touch(tmp_path_factory.mktemp("elsewhere"), "3.jpg")
    (flowers / "rose" / "more").symlink_to(elsewhere, target_is_directory=True)
    assert "3.jpg" in names_of(load_image_folder(flowers))


def test_links_in_a_circle_end(flowers):
    (flowers / "rose" / "again").symlink_to(flowers / "rose", target_is_directory=True)
    (flowers / "rose" / "itself").symlink_to("itself")
    with pytest.warns(UserWarning, match="links that lead nowhere: 1"):
        data = load_image_folder(flowers)
    assert len(data.data) == 4


def test_folder_in_two_classes_is_refused(flowers):
    (flowers / "all").symlink_to(flowers, target_is_directory=True)
    with pytest.raises(ValueError, match="are one folder, by a link: its images would stand in"):
        load_image_folder(flowers)


def test_links_that_lead_nowhere_are_warned_of(flowers):
    (flowers / "rose" / "3.jpg").symlink_to(flowers / "lost.jpg")
    with pytest.warns(UserWarning, match=r"links that lead nowhere: 1 \(such as rose/3\.jpg\)"):
        load_image_folder(flowers)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_folder_that_may_not_be_read_is_an_error(flowers):
    (flowers / "rose").chmod(0)
    with pytest.raises(PermissionError, match="rose"):
        load_image_folder(flowers)


# Names


@pytest.mark.parametrize("on_disk", [NFC, NFD])
@pytest.mark.parametrize("asked", [NFC, NFD])
def test_class_names_match_in_every_unicode_form(tmp_path, on_disk, asked):
    touch(tmp_path, f"{on_disk}/1.jpg", "none/1.jpg")
    data = load_image_folder(tmp_path, class_names=[asked, "none"])
    assert data.target.tolist() == [asked, "none"]
    assert data.data[0] == str(tmp_path / on_disk / "1.jpg")


def test_labels_are_in_the_form_that_people_type(tmp_path):
    touch(tmp_path, f"{NFD}/1.jpg", "none /1.jpg")
    assert load_image_folder(tmp_path).target_names == [NFC, "none"]


def test_two_folders_of_one_name_are_refused(tmp_path):
    touch(tmp_path, "rose/1.jpg", "rose /1.jpg")
    with pytest.raises(ValueError, match="two folders of one name, 'rose' and 'rose '"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("on_disk", [NFC, NFD])
@pytest.mark.parametrize("in_table", [NFC, NFD])
def test_tables_name_files_and_folders_in_every_unicode_form(tmp_path, on_disk, in_table):
    touch(tmp_path, f"{on_disk}/{on_disk}_left.jpg")
    (tmp_path / f"{on_disk}.csv").write_text(f"image,level\n{in_table}_left,1\n", encoding="utf-8")
    data = load_eyepacs(tmp_path, labels=f"{in_table}.csv", images=in_table)
    assert data.data.tolist() == [str(tmp_path / on_disk / f"{on_disk}_left.jpg")]
    assert data.groups.tolist() == [NFC]


def test_path_itself_may_be_in_another_unicode_form(tmp_path):
    touch(tmp_path, f"{NFD}/rose/1.jpg", f"{NFD}/daisy/1.jpg")
    assert len(load_image_folder(tmp_path / NFC).data) == 2


# Parts of a split


@pytest.fixture
def split(tmp_path):
    for part in ("train", "Validation", "test"):
        touch(tmp_path / part, "daisy/1.jpg", "rose/1.jpg", "rose/2.jpg")
    return tmp_path


def test_parts_of_a_split_are_no_classes(split):
    match = (
        r"is divided into \['Validation', 'test', 'train'\], .* choose subset=\"train\", several "
        r"as in subset=\['train', 'val'\], or subset=\"all\""
    )
    with pytest.raises(ValueError, match=match):
        load_image_folder(split)


def test_split_is_named_where_class_names_are_in_its_parts(split):
    with pytest.raises(ValueError, match="is divided into"):
        load_image_folder(split, class_names=["daisy", "rose"])


def test_one_part(split):
    data = load_image_folder(split, subset="train")
    assert data.target.tolist() == ["daisy", "rose", "rose"]
    assert data.subset.tolist() == ["train"] * 3


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_parts_have_several_names(split, name):
    data = load_image_folder(split, subset=name)
    assert data.data[0] == str(split / "Validation" / "daisy" / "1.jpg")
    assert data.subset[0] == "val"


def test_several_parts(split):
    data = load_image_folder(split, subset=["test", "train"], class_names=["rose"])
    assert data.subset.tolist() == ["test", "test", "train", "train"]


def test_all_parts(split):
    frame = load_image_folder(split, subset="all", as_frame=True).data
    assert frame["subset"].tolist() == ["train"] * 3 + ["val"] * 3 + ["test"] * 3


def test_all_parts_says_which_folders_are_none(split):
    touch(split, "holdout/rose/1.jpg")
    with pytest.warns(UserWarning, match=r"the folders \['holdout'\] are left out"):
        load_image_folder(split, subset="all")


def test_a_folder_of_classes_has_no_subset(flowers):
    assert load_image_folder(flowers).subset is None


@pytest.mark.parametrize(
    ("subset", "match"),
    [
        ("dev", r"subset='dev' is not known; choose one of \['train', 'val', 'test', 'all'\]"),
        ([], r"subset=\[\] is not known"),
        (["train", "dev"], "subset='dev' is not known"),
    ],
)
def test_unknown_part_is_refused(split, subset, match):
    with pytest.raises(ValueError, match=match):
        load_image_folder(split, subset=subset)


@pytest.mark.parametrize("subset", ["train", "all"])
def test_part_of_a_folder_of_classes_is_refused(flowers, subset):
    with pytest.raises(ValueError, match=f"no folder for subset='{subset}'; .* leave subset out"):
        load_image_folder(flowers, subset=subset)


def test_two_folders_for_one_part_are_refused(split):
    touch(split, "valid/rose/1.jpg")
    with pytest.raises(ValueError, match=r"several folders for subset='val': \['Validation', 'v"):
        load_image_folder(split, subset="val")


def test_class_that_a_part_lacks_is_warned_of(split):
    touch(split, "train/tulip/1.jpg")
    with pytest.warns(UserWarning, match=r"subset='test' has no folders for the classes \['tulip"):
        load_image_folder(split, subset=["train", "test"])


def test_part_without_classes_is_refused(split):
    touch(split, "testing/1.jpg").joinpath("test").rename(split / "old")
    with pytest.raises(ValueError, match=r"testing holds no sub-folders; .* have no class"):
        load_image_folder(split, subset="test")


def test_images_beside_the_classes_of_a_part_are_warned_of(split):
    touch(split, "train/9.jpg")
    with pytest.warns(UserWarning, match=r"beside the class folders: 1 \(such as train/9\.jpg\)"):
        load_image_folder(split, subset="train")


def test_folder_in_two_parts_is_refused(split):
    (split / "test" / "tulip").symlink_to(split / "train" / "rose", target_is_directory=True)
    with (
        pytest.warns(UserWarning, match="has no folders for the classes"),
        pytest.raises(ValueError, match="would stand in two classes or parts"),
    ):
        load_image_folder(split, subset=["train", "test"])


def test_only_a_training_part_is_a_split_too(tmp_path):
    touch(tmp_path, "train/daisy/1.jpg", "train/rose/1.jpg")
    with pytest.raises(ValueError, match=r'choose subset="train", or subset="all"'):
        load_image_folder(tmp_path)


def test_parts_without_classes_are_refused_unless_they_are_asked_for(tmp_path):
    touch(tmp_path, "train/cat.1.jpg", "test/1.jpg")
    with pytest.raises(ValueError, match=r"say class_names=\['test', 'train'\]"):
        load_image_folder(tmp_path)
    data = load_image_folder(tmp_path, class_names=["test", "train"])
    assert data.target.tolist() == ["test", "train"]


def test_class_may_be_named_like_a_part(tmp_path):
    touch(tmp_path, "bus/1.jpg", "train/steam/1.jpg", "train/2.jpg")
    assert load_image_folder(tmp_path).target_names == ["bus", "train"]


# Depth


def test_classes_one_folder_deeper_are_pointed_at(tmp_path):
    touch(tmp_path, "dataset/daisy/1.jpg", "dataset/rose/1.jpg")
    with pytest.raises(ValueError, match=r"sub-folders \['daisy', 'rose'\].* load '.*/dataset'"):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path, class_names=["dataset"]).target_names == ["dataset"]


def test_single_class_is_warned_of(tmp_path):
    touch(tmp_path, "images/1.jpg")
    with pytest.warns(UserWarning, match="one class only, 'images'; a classifier needs two"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(("fold1", "fold2"), ("daisy", "rose")), (("daisy", "rose"), ("test", "train"))],
)
def test_same_folders_inside_each_class_are_warned_of(tmp_path, outer, inner):
    touch(tmp_path, *(f"{name}/{deeper}/1.jpg" for name in outer for deeper in inner))
    match = rf"\['{outer[0]}', .*all hold the same sub-folders, \['{inner[0]}', '{inner[1]}'\]"
    with pytest.warns(UserWarning, match=match):
        load_image_folder(tmp_path)


def test_images_may_lie_deeper_in_their_class(tmp_path):
    touch(tmp_path, "daisy/images/1.jpg", "rose/images/1.jpg")
    assert load_image_folder(tmp_path).target.tolist() == ["daisy", "rose"]


# Files that a table names


@pytest.fixture
def eyepacs(tmp_path):
    return touch(tmp_path, "images/a/1_left.jpeg", "images/b/1_right.jpeg")


def write_labels(folder, *names):
    lines = ["image,level", *(f"{name},0" for name in names)]
    (folder / "trainLabels.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["1_left", "1_left.jpeg", "1_left.png", r"a\1_left", "images/a/1_left.jpeg", "./1_left"]
)
def test_tables_name_files_with_or_without_folders_and_endings(eyepacs, name):
    write_labels(eyepacs, name)
    data = load_eyepacs(eyepacs)
    assert names_of(data) == ["1_left.jpeg"]
    assert data.groups.tolist() == ["1"]


@pytest.mark.parametrize("name", [r"b\1_left", "c/1_left"])
def test_file_in_another_folder_than_the_table_says_is_missing(eyepacs, name):
    write_labels(eyepacs, name)
    with pytest.raises(ValueError, match="images missing"):
        load_eyepacs(eyepacs)


@pytest.mark.parametrize("name", [r"C:\a\1_left", r"a\..\1_left", "/a/1_left"])
def test_names_that_lead_out_of_the_folder_are_refused(eyepacs, name):
    write_labels(eyepacs, name)
    with pytest.raises(ValueError, match="not plain file names"):
        load_eyepacs(eyepacs)


def test_folders_in_a_table_tell_files_of_one_name_apart(eyepacs):
    touch(eyepacs, "images/b/1_left.jpeg")
    write_labels(eyepacs, "a/1_left", "b/1_left")
    assert len(set(load_eyepacs(eyepacs).data)) == 2


def test_ending_in_a_table_tells_files_of_one_name_apart(eyepacs):
    touch(eyepacs, "images/a/1_left.tif")
    write_labels(eyepacs, "1_left.tif")
    assert names_of(load_eyepacs(eyepacs)) == ["1_left.tif"]


def test_image_that_a_table_names_in_two_ways_is_refused(eyepacs):
    write_labels(eyepacs, "1_left", "a/1_left")
    with pytest.raises(ValueError, match=r"images twice: .*1_left"):
        load_eyepacs(eyepacs)


def test_missing_image_that_is_there_in_another_format_is_said(eyepacs):
    touch(eyepacs, "images/2_left.heic")
    write_labels(eyepacs, "2_left")
    with pytest.raises(ValueError, match=r"missing .*: 2_left \(2_left\.heic is no image that"):
        load_eyepacs(eyepacs)


def test_missing_image_whose_link_leads_nowhere_is_said(eyepacs):
    (eyepacs / "images" / "2_left.jpeg").symlink_to(eyepacs / "lost.jpeg")
    write_labels(eyepacs, "2_left")
    with pytest.raises(ValueError, match=r"2_left\.jpeg is a link that leads nowhere"):
        load_eyepacs(eyepacs)
