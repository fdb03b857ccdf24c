"""Zeros are counted in the structures that they form, and `inspect --sparsity` tells."""

import json

import numpy as np
import onnx
import pytest
from planish.commands import main
from planish.errors import PlanishError
from planish.files import as_parts
from planish.passes.graph import to_graph
from planish.passes.prune.sparsity import Zeros, sparsity

NET = """g (float[n,3,8,12] x) => (float[n,5] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  p = GlobalAveragePool (a)
  f = Flatten (p)
  g1 = Gemm (f, wg)
  y = MatMul (g1, wy)
}"""


@pytest.fixture
def model(make_model, rng):
    arrays = {"wa": (8, 3, 2, 5), "wg": (8, 6), "wy": (6, 5)}
    arrays = {name: rng.uniform(0.5, 1, shape).astype(np.float32) for name, shape in arrays.items()}
    arrays["wa"][2] = 0
    arrays["wa"][:, 1] = 0
    arrays["wa"][:, 2, 1, 3] = 0
    arrays["wa"][5, 0, 1] = 1e-5
    arrays["wg"][3] = 0  # without transB: a channel
    arrays["wy"][:, 4] = 0  # a filter
    return make_model(NET, **arrays)


def test_zeros_are_counted_by_structure(model):
    conv, gemm, matmul = sparsity(to_graph(as_parts(model)))
    assert (conv.filters, conv.channels) == (Zeros(1, 8), Zeros(1, 3))
    assert conv.columns == Zeros(11, 30)
    assert conv.rows == Zeros(8 * 2 + 2 * 2, 48)
    assert conv.elements == Zeros(30 + 7 * 10 + 7, 240)
    assert conv.elements.share == pytest.approx(107 / 240)
    assert (gemm.channels, gemm.filters, gemm.rows) == (Zeros(1, 8), Zeros(0, 6), Zeros(6, 48))
    assert (matmul.channels, matmul.filters) == (Zeros(0, 6), Zeros(1, 5))


def test_the_threshold_says_what_counts(model):
    conv = sparsity(to_graph(as_parts(model)), 1e-4)[0]
    assert conv.rows == Zeros(21, 48)
    with pytest.raises(PlanishError, match="must be 0 or more"):
        sparsity(to_graph(as_parts(model)), float("nan"))


def test_inspect_shows_them(model, tmp_path, capsys):
    onnx.save(model, tmp_path / "net.onnx")
    assert main(["inspect", "--sparsity", str(tmp_path / "net.onnx")]) == 0
    assert "107 of 240" in capsys.readouterr().out
    assert main(["inspect", "--sparsity", "--threshold", "1e-4", "--json", str(tmp_path / "net.onnx")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["layers"][0]["rows"] == {"count": 21, "of": 48}
    assert main(["inspect", "--sparsity", "--threshold", "-1", str(tmp_path / "net.onnx")]) == 2
