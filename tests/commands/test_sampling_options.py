"""`--cache`, `--no-cache` and what stands in their place by default, as `rewrite` uses them."""

from pathlib import Path

import pytest
from planish.commands import main
from planish.converter import convert
from planish.files import write_model

DATA = Path(__file__).parents[2] / "models" / "caffe_digits_calib.npz"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.onnx"
    write_model(convert("caffe_digits"), path)
    return path


def lowrank(model, output, *more):
    options = ("--ratio", 1.5, "--data", DATA, "--limit", 24, "--forms", "spatial,gemm")
    return main([str(one) for one in ("rewrite", "--pass", "lowrank", model, "-o", output, *options, *more)])


def test_the_cache_lies_beside_the_plan_and_changes_nothing(digits, tmp_path, capsys):
    (tmp_path / "plans").mkdir()
    for name in ("a", "b"):
        assert lowrank(digits, tmp_path / name, "--save-plan", tmp_path / "plans" / f"{name}.json") == 0
    assert list((tmp_path / "plans" / "planish-cache").glob("*.planish"))
    assert lowrank(digits, tmp_path / "c") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "plans"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    capsys.readouterr()


def test_no_cache_and_another_folder(digits, tmp_path, capsys):
    assert lowrank(digits, tmp_path / "a", "--save-plan", tmp_path / "a.json", "--no-cache") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.json"]
    assert lowrank(digits, tmp_path / "a", "--cache", tmp_path / "kept") == 0
    assert list((tmp_path / "kept").iterdir())
    capsys.readouterr()


def test_damaged_files_are_noted_and_made_anew(digits, tmp_path, capsys):
    assert lowrank(digits, tmp_path / "a", "--cache", tmp_path / "kept") == 0
    for path in (tmp_path / "kept").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert lowrank(digits, tmp_path / "b", "--cache", tmp_path / "kept") == 0
    assert "made anew" in capsys.readouterr().err
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_contradictions_and_folders_that_are_none_are_refused(digits, tmp_path, capsys):
    assert lowrank(digits, tmp_path / "a", "--no-cache", "--cache", tmp_path) == 2
    assert "contradicts" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert lowrank(digits, tmp_path / "a", "--cache", tmp_path / "file") == 2
    assert "is no folder" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
