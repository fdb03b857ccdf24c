"""Layers of whose output only a mean counts."""

import numpy as np
import onnx
import pytest
from planish.files import as_parts
from planish.passes.averaged import Averaged, averaged
from planish.passes.graph import to_graph


def found(body, outputs="float[n,4,i,j] y"):
    text = (
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[n,3,5,7] x, float[4,3,1,1] w) => ({outputs}) {{ {body} }}'
    )
    graph = to_graph(as_parts(onnx.parser.parse_model(text)))
    return averaged(graph, graph.nodes[0])


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("y = GlobalAveragePool (c)", Averaged()),
        ("r = Relu (c) y = GlobalAveragePool (r)", Averaged(low=0.0)),
        ("r = Relu (c) y = ReduceMean <axes=[2,3]> (r)", Averaged(low=0.0)),
        ("r = Relu (c) y = ReduceMean <axes=[-1,-2], keepdims=0> (r)", Averaged(low=0.0)),
        ("r = LeakyRelu <alpha=0.25> (c) y = GlobalAveragePool (r)", Averaged(low=0.0, slope=0.25)),
        ("l = Constant <value_float=0.5>() r = Clip (c, l) y = GlobalAveragePool (r)", None),
        ("r = Sigmoid (c) y = GlobalAveragePool (r)", None),
        ("r = Relu (c) y = GlobalMaxPool (r)", None),
        ("r = Relu (c) y = ReduceMean <axes=[1,2,3]> (r)", None),
        ("r = Relu (c) p = GlobalAveragePool (r) y = Mul (c, p)", None),
    ],
)
def test_the_activation_before_a_mean(between, expected):
    assert found(f"c = Conv (x, w) {between}") == expected


@pytest.mark.parametrize("output", ["c", "r"])
def test_outputs_count_as_they_are(output):
    body = "c = Conv (x, w) r = Relu (c) y = GlobalAveragePool (r)"
    assert found(body, f"float[n,4,1,1] y, float[n,4,5,7] {output}") is None


def test_values_bend_as_the_operator_bends_them(rng):
    values = rng.standard_normal((5, 7)).astype(np.float32) * 5
    np.testing.assert_array_equal(Averaged()(values), values)
    np.testing.assert_array_equal(Averaged(low=0.0)(values), np.maximum(values, 0))
    np.testing.assert_array_equal(Averaged(0.0, 6.0)(values), np.clip(values, 0, 6))
    leaky = np.where(values > 0, values, np.float32(0.25) * values)
    np.testing.assert_allclose(Averaged(low=0.0, slope=0.25)(values), leaky, rtol=1e-6)
