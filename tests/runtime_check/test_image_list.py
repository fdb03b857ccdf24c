"""Image folders, csv files and `path label` lists."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image
from planish.errors import DataError
from planish.runtime_check.data import open_data
from planish.runtime_check.image_list import list_images
from planish.runtime_check.inputs import InputSpec


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "a/1.png", "a/0.JPG", "a/notes.txt"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(tmp_path / "set" / name, format="PNG")
    return tmp_path / "set"


def names(images):
    return [path.parent.name + "/" + path.name for path in images.paths]


def test_one_folder_per_class(folder):
    images = list_images(folder)
    assert names(images) == ["a/0.JPG", "a/1.png", "b/2.png"]
    assert images.labels.tolist() == [0, 0, 1]


def test_flat_folder_has_no_labels(folder):
    images = list_images(folder / "a")
    assert names(images) == ["a/0.JPG", "a/1.png"]
    assert images.labels is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "file,class_index,wnid\nb/2.png,5,n1\na/1.png,3,n2\n"),
        ("list.csv", "\ufefflabel,path\n5,b/2.png\n3,a/1.png\n"),
        ("list.csv", "b/2.png,5\na/1.png,3\n"),
        ("list.txt", "b/2.png 5\n\na/1.png 3\n"),
        ("list.lst", "b/2.png\t5\na/1.png\t3\n"),
    ],
)
def test_lists_of_every_kind(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    images = list_images(folder / name)
    assert names(images) == ["b/2.png", "a/1.png"]
    assert images.labels.tolist() == [5, 3]
    assert all(path.exists() for path in images.paths)


def test_list_elsewhere_labels_the_images_of_a_folder(folder, tmp_path):
    (tmp_path / "val.txt").write_text("b/2.png 5\na/1.png 3\n")
    images = list_images(folder, tmp_path / "val.txt")
    assert names(images) == ["b/2.png", "a/1.png"]
    assert all(path.exists() for path in images.paths)


def test_names_with_blanks_and_lists_without_labels(folder):
    (folder / "list.txt").write_text("a/my picture.png 5\n")
    assert names(list_images(folder / "list.txt")) == ["a/my picture.png"]
    (folder / "list.txt").write_text("a/1.png\nb/2.png\n")
    assert list_images(folder / "list.txt").labels is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.csv", "file,class_index\na/1.png,cat\n", "entry 1 has the label 'cat'"),
        ("list.csv", "file,class_index\na/1.png,-2\n", "label -2 of sample 0 is negative"),
        ("list.csv", "file,class_index\na/1.png,1\nb/2.png\n", "line 3 has 1 of at least 2 columns"),
        ("list.csv", "file,class_index\n", "lists no images"),
        ("list.txt", "", "lists no images"),
        ("list.txt", "a/1.png 5\nb/2.png\n", "entry 2 has the label ''"),
    ],
)
def test_wrong_lists(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        list_images(folder / name)


def test_no_text_no_images_no_folder(folder, tmp_path):
    (folder / "list.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match="not a list of images"):
        list_images(folder / "list.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        list_images(tmp_path / "empty")
    with pytest.raises(DataError, match="no such file or folder"):
        list_images(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        list_images(folder, tmp_path / "none.txt")


@pytest.mark.slow
def test_ten_thousand_images_stream_in_constant_memory(tmp_path, rng):
    """One picture, listed ten thousand times; the tensors together would take 600 MB."""
    Image.fromarray(rng.integers(0, 256, (80, 70, 3)).astype(np.uint8)).save(tmp_path / "p.jpg")
    (tmp_path / "list.txt").write_text("".join(f"p.jpg {index % 10}\n" for index in range(10_000)))
    spec = (InputSpec("data", (None, 3, 64, 78), np.dtype(np.float32)),)
    data = open_data(tmp_path / "list.txt", spec)
    tracemalloc.start()
    read = 0
    for batch in data.batches(16):
        read += batch.size
        if read == 1600:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == 10_000
    assert peak - before < 10e6
