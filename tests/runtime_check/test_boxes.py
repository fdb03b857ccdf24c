"""Boxes from files."""

import json

import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.boxes import is_box_file, read_boxes
from planish.runtime_check.image_list import list_images


def written(tmp_path, text, name="boxes.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_csv_with_corners_and_with_sizes(tmp_path):
    corners = written(tmp_path, "file,class,x1,y1,x2,y2\na/1.jpg,3,1,2,30,40\na/1.jpg,0,5,6,7,8\nb.png,1,0,0,1.5,1\n")
    sizes = written(tmp_path, "class,x,y,width,height,file\n3,1,2,29,38,a/1.jpg\n", "sizes.csv")
    assert is_box_file(corners)
    assert is_box_file(sizes)
    labels = read_boxes(corners)
    assert labels.of("a/1.jpg").tolist() == [[3, 1, 2, 30, 40], [0, 5, 6, 7, 8]]
    assert labels.of("/data/a/1.jpg").tolist() == labels.of("a\\1.jpg").tolist() == labels.of("a/1.jpg").tolist()
    assert labels.of("1.jpg").shape == labels.of("c/xb.png").shape == (0, 5)
    assert labels.of("c/b.png").tolist() == [[1, 0, 0, 1.5, 1]]
    np.testing.assert_array_equal(read_boxes(sizes).of("a/1.jpg"), labels.of("a/1.jpg")[:1])


def test_coco_without_its_crowds(tmp_path):
    document = {
        "images": [{"id": 7, "file_name": "x.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4], "iscrowd": 1},
        ],
    }
    path = written(tmp_path, json.dumps(document), "coco.json")
    assert is_box_file(path)
    assert read_boxes(path).of("x.jpg").tolist() == [[4, 1, 2, 4, 6]]


def test_lists_of_classes_are_no_boxes(tmp_path):
    assert not is_box_file(written(tmp_path, "file,class_index\na.jpg,1\n", "list.csv"))
    assert not is_box_file(written(tmp_path, "a.jpg 1\n", "list.txt"))
    assert not is_box_file(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,x1,y1,x2,y2\na,1,2,3,4\n", "it takes file,class,x1,y1,x2,y2"),
        ("file,class,x1,y1,x2,y2\n", "holds no boxes"),
        ("file,class,x1,y1,x2,y2\na,1,2,3\n", "line 2 has 4 of 6 columns"),
        ("file,class,x1,y1,x2,y2\na,1,2,3,4,x\n", "line 2: 'x' is no number"),
        ("file,class,x1,y1,x2,y2\na,1,5,3,4,9\n", r"line 2: \[5.0, 3.0, 4.0, 9.0\] is no box"),
        ("file,class,x1,y1,x2,y2\na,1,5,3,nan,9\n", "is no box"),
        ("file,class,x1,y1,x2,y2\na,-1,1,1,2,2\n", "line 2: -1 is no class"),
        ("file,class,x1,y1,x2,y2\na,1.5,1,1,2,2\n", "line 2: 1.5 is no class"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_boxes(written(tmp_path, text))


def test_endless_fields(tmp_path):
    path = written(tmp_path, "file,class,x1,y1,x2,y2\n" + "a" * 200_000 + ",1,1,1,2,2\n")
    with pytest.raises(DataError, match=r"cannot be read .field larger"):
        read_boxes(path)
    assert not is_box_file(written(tmp_path, "a" * 200_000 + "\n", "head.csv"))
    with pytest.raises(DataError, match=r"head\.csv: is no csv"):
        list_images(tmp_path / "head.csv")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "", "[]", "{}", '{"images": [], "annotations": [{"image_id": 1}]}', '{"images": 5}']
)
def test_json_of_another_kind(tmp_path, text):
    with pytest.raises(DataError, match="is no COCO annotation file"):
        read_boxes(written(tmp_path, text, "c.json"))
