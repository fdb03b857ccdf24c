"""`planish compare-criteria`: every criterion at every ratio, one layer alone and the whole network."""

import json

import numpy as np
import onnx
import pytest
from planish.commands import main

NET = """<ir_version: 8, opset_import: ["" : 17]> g (float[n,3,9,11] x) => (float[n,7] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb)
  br = Relu (b)
  p = GlobalAveragePool (br)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy)
}"""
SHAPES = {"wa": (16, 3, 3, 3), "wb": (24, 16, 3, 3), "wy": (7, 24)}


@pytest.fixture
def files(tmp_path, rng):
    model = onnx.parser.parse_model(NET)
    for name, shape in SHAPES.items():
        values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        if name == "wa":  # filters 8 to 15 repeat the others, but for their size
            values[8:] = 0.5 * values[:8]
        model.graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float32), name))
    onnx.save(model, tmp_path / "net.onnx")
    images = rng.standard_normal((60, 3, 9, 11)).astype(np.float32)
    np.savez(tmp_path / "calib.npz", x=images[:40])
    np.savez(tmp_path / "eval.npz", x=images[40:], y=rng.integers(7, size=20))
    return tmp_path


def compare(files, *options):
    data = ["--data", str(files / "calib.npz"), "--eval", str(files / "eval.npz")]
    return main(["compare-criteria", str(files / "net.onnx"), *data, "--samples", "30", *options])


def test_the_fit_helps_and_a_layer_s_twins_can_go(files, capsys):
    assert compare(files, "--ratios", "1.5,2", "--layer", "a", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["original"]["agreement"] == 100
    assert document["original"]["sqnr_db"] is None
    trials = {(t["where"], t["criterion"], t["fitted"], t["ratio"]): t for t in document["trials"]}
    assert len(trials) == 2 * 4 * 2 * 2
    for trial in trials.values():
        assert 0 <= trial["verdict"]["top1"] <= 100
    sqnr_db = {key: trial["verdict"]["sqnr_db"] for key, trial in trials.items()}
    for where in ("a", "whole network"):
        for criterion in ("lasso", "greedy", "magnitude", "first"):
            assert sqnr_db[where, criterion, True, 2.0] > sqnr_db[where, criterion, False, 2.0]
    assert sqnr_db["a", "first", True, 2.0] > 50  # the first half is all that there is
    assert sqnr_db["a", "lasso", True, 2.0] > 25
    for criterion in ("lasso", "greedy"):
        assert trials["whole network", criterion, True, 2.0]["macs_left"] <= 0.5


def test_the_tables_show_accuracy_where_there_are_labels(files, capsys):
    assert compare(files, "--ratios", "2", "--criteria", "greedy,magnitude", "--report", str(files / "c.html")) == 0
    page, shown = (files / "c.html").read_text(), capsys.readouterr().out
    assert "<h2>whole network</h2>" in page and page.count("<svg") == 1 and "magnitude" in page
    assert "whole network" in shown
    assert "greedy" in shown
    assert " %" in shown
    assert "same" not in shown


def test_what_cannot_be_compared_is_told(files, capsys):
    cases = {
        ("--ratios", "1.5;2"): "like 1.5,2,3",
        ("--ratios", "0.5"): "1 or more",
        ("--criteria", "laso"): "did you mean 'lasso'",
        ("--layer", "ab"): "no layer 'ab' makes channels that may go",
        ("--report", "/no/such/folder/c.html"): "does not exist",
    }
    for options, message in cases.items():
        assert compare(files, *options) == 2
        assert message in capsys.readouterr().err
