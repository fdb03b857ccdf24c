"""`planish sensitivity` as a user calls it."""

import json
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


def sensitivity(model, *more):
    options = (
        "--data",
        DATA,
        "--limit",
        24,
        "--samples",
        3,
        "--forms",
        "spatial",
        "--scope",
        "conv",
        "--latency-seconds",
        0.01,
    )
    return main([str(one) for one in ("sensitivity", model, *options, *more)])


def test_the_page_the_tables_and_the_document(digits, tmp_path, capsys):
    more = ("--ratios", "2", "--cache", tmp_path / "kept")
    assert sensitivity(digits, *more, "--report", tmp_path / "s.html", "-v") == 0
    shown = capsys.readouterr().out
    assert "exact only" in shown and "conv2_2" in shown and "at 2" in shown
    assert "<h2>Error against rank</h2>" in (tmp_path / "s.html").read_text()
    assert sensitivity(digits, *more, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [point["ratio"] for point in document["points"]] == [1.0, 2.0]
    assert document["points"][1]["mac_ratio"] > 1.5


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--ratios", "2,1"), "each must be above 1"),
        (("--ratios", "2,x"), "must be numbers with commas"),
        (("--ratios", "nan"), "each must be above 1"),
        (("--limit", 9), "give at least 17"),
        (("--forms", "spatail"), "did you mean 'spatial'"),
        (("--report", "/no/such/folder/s.html"), "does not exist"),
    ],
)
def test_what_cannot_be_done_is_told(digits, capsys, more, message):
    assert sensitivity(digits, *more) == 2
    assert message in capsys.readouterr().err
