import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph, to_parts
from planish.passes.quantize.heads import classifiers_as_gemm
from planish.runtime_check.session import Session


def _rewritten(model):
    graph = to_graph(as_parts(model))
    classifiers_as_gemm(graph)
    return to_parts(graph).to_model()


@pytest.mark.parametrize("bias", ["", ", b"])
@pytest.mark.parametrize("tail", ["y = Flatten(c)", "f = Flatten(c) y = Softmax(f)"])
def test_a_conv_on_a_pooled_map_becomes_a_gemm(make_model, rng, bias, tail):
    arrays = {"b": (7,)} if bias else {}
    model = make_model(
        f"g (float[n,5,6,4] x) => (float[n,7] y) {{ q = GlobalAveragePool(x) c = Conv(q, w{bias}) {tail} }}",
        w=(7, 5, 1, 1), **arrays,
    )  # fmt: skip
    after = _rewritten(model)
    assert [node.op_type for node in after.graph.node][:3] == ["GlobalAveragePool", "Flatten", "Gemm"]
    feeds = {"x": rng.standard_normal((3, 5, 6, 4)).astype(np.float32)}
    before, found = (Session(one).run(feeds)["y"] for one in (model, after))
    np.testing.assert_allclose(found, before, atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        "c = Conv(x, w) y = Flatten(c)",  # no pooled map
        "q = GlobalAveragePool(x) c = Conv<pads = [1,1,1,1]>(q, w) y = Flatten(c)",
        "q = GlobalAveragePool(x) c = Conv(q, w) s = Flatten(c) t = Flatten<axis = 2>(c) y = Add(s, t)",
        "q = GlobalAveragePool(x) c = Conv<group = 5>(q, grouped) y = Flatten(c)",
    ],
)
def test_others_stay(make_model, body):
    model = make_model(f"g (float[n,5,6,4] x) => (float[n,k] y) {{ {body} }}", w=(7, 5, 1, 1), grouped=(10, 1, 1, 1))
    assert [node.op_type for node in _rewritten(model).graph.node] == [node.op_type for node in model.graph.node]
