"""`planish rewrite --pass prune`: options reach the pass, and the plan that is written can be read."""

import json

import numpy as np
import onnx
import pytest
from planish.commands import main
from planish.passes.plan import read_plans

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


def prune(files, *options, passes="prune"):
    names = [str(files / "net.onnx"), "-o", str(files / "out.onnx")]
    return main(["rewrite", "--pass", passes, *names, "--json", *options])


def test_criterion_protection_and_plan_reach_the_pass(files, capsys):
    plan = str(files / "plan.json")
    options = ["--data", str(files / "calib.npz"), "--criterion", "greedy", "--keep", "a", "--ratio", "1.3"]
    assert prune(files, *options, "--save-plan", plan, "--target", "generic") == 0
    first = json.loads(capsys.readouterr().out)
    passes = {entry["pass"]: entry for entry in first["passes"]}
    assert "(greedy)" in passes["prune"]["changes"][0]["what"]
    assert {"layer": "a", "why": "'a' is to be kept"} in passes["prune"]["left_alone"]
    assert list(read_plans(plan)[0].layers) == ["b"]
    assert prune(files, "--plan", plan, "--target", "generic") == 0
    assert json.loads(capsys.readouterr().out)["after"]["macs"] == first["after"]["macs"]


def test_what_cannot_be_done_leaves_no_file(files, capsys):
    assert prune(files, "--ratio", "100000") == 2
    assert "can be divided by at most" in capsys.readouterr().err
    assert prune(files, "--criterion", "lasso") == 2
    assert "give --data" in capsys.readouterr().err
    assert not (files / "out.onnx").exists()


@pytest.mark.parametrize("passes", ["lowrank,prune", "prune,lowrank", "3c"])
def test_low_rank_and_pruning_share_one_goal(files, capsys, passes):
    plan = str(files / "plan.json")
    options = ["--data", str(files / "calib.npz"), "--target", "generic", "--no-cache"]
    assert prune(files, *options, "--ratio", "2", "--save-plan", plan, passes=passes) == 0
    document = json.loads(capsys.readouterr().out)
    assert 2 <= document["before"]["macs"] / document["after"]["macs"] < 2.6
    assert [entry["pass"] for entry in document["passes"]] == ["exact", "lowrank,prune"]
    assert prune(files, *options, "--plan", plan, passes=passes) == 0
    assert json.loads(capsys.readouterr().out)["after"] == document["after"]
    assert prune(files, "--ratio", "2", passes=passes) == 2
    assert "give --data" in capsys.readouterr().err


def test_shrink_has_a_threshold(files, capsys):
    model = onnx.load(files / "net.onnx")
    tensor = next(t for t in model.graph.initializer if t.name == "wb")
    weights = onnx.numpy_helper.to_array(tensor).copy()
    weights[:24] *= 1e-6
    tensor.CopyFrom(onnx.numpy_helper.from_array(weights, "wb"))
    onnx.save(model, files / "net.onnx")
    assert prune(files, passes="shrink") == 0
    assert json.loads(capsys.readouterr().out)["passes"][1]["changes"] == []
    assert prune(files, "--threshold", "1e-3", passes="shrink") == 0
    changes = json.loads(capsys.readouterr().out)["passes"][1]["changes"]
    assert changes == [{"layer": "b", "what": "24 of 64 channels held nothing"}]


def test_the_paper_s_policy_needs_stages(files, capsys):
    assert prune(files, "--data", str(files / "calib.npz"), "--policy", "he2017") == 2
    assert "the model has 1" in capsys.readouterr().err
