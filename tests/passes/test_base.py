"""The contract that every registered pass keeps."""

import numpy as np
import onnx
import pytest
from planish.errors import PlanishError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.base import Pass, all_passes, find_pass, register
from planish.passes.graph import to_graph, to_parts

NET = """g (float[n,16,9,11] x) => (float[n,32,9,11] y, float[n,40] z) {
  s = Conv <pads=[1,1,1,1]> (x, w0, b0)
  sr = Relu (s)
  c = Conv <pads=[1,1,1,1]> (sr, w1, b1)
  cn = BatchNormalization (c, g, b, m, v)
  r = Relu (cn)
  i = Identity (r)
  d = Conv <pads=[1,1,1,1]> (i, w2)
  y = Add (d, i)
  dead = Exp (d)
  p = GlobalAveragePool (y)
  f = Flatten (p)
  z = Gemm <transB=1> (f, w3, b3)
}"""
WEIGHTS = {"w0": (64, 16, 3, 3), "b0": (64,), "w1": (32, 64, 3, 3), "b1": (32,), "w2": (32, 32, 3, 3)}
WEIGHTS |= {"w3": (40, 32), "b3": (40,)}


@pytest.fixture
def model(make_model, rng):
    statistics = {name: rng.standard_normal(32).astype("float32") for name in "gbm"}
    weights = {name: rng.standard_normal(shape).astype("float32") for name, shape in WEIGHTS.items()}
    weights["w0"][5], weights["b0"][5] = 0, -1
    return make_model(NET, v=rng.uniform(0.5, 2, 32).astype("float32"), **statistics, **weights)


def run_pass(pass_class, model):
    parts = as_parts(model)
    graph = to_graph(parts)
    images = np.random.default_rng(0).standard_normal((12, 16, 9, 11)).astype(np.float32)
    result = (pass_class() if pass_class.exact else pass_class(batches=[{"x": images}])).run(graph)
    return to_parts(graph, parts).to_model(), result


@pytest.mark.parametrize("pass_class", list(all_passes()), ids=lambda pass_class: pass_class.name)
class TestEveryPass:
    def test_leaves_a_valid_model_with_the_same_interface(self, pass_class, model, outputs_of):
        before = model.SerializeToString()
        after, result = run_pass(pass_class, model)
        assert result.changes, "the test's own model gives this pass nothing to do"
        assert model.SerializeToString() == before
        onnx.checker.check_model(after, full_check=True)
        expected, got = outputs_of(model, after)
        assert {name: value.shape for name, value in expected.items()} == {n: v.shape for n, v in got.items()}

    def test_is_exact_if_it_says_so(self, pass_class, model, assert_same):
        after, _ = run_pass(pass_class, model)
        if pass_class.exact:
            assert_same(model, after)
            _, second = run_pass(pass_class, after)
            assert not second.changes

    def test_gives_the_same_bytes_each_time(self, pass_class, model):
        assert run_pass(pass_class, model)[0].SerializeToString() == run_pass(pass_class, model)[0].SerializeToString()

    def test_bears_its_files_name(self, pass_class, model):
        assert pass_class.__module__.rpartition(".")[2] == pass_class.name
        assert pass_class.__doc__


def test_names_are_unique_and_unknown_ones_get_a_hint():
    with pytest.raises(PlanishError, match="did you mean 'lowrank'"):
        find_pass("lowrang")
    taken = next(iter(all_passes()))
    with pytest.raises(ValueError, match="two passes"):
        register(type("Twin", (Pass,), {"name": taken.name, "exact": True, "run": lambda *_: None}))


def test_initializers_that_are_inputs_too_are_inputs_no_more(make_model, outputs_of):
    model = make_model("g (float[n,3,5] x) => (float[n,3,5] y) { y = Mul (x, k) }", k=(3, 5))
    model.graph.input.append(onnx.helper.make_tensor_value_info("k", onnx.TensorProto.FLOAT, [3, 5]))
    model.ir_version = 3
    after = rewrite(model, []).parts.to_model()
    assert [value.name for value in after.graph.input] == ["x"]
    assert after.ir_version == 4
    onnx.checker.check_model(after)


def test_nodes_without_names_and_twins_get_names(make_model):
    model = make_model("g (float[n,3,5] x) => (float[n,3,5] y) { a = Relu (x) b = Neg (a) y = Exp (b) }")
    model.graph.node[1].name = model.graph.node[2].name = "twin"
    graph = to_graph(as_parts(model))
    assert [node.name for node in graph.nodes] == ["a", "twin", "twin_1"]
