"""How far networks with one layer changed are from the original, against whole networks run from end to end."""

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from planish.files import as_parts
from planish.passes.divergence import Diverging, divergence
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.lowrank.chain import alone
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session

NET = """g (float[n,8,40,36] x) => (float[n,9] y, float[n,32,40,36] br) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  ar = LRN <size=3> (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb)
  br = Relu (b)
  c = Conv (br, wc)
  s = Add (c, ar)
  p = GlobalAveragePool (s)
  f = Flatten (p)
  g = Gemm <transB=1> (f, wg, bias)
  y = Softmax <axis=1> (g)
}"""
SHAPES = {"wa": (32, 8, 3, 3), "wb": (32, 32, 3, 3), "wc": (32, 32, 1, 1), "wg": (9, 32), "bias": (9,)}


@pytest.fixture
def model(make_model, rng):
    scaled = {name: rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:])) for name, shape in SHAPES.items()}
    return make_model(NET, **{name: values.astype(np.float32) for name, values in scaled.items()})


def with_weight(model, name, values):
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    index = next(index for index, tensor in enumerate(changed.graph.initializer) if tensor.name == name)
    changed.graph.initializer[index].CopyFrom(onnx.numpy_helper.from_array(values, name))
    return changed


def test_each_layer_is_measured_in_the_common_network(model, rng):
    """By twice two weights, first layers first; the common network is another than the original, too."""
    batches = [{"x": rng.standard_normal((size, 8, 40, 36)).astype(np.float32)} for size in (3, 2)]
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    graph, parts = to_graph(as_parts(model)), as_parts(model)
    layers = {layer.name: layer for layer in list_layers(graph, infer_shapes(parts), "all")[0]}

    def diverged(changed):
        sessions = Session(model), Session(changed)
        return sum(divergence(graph, *(session.run(feeds) for session in sessions)) for feeds in batches) / 5

    for changing, common in ((3, model), (2, with_weight(model, "wc", weights["wc"] * np.float32(0.8)))):
        diverging = Diverging(graph, batches, ["a", "b", "g"][:changing], to_graph(as_parts(common)))
        assert diverging.of_common() == pytest.approx(diverged(common), rel=1e-3, abs=1e-9)
        for name, weight in (("a", "wa"), ("b", "wb"), ("g", "wg"))[:changing]:
            tried = [weights[weight] * np.float32(factor) for factor in (0.5, 1.5)]
            heads = [alone(graph, layers[name]) for _ in tried]
            for head, values in zip(heads, tried, strict=True):
                head.nodes[0].inputs[1] = gs.Constant("new", values)
            expected = [diverged(with_weight(common, weight, values)) for values in tried]
            assert diverging.of(heads) == pytest.approx(expected, rel=1e-3)


def test_a_layer_that_makes_the_output_itself(make_model, rng):
    model = make_model("g (float[n,4,5,6] x) => (float[n,7,5,6] y) { y = Conv (x, w) }", w=(7, 4, 1, 1))
    parts = as_parts(model)
    graph = to_graph(parts)
    (layer,), _ = list_layers(graph, infer_shapes(parts), "all")
    half = alone(graph, layer)
    half.nodes[0].inputs[1] = gs.Constant("half", half.nodes[0].inputs[1].values / 2)
    batches = [{"x": rng.standard_normal((3, 4, 5, 6)).astype(np.float32)}]
    assert Diverging(graph, batches, ["y"]).of([half, alone(graph, layer)]) == pytest.approx([0.25, 0.0], abs=1e-6)
