"""Low rank with calibration data: better than weights alone, on data that was not seen."""

from dataclasses import replace

import numpy as np
import pytest
from planish.errors import PlanError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.base import Result
from planish.passes.budget import Goal
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.lowrank import Lowrank
from planish.passes.lowrank.fit import surroundings
from planish.passes.lowrank.fitting import plan_for_layer
from planish.passes.plan import LayerPlan, Plan
from planish.passes.statistics import Sampling
from planish.passes.targets import find_target
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session

NET = """g (float[n,8,12,10] x) => (float[n,9] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa, ba)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb, bb)
  br = Relu (b)
  c = Conv <pads=[1,1,1,1]> (br, wc, bc)
  s = Add (c, ar)
  sr = Relu (s)
  d = Conv <pads=[1,1,1,1], group=2> (sr, wd)
  joined = Concat <axis=1> (d, br)
  p = GlobalAveragePool (joined)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy, by)
}"""
WEIGHTS = {
    "wa": (32, 8, 3, 3),
    "ba": (32,),
    "wb": (32, 32, 3, 3),
    "bb": (32,),
    "wc": (32, 32, 3, 3),
    "bc": (32,),
    "wd": (32, 16, 3, 3),
    "wy": (9, 64),
    "by": (9,),
}


@pytest.fixture
def model(make_model, rng):
    def scaled(shape):
        return (rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))).astype(np.float32)

    return make_model(NET, **{name: scaled(shape) for name, shape in WEIGHTS.items()})


@pytest.fixture
def images(rng):
    mixing = rng.standard_normal((8, 3, 1, 1)).astype(np.float32)
    smooth = rng.standard_normal((60, 3, 6, 5)).repeat(2, axis=2).repeat(2, axis=3)
    return np.einsum("nchw,kc->nkhw", smooth, mixing[:, :, 0, 0]).astype(np.float32)


def loss_of(model, rewritten, images):
    before, after = (Session(m).run({"x": images})["y"] for m in (model, rewritten))
    return np.square(before - after).sum() / np.square(before - before.mean(axis=0)).sum()


RANKS = {
    "spatial": (8,),
    "spatial_hv": (8,),
    "channel": (8,),
    "input_channel": (8,),
    "separable": (3,),
    "tucker": (9, 12),
    "spatial_channel": (9, 6),
}


@pytest.mark.parametrize("form", RANKS)
def test_every_form_gains_from_data(model, images, form):
    plan = Plan({name: LayerPlan(form, RANKS[form]) for name in "bcd"} | {"y": LayerPlan("gemm", (4,))})
    calibration = [{"x": images[i : i + 10]} for i in range(0, 40, 10)]
    blind = rewrite(model, [Lowrank(plan=plan)]).parts.to_model()
    fitted = rewrite(model, [Lowrank(plan=plan, batches=calibration)]).parts.to_model()
    assert loss_of(model, fitted, images[40:]) < loss_of(model, blind, images[40:])


def test_sensitivity_keeps_the_goal_and_is_reproducible(model, images):
    calibration = [{"x": images[i : i + 10]} for i in range(0, 40, 10)]
    runs = [
        rewrite(model, [Lowrank(goal=Goal("MACs", 1.8), batches=calibration, sampling=Sampling(samples=20))])
        for _ in range(2)
    ]
    first = runs[0]
    assert 1.8 <= first.before.macs() / first.after.macs() < 2.1
    assert first.parts.to_model().SerializeToString() == runs[1].parts.to_model().SerializeToString()
    plan = dict(first.results)["lowrank"].plan
    again = rewrite(model, [Lowrank(plan=plan, batches=calibration, sampling=Sampling(samples=20))])
    assert again.parts.to_model().SerializeToString() == first.parts.to_model().SerializeToString()


