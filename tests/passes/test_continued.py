"""Piece by piece a network computes what it computes in one go, in whatever memory, though it changes on the way."""

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from planish.files import as_parts
from planish.passes.continued import Continued, open_piece
from planish.passes.graph import to_graph, to_parts
from planish.runtime_check.session import Session

NET = """g (float[n,3,9,11] x) => (float[n,4,9,11] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb)
  c = Add (b, ar)
  d = Conv (c, wd)
  e = Conv (x, we)
  y = Add (d, e)
}"""
SHAPES = {"wa": (5, 3, 3, 3), "wb": (5, 5, 3, 3), "wd": (4, 5, 1, 1), "we": (4, 3, 1, 1)}


@pytest.mark.parametrize("memory", [0, 5000, 10**9])
def test_every_piece_is_what_the_changed_network_computes(make_model, rng, memory):
    graph = to_graph(as_parts(make_model(NET, **SHAPES)))
    batches = [{"x": rng.standard_normal((size, 3, 9, 11)).astype(np.float32)} for size in (2, 2, 1)]
    run = Continued(graph, batches, memory)
    for wanted, changed in ((["x"], "a"), (["ar"], "b"), (["c", "ar"], "d"), (["d", "x"], "e"), (["y"], "y")):
        got = list(run.run(wanted))
        names = [name for name in wanted if name != "x"]
        session = Session(to_parts(graph).to_model(), outputs=names)
        for feeds, values in zip(batches, got, strict=True):
            expected = {**session.run(feeds), **feeds}
            assert values.keys() == set(wanted)
            for name in wanted:
                np.testing.assert_allclose(values[name], expected[name], rtol=1e-4, atol=1e-5)
        node = next(node for node in graph.nodes if node.name == changed)
        if node.op == "Conv":
            node.inputs[1] = gs.Constant(f"{changed}.new", node.inputs[1].values * np.float32(0.7))


def test_what_is_kept_is_not_computed_again(make_model, rng, monkeypatch):
    graph = to_graph(as_parts(make_model(NET, **SHAPES)))
    batches = [{"x": rng.standard_normal((2, 3, 9, 11)).astype(np.float32)}]
    computed = []
    run = Session.run
    monkeypatch.setattr(Session, "run", lambda self, feeds: computed.append(self.output_names) or run(self, feeds))
    continued = Continued(graph, batches, 10**9)
    for wanted in (["ar"], ["ar"], ["c"]):
        list(continued.run(wanted))
    assert computed == [["ar"], ["c"]]


def test_the_rest_of_a_network_is_computed_from_what_is_given(make_model, rng):
    model = make_model(NET, **SHAPES)
    graph = to_graph(as_parts(model))
    feeds = {"x": rng.standard_normal((2, 3, 9, 11)).astype(np.float32)}
    (known,) = Continued(graph, [feeds], 10**9).advance(["ar"])
    assert known.keys() == {"x", "ar"}
    given = [gs.Variable(name, np.float32) for name in ("ar", "b", "elsewhere")]
    values = {**known, "b": rng.standard_normal((2, 5, 9, 11)).astype(np.float32)}
    got = open_piece(graph, ["y"], given).run(values)
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor)[:, :, 0, 0] for tensor in model.graph.initializer}
    pairs = ((feeds["x"], weights["we"]), (values["b"] + values["ar"], weights["wd"]))
    expected = sum(np.einsum("nchw,kc->nkhw", maps, kernels) for maps, kernels in pairs)
    np.testing.assert_allclose(got["y"], expected, rtol=1e-4, atol=1e-5)
    assert open_piece(graph, [], given) is None


def test_large_images_are_computed_a_few_at_a_time(make_model, rng):
    text = "g (float[{n},3,230,240] x) => (float[{n},2,230,240] y) {{ y = Conv <pads=[1,1,1,1]> (x, w) }}"
    feeds = {"x": rng.standard_normal((3, 3, 230, 240)).astype(np.float32)}
    for batch, sizes in (("n", [1, 1, 1]), ("3", [3])):
        model = make_model(text.format(n=batch), w=(2, 3, 3, 3))
        got = [values["y"] for values in Continued(to_graph(as_parts(model)), [feeds], 0).run(["y"])]
        assert [len(values) for values in got] == sizes
        np.testing.assert_allclose(np.concatenate(got), Session(model).run(feeds)["y"], rtol=1e-4, atol=1e-4)
