"""`planish rewrite --pass prune`: options reach the pass, and the plan that is written can be read."""

import json

import numpy as np
import onnx
import pytest
from planish.commands import main
from planish.passes.plan import read_plan

NET = """<ir_version: 8, opset_import: ["" : 17]> g (float[n,3,9,11] x) => (float[n,5,9,11] y) {
  a = Conv (x, wa)
  ar = Relu (a)
  b = Conv (ar, wb)
  br = Relu (b)
  y = Conv (br, wy)
}"""


@pytest.fixture
def files(tmp_path, rng):
    model = onnx.parser.parse_model(NET)
    for name, shape in {"wa": (64, 3, 1, 1), "wb": (64, 64, 1, 1), "wy": (5, 64, 1, 1)}.items():
        values = rng.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    onnx.save(model, tmp_path / "net.onnx")
    np.savez(tmp_path / "calib.npz", x=rng.standard_normal((12, 3, 9, 11)).astype(np.float32))
    return tmp_path


def prune(files, *options):
    names = [str(files / "net.onnx"), "-o", str(files / "out.onnx")]
    return main(["rewrite", "--pass", "prune", *names, "--json", *options])


def test_criterion_protection_and_plan_reach_the_pass(files, capsys):
    plan = str(files / "plan.json")
    options = ["--data", str(files / "calib.npz"), "--criterion", "greedy", "--keep", "a", "--ratio", "1.3"]
    assert prune(files, *options, "--save-plan", plan, "--target", "generic") == 0
    first = json.loads(capsys.readouterr().out)
    passes = {entry["pass"]: entry for entry in first["passes"]}
    assert "(greedy)" in passes["prune"]["changes"][0]["what"]
    assert {"layer": "a", "why": "'a' is to be kept"} in passes["prune"]["left_alone"]
    assert list(read_plan(plan).layers) == ["b"]
    assert prune(files, "--plan", plan, "--target", "generic") == 0
    assert json.loads(capsys.readouterr().out)["after"]["macs"] == first["after"]["macs"]


def test_what_cannot_be_done_leaves_no_file(files, capsys):
    assert prune(files, "--ratio", "100000") == 2
    assert "can be divided by at most" in capsys.readouterr().err
    assert prune(files, "--criterion", "lasso") == 2
    assert "give --data" in capsys.readouterr().err
    assert not (files / "out.onnx").exists()
