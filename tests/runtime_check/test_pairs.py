"""Pairs for verification."""

import pytest
from planish.errors import DataError
from planish.runtime_check.pairs import read_pairs


def written(tmp_path, text):
    (tmp_path / "pairs.txt").write_text(text)
    return tmp_path / "pairs.txt"


@pytest.mark.parametrize(
    "text",
    ["a,b,same\nx/1.jpg,x/2.jpg,1\nx/1.jpg,y/1.jpg,0\n", "x/1.jpg x/2.jpg true\nx/1.jpg\ty/1.jpg\tfalse\n\n"],
)
def test_lines_of_two_images(tmp_path, text):
    pairs = read_pairs(written(tmp_path, text))
    first, second, same = pairs.indices(["/d/y/1.jpg", "/d/x/2.jpg", "/d/x/1.jpg"])
    assert (first.tolist(), second.tolist(), same.tolist()) == ([2, 2], [1, 0], [True, False])


def test_lfws_own_file(tmp_path):
    pairs = read_pairs(written(tmp_path, "10\t300\nAbel_Pacheco\t1\t4\nAbdel_Madi\t5\tDean_Barker\t12\n"))
    assert pairs.first == ("Abel_Pacheco/Abel_Pacheco_0001.jpg", "Abdel_Madi/Abdel_Madi_0005.jpg")
    assert pairs.second == ("Abel_Pacheco/Abel_Pacheco_0004.jpg", "Dean_Barker/Dean_Barker_0012.jpg")
    assert pairs.same == (True, False)


def test_pairs_without_their_images_are_left_out(tmp_path):
    pairs = read_pairs(written(tmp_path, "a b 1\nc d 0\n"))
    assert pairs.indices(["b", "a"])[2].tolist() == [True]
    with pytest.raises(DataError, match="not one of 2 pairs is among the 1 images"):
        pairs.indices(["a"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has 0 of one kind"),
        ("a b 1\nb c 1\n", "it has 2 of one kind"),
        ("a b 1\na b c 0 1\n", "line 2: 'a b c 0 1' is no pair"),
        ("a b perhaps\n", "line 1: 'a b perhaps' is no pair"),
    ],
)
def test_other_lines(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_pairs(written(tmp_path, text))
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "none.csv")
