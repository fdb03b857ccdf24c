"""Files of labels, and labels that cannot be."""

import numpy as np
import pytest
from planish.errors import DataError
from planish.runtime_check.labels import check_classes, check_labels, read_labels


def test_every_kind_of_file(tmp_path):
    labels = np.array([3, 0, 2], np.uint8)
    np.save(tmp_path / "y.npy", labels)
    np.savez(tmp_path / "y.npz", y=labels)
    (tmp_path / "y.txt").write_text("3\n0\n2\n")
    for name in ("y.npy", "y.npz", "y.txt"):
        assert read_labels(tmp_path / name, 3, "data").tolist() == [3, 0, 2]


def test_columns_and_whole_floats_are_labels():
    assert check_labels(np.array([[1], [2]]), 2, "y").tolist() == [1, 2]
    assert check_labels(np.array([1.0, 2.0]), 2, "y").dtype == np.int64


def test_wrong_files(tmp_path):
    (tmp_path / "words.txt").write_text("cat\ndog\n")
    with pytest.raises(DataError, match=r"words\.txt: not a file of labels"):
        read_labels(tmp_path / "words.txt", 2, "data")
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        read_labels(tmp_path / "none.txt", 2, "data")
    (tmp_path / "few.txt").write_text("1 2")
    with pytest.raises(DataError, match="2 labels for 5 samples"):
        read_labels(tmp_path / "few.txt", 5, "data")


def test_labels_out_of_range():
    check_classes(np.array([0, 6]), 7, "y")
    with pytest.raises(DataError, match=r"label 7 of sample 1 is out of range, the model has 7 classes \(0 to 6\)"):
        check_classes(np.array([6, 7, 9]), 7, "y")
