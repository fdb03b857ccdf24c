"""Sensitivities measured again among compressed layers, and goals that count from the network as it was given."""

import numpy as np
import pytest
from planish.errors import PlanishError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.divergence import divergence
from planish.passes.graph import to_graph, to_parts
from planish.passes.layers import list_layers
from planish.passes.lowrank import Lowrank
from planish.passes.lowrank.chain import apply_chain
from planish.passes.lowrank.refine import on_graph, reweighted
from planish.passes.lowrank.registry import forms
from planish.passes.options import KEEP, Option
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session

NET = """g (float[n,8,12,10] x) => (float[n,9] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb)
  br = Relu (b)
  c = Conv <pads=[1,1,1,1]> (br, wc)
  p = GlobalAveragePool (c)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy)
}"""
SHAPES = {"wa": (32, 8, 3, 3), "wb": (32, 32, 3, 3), "wc": (32, 32, 3, 3), "wy": (9, 32)}


@pytest.fixture
def model(make_model, rng):
    def scaled(shape):
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    return make_model(NET, **{name: scaled(shape) for name, shape in SHAPES.items()})


@pytest.fixture
def batches(rng):
    return [{"x": rng.standard_normal((6, 8, 12, 10)).astype(np.float32)} for _ in range(2)]


def option(layer, form, ranks, loss):
    return Option(layer, form, ranks, 100, 100, 1.0, 0.1, loss)


def test_the_loss_of_the_chosen_option_is_what_the_layer_contributes(model, batches):
    graph = to_graph(as_parts(model))
    parts = as_parts(model)
    layers = [layer for layer in list_layers(graph, infer_shapes(parts), "all")[0] if layer.name in {"a", "c"}]
    form = forms()["spatial"]
    made = [(layer.name, form.stages(layer, (8,)), form.factorize(layer).chain((8,))) for layer in layers]

    def diverged(names):
        changed = graph.copy()
        for layer, (name, stages, chain) in zip(on_graph(changed, layers), made, strict=True):
            if name in names:
                apply_chain(changed, layer, stages, chain)
        session, reference = Session(to_parts(changed).to_model()), Session(model)
        return sum(divergence(graph, reference.run(feeds), session.run(feeds)) for feeds in batches) / 12

    expected = {"a": diverged({"a", "c"}) - diverged({"c"}), "c": diverged({"a", "c"}) - diverged({"a"})}
    offers = [
        [
            option(name, KEEP, (), 0.0),
            option(name, "spatial", (8,), 1.1 * expected[name]),
            option(name, "spatial", (4,), 2),
        ]
        for name in ("a", "c")
    ] + [[option("b", KEEP, (), 0.0), option("b", "spatial", (8,), 3.0)]]
    chosen = [offers[0][1], offers[1][1], offers[2][0]]
    found = reweighted(graph, layers, made, offers, chosen=chosen, batches=batches)
    for options in found[:2]:
        assert options[1].loss == pytest.approx(expected[options[0].layer], rel=1e-3)
        assert options[2].loss == pytest.approx(2 / 1.1, rel=1e-3)
    assert found[2][1].loss == pytest.approx(3 / 1.1, rel=1e-3)


def test_refined_plans_keep_the_goal(model, batches):
    step = Lowrank(goal=Goal("MACs", 1.6), batches=batches, refine=2)
    result = rewrite(model, [step])
    assert result.before.macs() / result.after.macs() >= 1.6


def test_refining_needs_data(model):
    with pytest.raises(PlanishError, match="--refine measures on calibration data"):
        rewrite(model, [Lowrank(goal=Goal("MACs", 1.6), refine=1)])


def test_a_ratio_counts_from_the_network_as_it_was_given(make_model, rng):
    model = make_model(
        """g (float[n,16,12,10] x) => (float[n,32,6,5] y) {
          a = Conv <pads=[1,1,1,1], strides=[2,2]> (x, wa)
          ar = Relu (a)
          b = Conv <pads=[1,1,1,1]> (ar, wb)
          s = Slice (x, starts, ends, axes, steps)
          p = Pad (s, around)
          y = Add (b, p)
        }""",
        wa=rng.standard_normal((32, 16, 3, 3)).astype(np.float32),
        wb=rng.standard_normal((32, 32, 3, 3)).astype(np.float32),
        starts=np.array([0, 0]),
        ends=np.array([2**63 - 1, 2**63 - 1]),
        axes=np.array([2, 3]),
        steps=np.array([2, 2]),
        around=np.array([0, 8, 0, 0, 0, 8, 0, 0]),
    )
    kept = rewrite(model, [])
    assert kept.after.macs() > kept.before.macs()
    result = rewrite(model, [Lowrank(goal=Goal("MACs", 1.5), origin=as_parts(model))])
    assert result.before.macs() / result.after.macs() >= 1.5
