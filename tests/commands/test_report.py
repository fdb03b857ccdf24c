"""`planish report`: the page again from the JSON."""

import json

import onnx
import pytest
from onnx import TensorProto, helper
from planish.commands import main

pytest.importorskip("jinja2", reason="the extra 'report' is not installed")
pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")


@pytest.fixture
def results(tmp_path, capsys):
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], name="relu")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    report = ["--report", str(tmp_path / "first.html")]
    assert main(["check", str(tmp_path / "m.onnx"), "--json", "--latency-seconds", "0.01", *report]) == 0
    (tmp_path / "r.json").write_text(capsys.readouterr().out)
    return tmp_path


def test_the_same_page_again(results, capsys):
    assert main(["report", str(results / "r.json"), "-o", str(results / "again.html")]) == 0
    assert (results / "again.html").read_text() == (results / "first.html").read_text()
    assert "<!DOCTYPE html>" in (results / "first.html").read_text()


def test_other_files(results, capsys):
    (results / "other.json").write_text(json.dumps({"a": 1}))
    assert main(["report", str(results / "other.json"), "-o", str(results / "no.html")]) == 2
    assert "run the check again" in capsys.readouterr().err
    assert not (results / "no.html").exists()
