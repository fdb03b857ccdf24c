"""Low rank and pruning under one goal: it is kept, each does its part, and the plan can be handed back."""

import numpy as np
import pytest
from planish.errors import PlanishError
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.lowrank import Lowrank
from planish.passes.prune import Joint, Prune
from planish.passes.statistics import Sampling
from planish.passes.targets import find_target
from planish.runtime_check.session import Session

NET = """g (float[n,3,9,11] x) => (float[n,41] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa, ba)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb, bb)
  br = Relu (b)
  c = Conv <pads=[1,1,1,1]> (br, wc, bc)
  cr = Relu (c)
  p = GlobalAveragePool (cr)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy, by)
}"""
SHAPES = {"wa": (16, 3, 3, 3), "wb": (24, 16, 3, 3), "wc": (32, 24, 3, 3), "wy": (41, 32)}


@pytest.fixture
def model(make_model, rng):
    """Filters of b repeat each other, so that channels can go; those of c are sums of few separable ones."""
    arrays = {f"b{name[1:]}": rng.uniform(-0.2, 0.2, shape[0]).astype(np.float32) for name, shape in SHAPES.items()}
    for name, shape in SHAPES.items():
        arrays[name] = rng.standard_normal(shape).astype(np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    arrays["wb"][12:], arrays["bb"][12:] = arrays["wb"][:12], arrays["bb"][:12]
    vertical, horizontal = (rng.standard_normal(shape).astype(np.float32) for shape in ((4, 24, 3), (32, 4, 3)))
    arrays["wc"] = np.einsum("kch,nkw->nchw", vertical, horizontal) / np.float32(30)
    return make_model(NET, **arrays)


@pytest.fixture
def batches(rng):
    return [{"x": rng.standard_normal((8, 3, 9, 11)).astype(np.float32)} for _ in range(6)]


def joint(batches, **settings):
    shared = {"batches": batches, "sampling": Sampling(samples=30), "target": find_target("generic"), **settings}
    return Joint(lowrank=Lowrank(**shared), prune=Prune(**shared))


def error(model, result, batches):
    """Squared error of the output over its variance."""
    wanted, got = (Session(m).run(batches[0])["y"] for m in (model, result.parts.to_model()))
    return np.square(wanted - got).sum() / np.square(wanted - wanted.mean(axis=0)).sum()


def test_both_do_their_part_and_lose_less_than_either_alone(model, batches):
    both = joint(batches, goal=Goal("MACs", 2.5))
    results = {step.name: rewrite(model, [step], exact=False) for step in (both, both.prune, both.lowrank)}
    for result in results.values():
        assert 2.5 <= result.before.macs() / result.after.macs() < 3.2
    plan = dict(results["lowrank,prune"].results)["lowrank,prune"].plan
    assert {planned.form for planned in plan.layers.values()} > {"prune"}
    errors = {name: error(model, result, batches) for name, result in results.items()}
    assert errors["lowrank,prune"] < 0.9 * min(errors["prune"], errors["lowrank"])


@pytest.mark.parametrize("unit", ["parameters", "ms"])
def test_parameters_and_predicted_time_are_goals_too(model, batches, unit):
    result = rewrite(model, [joint(batches, goal=Goal(unit, 1.5))], exact=False)
    assert result.after.macs() < result.before.macs()
    if unit == "parameters":
        assert result.before.params() / result.after.params() >= 1.45


def test_a_plan_of_both_can_be_handed_back(model, batches):
    first = rewrite(model, [joint(batches, goal=Goal("MACs", 2.5))], exact=False)
    plan = dict(first.results)["lowrank,prune"].plan
    second = rewrite(model, [joint(batches, plan=plan)], exact=False)
    assert second.after.macs() == first.after.macs()


def test_where_nothing_can_be_pruned_low_rank_does_it_alone(make_model, rng):
    model = make_model(
        "g (float[n,24,9,11] x) => (float[n,32,9,11] y) { y = Conv <pads=[1,1,1,1]> (x, w) }", w=(32, 24, 3, 3)
    )
    images = [{"x": rng.standard_normal((8, 24, 9, 11)).astype(np.float32)} for _ in range(4)]
    result = rewrite(model, [joint(images, goal=Goal("MACs", 1.5))], exact=False)
    assert result.before.macs() / result.after.macs() >= 1.5
    assert "low rank alone: model 'g': nothing can be pruned" in dict(result.results)["lowrank,prune"].notes[0]


def test_without_data_or_with_a_policy_for_pruning_it_is_refused(model, batches):
    with pytest.raises(PlanishError, match="give --data"):
        rewrite(model, [joint(None)])
    step = joint(batches)
    step.prune.policy = "he2017"
    with pytest.raises(PlanishError, match="pruning alone"):
        rewrite(model, [step])
