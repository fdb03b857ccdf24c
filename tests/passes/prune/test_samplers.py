"""A branch alone reads fewer channels through a Gather, where that pays and loses less than to prune all alike."""

import numpy as np
import onnx
import pytest
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.plan import LayerPlan, Plan
from planish.passes.prune import Prune
from planish.passes.statistics import Sampling
from planish.passes.targets import find_target
from planish.runtime_check.session import Session

NET = """g (float[n,3,20,24] x) => (float[n,90,20,24] y) {
  s = Conv <pads=[1,1,1,1]> (x, ws)
  sr = Relu (s)
  a = Conv <pads=[1,1,1,1]> (sr, wa)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb)
  c = Add (b, sr)
  cr = Relu (c)
  y = Conv (cr, wy)
}"""
SHAPES = {"ws": (128, 3, 3, 3), "wa": (128, 128, 3, 3), "wb": (128, 128, 3, 3), "wy": (90, 128, 1, 1)}


@pytest.fixture
def model(make_model, rng):
    """The branch's first layer listens to half of the shortcut's channels; its own are all of use."""
    arrays = {
        name: (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)
        for name, shape in SHAPES.items()
    }
    arrays["wa"][:, 64:] *= 0.01
    return make_model(NET, **arrays)


@pytest.fixture
def batches(rng):
    return [{"x": rng.standard_normal((8, 3, 20, 24)).astype(np.float32)} for _ in range(3)]


def pruned(model, batches, unit="MACs", **settings):
    step = Prune(batches=batches, sampling=Sampling(samples=200), target=find_target("openvino"), **settings)
    if "plan" not in settings:
        step.goal = Goal(unit, 1.3)
    result = rewrite(model, [step], exact=False)
    return result, dict(result.results)["prune"].plan


@pytest.mark.parametrize("unit", ["MACs", "ms"])
def test_the_branch_gets_a_sampler_and_the_goal_is_kept(model, batches, unit):
    result, plan = pruned(model, batches, unit)
    assert plan.layers["a.sampler"].rank in {64, 80}
    after = result.parts.to_model()
    onnx.checker.check_model(after, full_check=True)
    (gather,) = [node for node in after.graph.node if node.op_type == "Gather"]
    assert gather.name == "a.sampler"
    if unit == "MACs":
        assert result.before.macs() / result.after.macs() >= 1.3
    wanted, got = (Session(m).run(batches[0])["y"] for m in (model, after))
    assert np.square(wanted - got).sum() < 0.01 * np.square(wanted - wanted.mean(axis=0)).sum()


def test_a_plan_puts_samplers_in(model, batches):
    plan = Plan({"a.sampler": LayerPlan("prune", (48,)), "a": LayerPlan("prune", (96,))})
    result, carried_out = pruned(model, batches, plan=plan)
    assert carried_out.layers.keys() == plan.layers.keys()
    shapes = {array.shape for array in result.parts.tensors.values()}
    assert {(96, 48, 3, 3), (48,), (128, 96, 3, 3), (128, 3, 3, 3)} <= shapes


def test_without_a_gain_in_time_there_is_none(make_model, rng, batches):
    """A convolution of 1x1 with few filters takes no longer than to pick what it reads."""
    shapes = {**SHAPES, "wa": (16, 128, 1, 1), "wb": (128, 16, 3, 3)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    arrays["wa"][:, 16:] *= 0.01
    text = NET.replace("a = Conv <pads=[1,1,1,1]>", "a = Conv")
    _, plan = pruned(make_model(text, **arrays), batches)
    assert "a.sampler" not in plan.layers
