"""Forms, ranks and rules on the command line."""

import json
from pathlib import Path

import pytest
from planish.commands import main
from planish.converter import convert
from planish.files import read_parts, write_model

ROOT = Path(__file__).parents[2]
CALIBRATION = ROOT / "models" / "caffe_digits_calib.npz"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.onnx"
    write_model(convert("caffe_digits"), path)
    return path


def lowrank(*arguments):
    return main(["rewrite", "--pass", "lowrank", *map(str, arguments)])


@pytest.mark.parametrize(
    ("options", "operators"),
    [
        (("--rank", "8,12"), ["Conv", "Conv", "Conv"]),
        (("--rank", "3", "--forms", "separable"), ["Conv", "Conv"]),
        (("--rank", "8", "--forms", "gemm,input_channel"), ["Conv", "Conv"]),
        (("--rank", "8,6", "--forms", "spatial_channel"), ["Conv", "Conv", "Conv"]),
    ],
)
def test_one_layer_takes_the_form_that_was_named(digits, tmp_path, options, operators):
    output, plan = tmp_path / "small.onnx", tmp_path / "plan.json"
    assert lowrank(digits, "-o", output, "--layer", "conv2_2", *options, "--save-plan", plan, "--no-exact") == 0
    made = [node.op_type for node in read_parts(output).model.graph.node if node.name.startswith("conv2_2_")]
    assert made == operators
    again = tmp_path / "again.onnx"
    assert lowrank(digits, "-o", again, "--plan", plan, "--no-exact") == 0
    assert again.read_bytes() == output.read_bytes()


def test_the_rule_of_niu_is_carried_out(digits, tmp_path):
    plan = tmp_path / "plan.json"
    options = ("--ranks", "niu", "--forms", "spatial,gemm", "--ratio", 1.5, "--data", CALIBRATION, "--limit", 32)
    assert lowrank(digits, "-o", tmp_path / "small.onnx", *options, "--save-plan", plan, "--no-cache") == 0
    assert json.loads(plan.read_text())["settings"]["ranks"] == "niu"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ranks", "niu"), "--ranks niu measures on calibration data; give --data"),
        (("--forms", "spatail"), "'spatail' is no low-rank form; did you mean 'spatial'"),
        (("--layer", "conv2_2", "--rank", "8,0"), "'8,0' is no whole number of at least 1"),
        (("--layer", "conv2_2", "--rank", "8,6,4"), "has 1 rank(s), not 3"),
        (("--layer", "conv2_2", "--rank", "3", "--forms", "gemm"), "cannot take the form 'gemm': it is a Conv"),
        (("--layer", "conv2_2", "--rank", "3", "--forms", "gem"), "'gem' is no low-rank form"),
    ],
)
def test_what_cannot_be_done_is_said(digits, tmp_path, capsys, options, message):
    assert lowrank(digits, "-o", tmp_path / "small.onnx", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())
