import numpy as np
import onnx
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph, to_parts
from planish.passes.layers import list_layers
from planish.passes.quantize import FAST, Quantize, StaticSettings
from planish.passes.quantize.channel_steps import separate_channels
from planish.passes.quantize.judge import compare
from planish.passes.quantize.placement import place
from planish.passes.rewrite import rewrite
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session, optimized_model

SPREAD = np.geomspace(1, 300, 16).astype(np.float32)


@pytest.fixture
def uneven(make_model):
    """A convolution whose channels' ranges differ, and then LRN, which makes small values large."""

    def build(middle="r = Relu(c) l = LRN<size = 5, alpha = 1.0, beta = 0.75>(r)"):
        model = make_model(
            f"""g (float[b,3,24,20] x) => (float[b,5,24,20] y) <float zero = {{0.0}}, float six = {{6.0}}> {{
                c = Conv(x, w1, b1) {middle} d = Conv(l, w2) e = Relu(d) y = Conv(e, w3) }}""",
            w1=(16, 3, 1, 1), b1=(16,), w2=(16, 16, 1, 1), w3=(5, 16, 1, 1), slope=(16, 1, 1),
        )  # fmt: skip
        for tensor in model.graph.initializer:
            if tensor.name in {"w1", "b1"}:
                values = onnx.numpy_helper.to_array(tensor)
                scaled = values * SPREAD.reshape(-1, *[1] * (values.ndim - 1))
                tensor.CopyFrom(onnx.numpy_helper.from_array(scaled, tensor.name))
        return model

    return build


def _separated(model, batches):
    graph = to_graph(as_parts(model))
    shapes = infer_shapes(to_parts(graph))
    layers, _ = list_layers(graph, shapes, "all")
    return graph, separate_channels(graph, layers, place(graph, {}), batches.batches)


def test_the_float_network_computes_the_same(uneven, make_batches):
    model, batches = uneven(), make_batches()
    graph, changed = _separated(model, batches)
    assert "c" in changed
    (before, after) = (Session(one).run(batches.batches[0])["y"] for one in (model, to_parts(graph).to_model()))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5 * np.abs(before).max())
    assert sum(node.op == "Mul" for node in graph.nodes) == len(changed)
    assert len({node.name for node in graph.nodes}) == len(graph.nodes)


def test_the_dequantize_linear_scales_back_for_nothing(uneven, make_batches, graph_of):
    model, batches = uneven(), make_batches()
    fidelities = []
    for equalized in (False, True):
        settings = StaticSettings(repairs=FAST, equalized=equalized)
        quantized = rewrite(model, [Quantize(batches=batches, settings=settings)], exact=False).parts.to_model()
        onnx.checker.check_model(quantized, full_check=True)
        operators = [node.op_type for node in optimized_model(quantized).graph.node]
        assert operators.count("QLinearConv") == 2
        assert "Mul" not in operators
        runs = ([Session(one).run(feeds) for feeds in batches] for one in (model, quantized))
        fidelities.append(compare(graph_of(model), *runs).sqnr_db)
    assert fidelities[1] > fidelities[0] + 6


@pytest.mark.parametrize(
    "middle",
    [
        "r = Relu(c) l = Identity(r)",  # an integer layer reads it
        "l = PRelu(c, slope)",  # whose step is to meet no ties
        "m = MaxPool<kernel_shape = [1,1]>(c) l = PRelu(m, slope)",
        "r = Clip(c, zero, six) l = LRN<size = 5, alpha = 1.0, beta = 0.75>(r)",  # whose bound would move
    ],
)
def test_others_stay(uneven, make_batches, middle):
    assert "c" not in _separated(uneven(middle), make_batches())[1]
