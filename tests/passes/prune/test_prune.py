"""Whole nets: the goal is kept, the fit helps, choices can be handed back, and every refusal says why."""

import numpy as np
import onnx
import pytest
from planish.errors import BudgetError, PlanError, PlanishError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.plan import LayerPlan, Plan, read_plans, write_plans
from planish.passes.prune import Prune
from planish.passes.statistics import Sampling
from planish.passes.targets import find_target
from planish.runtime_check.session import Session

NET = """g (float[n,3,9,11] x) => (float[n,7] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa, ba)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb, bb)
  br = Relu (b)
  c = Conv <pads=[1,1,1,1]> (br, wc, bc)
  d = Add (c, ar)
  dr = Relu (d)
  e = Conv (dr, we, be)
  er = Relu (e)
  p = GlobalAveragePool (er)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy, by)
}"""
SHAPES = {"wa": (16, 3, 3, 3), "wb": (24, 16, 3, 3), "wc": (16, 24, 3, 3), "we": (32, 16, 1, 1), "wy": (7, 32)}


@pytest.fixture
def model(make_model, rng):
    """Many of its channels nearly repeat each other, as those of trained nets do."""
    arrays = {}
    for name, shape in SHAPES.items():
        fan_in = int(np.prod(shape[1:]))
        basis = rng.standard_normal((shape[0] // 3 + 2, *shape[1:])) * np.sqrt(2 / fan_in)
        mixed = basis[rng.integers(len(basis), size=shape[0])] * rng.uniform(
            0.5, 1.5, (shape[0], *[1] * (len(shape) - 1))
        )
        arrays[name] = (mixed + 0.05 * rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
        arrays["b" + name[1:]] = rng.uniform(-0.2, 0.2, shape[0]).astype(np.float32)
    return make_model(NET, **arrays)


@pytest.fixture
def images(rng):
    return rng.standard_normal((80, 3, 9, 11)).astype(np.float32)


def calibration(images):
    return [{"x": images[i : i + 8]} for i in range(0, 48, 8)]


def pruned(model, **settings):
    settings = {"sampling": Sampling(samples=30), "target": find_target("mnn"), **settings}
    return rewrite(model, [Prune(**settings)], exact=False)


def error(model, result, images):
    """Squared error of the output over its variance, on images that calibration never saw."""
    feeds = {"x": images[48:]}
    wanted, got = Session(model).run(feeds)["y"], Session(result.parts.to_model()).run(feeds)["y"]
    return float(np.square(wanted - got).sum() / np.square(wanted - wanted.mean(axis=0)).sum())


@pytest.mark.parametrize("criterion", ["lasso", "greedy", "magnitude", "first"])
def test_the_goal_is_kept_and_the_fit_helps(model, images, criterion):
    settings = {"goal": Goal("MACs", 2.0), "criterion": criterion, "batches": calibration(images)}
    fitted, cut = pruned(model, **settings), pruned(model, fitted=False, **settings)
    assert 2.0 <= fitted.before.macs() / fitted.after.macs() < 2.6
    assert error(model, fitted, images) < 0.5 * error(model, cut, images)


def test_choosing_by_data_beats_choosing_by_weights(model, images):
    errors = {
        criterion: error(model, pruned(model, criterion=criterion, batches=calibration(images)), images)
        for criterion in ("lasso", "greedy", "first")
    }
    assert errors["lasso"] < errors["first"]
    assert errors["greedy"] < errors["first"]


def test_parameters_and_milliseconds_are_goals_too(model, images):
    result = pruned(model, goal=Goal("parameters", 1.5), batches=calibration(images))
    assert result.before.params() / result.after.params() >= 1.45
    unmeasured = find_target("generic")  # a clock says little of a network as small
    result = pruned(model, goal=Goal("ms", 1.3), target=unmeasured, batches=calibration(images))
    assert result.after.macs() < result.before.macs()


def test_runs_are_reproducible_and_without_data_too(model, images):
    for batches in (calibration(images), None):
        runs = [pruned(model, batches=batches).parts.to_model().SerializeToString() for _ in range(2)]
        assert runs[0] == runs[1]


def test_a_plan_can_be_handed_back(model, images):
    first = pruned(model, batches=calibration(images))
    plan = dict(first.results)["prune"].plan
    second = pruned(model, plan=plan, criterion="greedy", batches=calibration(images))
    assert second.after.macs() == first.after.macs()
    assert dict(second.results)["prune"].plan.layers.keys() == plan.layers.keys()


def test_a_plan_makes_the_same_network_again_byte_for_byte(model, images, tmp_path):
    first = pruned(model, batches=calibration(images))
    write_plans([dict(first.results)["prune"].plan], tmp_path / "plan.json")
    (plan,) = read_plans(tmp_path / "plan.json")
    second = pruned(model, plan=plan, criterion="greedy", batches=calibration(images))
    assert second.parts.to_model().SerializeToString() == first.parts.to_model().SerializeToString()


def test_a_width_that_was_changed_by_hand_is_chosen_for_anew(model, images):
    plan = Plan({"e": LayerPlan("prune", (9,), {"kept": list(range(8))})})
    result = pruned(model, plan=plan, batches=calibration(images))
    assert len(dict(result.results)["prune"].plan.layers["e"].facts["kept"]) == 9


@pytest.mark.parametrize("kept", [[0, 0], [0, 32], [0, -1], [0, 1.0], [0, True], "01", 3])
def test_channels_of_a_plan_that_are_none_are_refused(model, kept):
    with pytest.raises(PlanError, match="'kept' is a list of different channels from 0 to 31"):
        pruned(model, plan=Plan({"e": LayerPlan("prune", (2,), {"kept": kept})}))


def test_plans_that_do_not_fit_are_refused_layer_by_layer(model):
    plan = Plan({"bb": LayerPlan("prune", (4,)), "y": LayerPlan("prune", (4,)), "e": LayerPlan("spatial", (4,))})
    with pytest.raises(PlanError, match=r"did you mean 'b'(.|\n)*reaches an output(.|\n)*form 'spatial'"):
        pruned(model, plan=plan)
    with pytest.raises(PlanError, match="33 channels are to stay, and it has 32"):
        pruned(model, plan=Plan({"e": LayerPlan("prune", (33,))}))


def test_protected_layers_keep_their_channels(model):
    result = pruned(model, protected=["b"], goal=Goal("MACs", 1.05))
    weights = {name: array.shape for name, array in result.parts.tensors.items()}
    assert (24, 16, 3, 3) in weights.values()
    skips = {skip.where: skip.why for skip in dict(result.results)["prune"].skips}
    assert skips["b"] == "'b' is to be kept"


def test_what_cannot_be_done_is_told(model, images, make_model):
    with pytest.raises(BudgetError, match="can be divided by at most"):
        pruned(model, goal=Goal("MACs", 500.0))
    with pytest.raises(BudgetError, match="at most 1"):
        pruned(model, goal=Goal("MACs", 3.0), protected=["a", "b"])
    with pytest.raises(PlanishError, match="did you mean 'lasso'"):
        pruned(model, criterion="laso", batches=calibration(images))
    with pytest.raises(PlanishError, match="give --data"):
        pruned(model, criterion="lasso")
    with pytest.raises(PlanishError, match="no layer 'z'"):
        pruned(model, protected=["z"])
    bare = make_model("g (float[n,3,5,7] x) => (float[n,4,5,7] y) { y = Conv (x, w) }", w=(4, 3, 1, 1))
    with pytest.raises(BudgetError, match=r"nothing can be pruned \(y: it reaches an output"):
        pruned(bare)


def test_computed_weights_are_left_alone(make_model):
    model = make_model(
        """g (float[n,3,5,7] x, float[6,8,1,1] w) => (float[n,6,5,7] y) {
          a = Conv (x, wa)
          b = Conv (a, wb)
          y = Conv (b, w)
        }""",
        wa=(8, 3, 1, 1),
        wb=(8, 8, 1, 1),
    )
    result = pruned(model, goal=Goal("MACs", 1.3))
    skips = {skip.where: skip.why for skip in dict(result.results)["prune"].skips}
    assert "weights are not constant" in skips["b"]
    assert [change.where for change in dict(result.results)["prune"].changes] == ["a"]
    body = "{ a = Conv (x, w) y = Conv (a, wy) }"
    computed = make_model(f"g (float[n,3,5,7] x, float[8,3,1,1] w) => (float[n,4,5,7] y) {body}", wy=(4, 8, 1, 1))
    with pytest.raises(BudgetError, match=r"nothing can be pruned \(a: its weights are not constant; y: it reaches"):
        pruned(computed)


STAGES = """g (float[n,3,32,48] x) => (float[n,7] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  ap = MaxPool <kernel_shape=[2,2], strides=[2,2]> (a)
  b = Conv <pads=[1,1,1,1]> (ap, wb)
  bp = MaxPool <kernel_shape=[2,2], strides=[2,2]> (b)
  c = Conv <pads=[1,1,1,1]> (bp, wc)
  d = Conv <pads=[1,1,1,1]> (c, wd)
  dp = MaxPool <kernel_shape=[2,2], strides=[2,2]> (d)
  e = Conv <pads=[1,1,1,1]> (dp, we)
  p = GlobalAveragePool (e)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy)
}"""
STAGE_SHAPES = {"wa": (32, 3, 3, 3), "wb": (32, 32, 3, 3), "wc": (32, 32, 3, 3), "wd": (32, 32, 3, 3)}
STAGE_SHAPES |= {"we": (32, 32, 3, 3), "wy": (7, 32)}


def test_the_paper_s_policy_leaves_the_last_stage_alone_and_spares_the_one_before(make_model):
    model = make_model(STAGES, **STAGE_SHAPES)
    plan = dict(pruned(model, policy="he2017", ends=True, goal=Goal("MACs", 3.0)).results)["prune"].plan
    widths = {name: planned.rank for name, planned in plan.layers.items()}
    assert widths.keys() == {"a", "b", "c", "d"}
    assert widths["a"] == widths["b"] < widths["c"] == widths["d"]
    assert widths["c"] == pytest.approx(1.5 * widths["a"], abs=4)


def test_the_ends_are_spared_where_they_lose_most_and_nowhere_else(make_model, rng):
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in STAGE_SHAPES.items()}
    for name in ("wb", "wc", "wd", "we"):
        arrays[name][4:] *= 0.01  # most filters of all layers but the first are small
    model = make_model(STAGES, **arrays)
    result = dict(pruned(model, goal=Goal("parameters", 1.5)).results)["prune"]
    assert [(s.where, s.why) for s in result.skips if "first" in s.why] == [
        ("a", "it is the network's first layer and would lose most; --prune-ends lets it")
    ]
    assert "a" not in result.plan.layers
    assert "a" in dict(pruned(model, goal=Goal("parameters", 20.0), ends=True).results)["prune"].plan.layers
    with pytest.raises(BudgetError, match="give --prune-ends"):
        pruned(model, goal=Goal("parameters", 60.0))


@pytest.mark.parametrize("criterion", ["lasso", "greedy"])
@pytest.mark.parametrize("dead", [(), ("wb", "bb")])
def test_images_that_are_all_alike_and_layers_that_answer_nothing_are_no_trouble(model, images, criterion, dead):
    """Second moments about the mean are then nothing but rounding."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in model.graph.initializer:
        if tensor.name in dead:
            tensor.CopyFrom(onnx.numpy_helper.from_array(0 * onnx.numpy_helper.to_array(tensor) - 1, tensor.name))
    alike = np.full_like(images, 0.5)
    result = pruned(model, goal=Goal("MACs", 1.7), criterion=criterion, batches=calibration(alike))
    outputs = [Session(m.to_model()).run({"x": alike[:1]})["y"] for m in (as_parts(model), result.parts)]
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-3, atol=1e-3)
