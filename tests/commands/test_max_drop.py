"""`rewrite --max-drop` as a user calls it, on the digits network."""

import json
from pathlib import Path

import pytest
from planish.commands import main
from planish.converter import convert
from planish.files import read_parts, write_model
from planish.runtime_check.cost import count

DATA = Path(__file__).parents[2] / "models" / "caffe_digits_calib.npz"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.onnx"
    write_model(convert("caffe_digits"), path)
    return path


def rewrite(model, output, *more, names="lowrank"):
    return main([str(one) for one in ("rewrite", "--pass", names, model, "-o", output, *more)])


def test_the_bound_holds_and_is_reported(digits, tmp_path, capsys):
    options = ("--data", DATA, "--limit", 72, "--samples", 3, "--forms", "spatial")
    assert rewrite(digits, tmp_path / "a", *options, "--max-drop", 8, "--json") == 0
    found = json.loads(capsys.readouterr().out)["max_drop"]
    assert found["points"] <= 8 and found["held_out_samples"] == 24 and found["ratio"] > 1
    ratio = count(read_parts(digits)).macs() / count(read_parts(tmp_path / "a")).macs()
    assert ratio >= 0.99 * found["ratio"]
    assert rewrite(digits, tmp_path / "b", *options, "--max-drop", 8) == 0
    assert f"within --max-drop: {found['ratio']:.2f}" in capsys.readouterr().out
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        ("lowrank", (), "judged on images; give --data"),
        ("lowrank", ("--data", DATA, "--ratio", 2), "--ratio and --max-drop are two goals"),
        ("prune", ("--data", DATA, "--limit", 16), "give at least 17"),
        ("lowrank,quantize", ("--data", DATA), "rewrite twice"),
        ("exact", ("--data", DATA), "bounds what lowrank, prune or quantize lose"),
    ],
)
def test_contradictions_and_bounds_without_use_are_refused(digits, tmp_path, capsys, names, more, message):
    assert rewrite(digits, tmp_path / "a", *more, "--max-drop", 1, names=names) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