@pytest.mark.parametrize("unit", ["MACs", "ms"])
def test_the_rule_of_niu_keeps_the_goal(model, images, unit):
    calibration = [{"x": images[:20]}]
    settings = {"goal": Goal(unit, 1.4), "ranks": "niu", "batches": calibration, "target": find_target("generic")}
    result = rewrite(model, [Lowrank(forms=["channel", "spatial", "gemm"], **settings)])
    plan = dict(result.results)["lowrank"].plan
    assert plan.settings["ranks"] == "niu"
    assert plan.layers
    if unit == "MACs":
        assert 1.4 <= result.before.macs() / result.after.macs() < 1.8


def test_two_ranks_on_the_command_line_of_a_plan(model):
    after = rewrite(model, [Lowrank(plan=plan_for_layer("c", (5, 6)))])
    assert dict(after.results)["lowrank"].plan.layers["c"] == LayerPlan("tucker", (5, 6))
    named = rewrite(model, [Lowrank(plan=plan_for_layer("c", (5,)), forms=["gemm", "channel"])])
    assert dict(named.results)["lowrank"].plan.layers["c"] == LayerPlan("channel", (5,))
    with pytest.raises(PlanError, match="the form 'spatial' has 1 rank"):
        rewrite(model, [Lowrank(plan=Plan({"c": LayerPlan("spatial", (5, 6))}))])
    with pytest.raises(PlanError, match="rank 33 is above its full rank of 32"):
        rewrite(model, [Lowrank(plan=Plan({"c": LayerPlan("tucker", (5, 33))}))])


def test_winograd_targets_are_offered_what_keeps_a_3x3(model, images):
    for target, expected in (("ncnn", {"input_channel", "channel", "tucker"}), ("onnxruntime", {"spatial"})):
        lowrank = Lowrank(batches=[{"x": images[:20]}], target=find_target(target))
        graph = to_graph(as_parts(model))
        layers = list_layers(graph, infer_shapes(as_parts(model)), "all")[0]
        wide = [replace(layer, input_size=(56, 58), macs=layer.weight.size * 56 * 58) for layer in layers[:3]]
        offered = {form.name for _, forms in lowrank.choices(wide, Result()) for form in forms}
        assert expected <= offered


def test_what_stands_behind_a_layer_is_seen(model):
    parts = as_parts(model)
    graph = to_graph(parts)
    layers = {layer.name: layer for layer in list_layers(graph, infer_shapes(parts), "all")[0]}
    seen = {name: surroundings(graph, layer) for name, layer in layers.items()}
    assert (seen["a"].slopes.any(), seen["a"].shortcut) == (False, None)
    assert (seen["c"].slopes.any(), seen["c"].shortcut) == (False, "ar")
    assert (seen["d"].slopes, seen["d"].shortcut) == (None, None)


@pytest.mark.parametrize("unit", ["parameters", "ms"])
def test_other_goals_are_met(model, images, unit):
    calibration = [{"x": images[:20]}]
    result = rewrite(model, [Lowrank(goal=Goal(unit, 1.3), batches=calibration)])
    if unit == "parameters":
        assert result.before.params() / result.after.params() >= 1.28
    assert dict(result.results)["lowrank"].plan.layers


def test_a_matmul_gets_the_bias_that_the_fit_found(make_model, rng):
    model = make_model("g (float[n,40] x) => (float[n,30] y) { a = MatMul (x, w) y = Relu (a) }", w=(40, 30))
    rows = (rng.standard_normal((60, 12)) @ rng.standard_normal((12, 40)) + 1).astype(np.float32)
    plan = Plan({"a": LayerPlan("gemm", (10,))})
    after = rewrite(model, [Lowrank(plan=plan, batches=[{"x": rows[:40]}])]).parts.to_model()
    assert [node.op_type for node in after.graph.node] == ["MatMul", "Gemm", "Relu"]  # an exact rule joins the bias
    blind = rewrite(model, [Lowrank(plan=plan)]).parts.to_model()
    assert loss_of(model, after, rows[40:]) < loss_of(model, blind, rows[40:])
