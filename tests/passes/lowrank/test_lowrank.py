"""Low-rank rewriting of whole graphs: exact at full rank, honest about cost, precise about plans."""

import numpy as np
import pytest
from planish.errors import BudgetError, PlanError, PlanishError
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.lowrank import Lowrank
from planish.passes.plan import LayerPlan, Plan
from planish.runtime_check.cost import count

CONVS = {
    "plain": ("", (6, 4, 3, 5)),
    "strided": ("<strides=[2,3]>", (6, 4, 3, 5)),
    "dilated": ("<dilations=[2,3]>", (6, 4, 3, 2)),
    "padded unevenly": ("<pads=[2,0,1,3]>", (6, 4, 3, 5)),
    "grouped": ("<group=2, pads=[1,1,1,1]>", (6, 2, 3, 3)),
    "all at once": ("<group=2, strides=[2,1], dilations=[1,2], pads=[0,3,2,1]>", (6, 2, 3, 3)),
    "same upper": ('<auto_pad="SAME_UPPER", strides=[2,2]>', (6, 4, 4, 3)),
    "same lower": ('<auto_pad="SAME_LOWER", strides=[2,2]>', (6, 4, 4, 3)),
    "valid": ('<auto_pad="VALID">', (6, 4, 4, 3)),
    "row": ("", (6, 4, 1, 5)),
    "column": ("<pads=[1,0,1,0]>", (6, 4, 3, 1)),
    "pointwise": ("", (6, 4, 1, 1)),
}


def conv_model(make_model, kind, *, bias):
    attributes, shape = CONVS[kind]
    inputs = "x, w, b" if bias else "x, w"
    arrays = {"w": shape, "b": (6,)} if bias else {"w": shape}
    return make_model(f"g (float[n,4,11,13] x) => (float[n,6,h,w0] y) {{ y = Conv {attributes} ({inputs}) }}", **arrays)


def rewritten(model, **settings):
    return rewrite(model, [Lowrank(**settings)]).parts.to_model()


def full_rank_plan(*layers):
    return Plan({name: LayerPlan("auto", (rank,)) for name, rank in layers})


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("kind", CONVS)
def test_a_conv_is_exact_at_full_rank(make_model, assert_same, kind, bias):
    model = conv_model(make_model, kind, bias=bias)
    filters, channels, height, width = CONVS[kind][1]
    group = 4 // channels
    after = rewritten(model, plan=full_rank_plan(("y", min(channels * height, filters // group * width))))
    assert [node.op_type for node in after.graph.node] == ["Conv", "Conv"]
    assert_same(model, after)


@pytest.mark.parametrize("kind", CONVS)
def test_the_cost_that_is_promised_is_the_cost_that_is_counted(make_model, kind):
    model = conv_model(make_model, kind, bias=True)
    result = rewrite(model, [Lowrank(plan=full_rank_plan(("y", 2)))])
    promised = dict(result.results)["lowrank"].changes[0].what
    counted = count(result.parts.to_model())
    assert promised.endswith(f"to {counted.macs() / 1e6:.1f} MMACs")
    assert result.after.macs() == counted.macs()


@pytest.mark.parametrize(
    ("body", "weight"),
    [
        ("y = Gemm <transB=1> (x, w, b)", (7, 5)),
        ("y = Gemm (x, w, b)", (5, 7)),
        ("y = Gemm <transB=1> (x, w)", (7, 5)),
        ("y = MatMul (x, w)", (5, 7)),
    ],
)
def test_a_product_is_exact_at_full_rank(make_model, assert_same, body, weight):
    arrays = {"w": weight, "b": (7,)} if "b)" in body else {"w": weight}
    model = make_model(f"g (float[n,5] x) => (float[n,7] y) {{ {body} }}", **arrays)
    after = rewritten(model, plan=full_rank_plan(("y", 5)))
    assert len(after.graph.node) == 2
    assert_same(model, after)


def test_a_matmul_over_many_rows_is_exact_and_counted(make_model, assert_same):
    model = make_model("g (float[1,6,5] x) => (float[1,6,7] y) { y = MatMul (x, w) }", w=(5, 7))
    result = rewrite(model, [Lowrank(plan=full_rank_plan(("y", 5)))])
    assert result.before.macs() == 6 * 5 * 7
    assert result.after.macs() == 6 * 5 * (5 + 7)
    assert_same(model, result.parts.to_model())


NET = """g (float[n,4,9,11] x, float[n,4,9,11] x2) => (float[n,8,9,11] y, float[n,6] z) {
  a = Conv <pads=[1,1,1,1]> (x, wa, ba)
  b = Conv <pads=[1,1,1,1]> (x2, wb)
  ar = Relu (a)
  joined = Concat <axis=1> (ar, b)
  c = Conv <pads=[1,1,1,1]> (joined, wc, bc)
  y = Add (c, joined)
  pooled = GlobalAveragePool (y)
  flat = Flatten (pooled)
  z = Gemm <transB=1> (flat, wz, bz)
}"""
NET_WEIGHTS = {
    "wa": (4, 4, 3, 3),
    "ba": (4,),
    "wb": (4, 4, 3, 3),
    "wc": (8, 8, 3, 3),
    "bc": (8,),
    "wz": (6, 8),
    "bz": (6,),
}


def test_concat_residual_and_several_inputs_and_outputs_are_exact_at_full_rank(make_model, assert_same):
    model = make_model(NET, **NET_WEIGHTS)
    original = model.SerializeToString()
    after = rewritten(model, plan=full_rank_plan(("a", 12), ("b", 12), ("c", 24), ("z", 6)))
    assert len(after.graph.node) == len(model.graph.node) + 4
    assert model.SerializeToString() == original
    assert_same(model, after)


def test_one_layer_alone_is_rewritten(make_model):
    model = make_model(NET, **NET_WEIGHTS)
    after = rewritten(model, plan=full_rank_plan(("c", 3)))
    names = [node.name for node in after.graph.node]
    assert [name for name in names if name.startswith("c")] == ["c_v", "c_h"]
    assert len(names) == len(model.graph.node) + 1


def test_two_layers_with_one_weight_are_both_rewritten(make_model, assert_same):
    model = make_model(
        "g (float[n,4,9,7] x) => (float[n,4,9,7] y) "
        "{ a = Conv <pads=[1,1,1,1]> (x, w) r = Relu (a) y = Conv <pads=[1,1,1,1]> (r, w) }",
        w=(4, 4, 3, 3),
    )
    after = rewritten(model, plan=full_rank_plan(("a", 12), ("y", 12)))
    assert len(after.graph.node) == 5
    assert_same(model, after)


@pytest.mark.parametrize("scope", ["all", "conv"])
@pytest.mark.parametrize("ratio", [1.3, 1.6])
def test_the_ratio_is_met(make_model, scope, ratio):
    model = make_model(NET.replace("4,9,11", "64,9,11").replace("8,9,11", "128,9,11"), **wide_weights())
    result = rewrite(model, [Lowrank(goal=Goal("MACs", ratio), scope=scope)])
    reached = result.before.macs(scope) / result.after.macs(scope)
    assert ratio <= reached < ratio * 1.1


def wide_weights():
    return {
        "wa": (64, 64, 3, 3),
        "ba": (64,),
        "wb": (64, 64, 3, 3),
        "wc": (128, 128, 3, 3),
        "bc": (128,),
        "wz": (6, 128),
        "bz": (6,),
    }


def test_a_ratio_out_of_reach_says_what_can_be_reached(make_model):
    model = make_model(NET, **NET_WEIGHTS)
    with pytest.raises(BudgetError, match="out of reach") as caught:
        rewrite(model, [Lowrank(goal=Goal("MACs", 50))])
    reachable = caught.value.reachable
    assert 1 < reachable < 50
    result = rewrite(model, [Lowrank(goal=Goal("MACs", reachable))])
    assert result.before.macs() / result.after.macs() >= reachable


@pytest.mark.parametrize("ratio", [0.5, 0, -2, float("nan"), float("inf")])
def test_a_ratio_below_one_is_refused(make_model, ratio):
    with pytest.raises(PlanishError, match="must be 1 or more"):
        rewrite(make_model(NET, **NET_WEIGHTS), [Lowrank(goal=Goal("MACs", ratio))])


def test_a_plan_that_does_not_fit_is_refused_fault_by_fault(make_model):
    model = make_model(NET, **NET_WEIGHTS)
    plan = Plan(
        {
            "cc": LayerPlan("spatial", (3,)),
            "a": LayerPlan("spatial", (13,)),
            "b": LayerPlan("gemm", (3,)),
            "z": LayerPlan("spatiel", (3,)),
        }
    )
    with pytest.raises(PlanError) as caught:
        rewrite(model, [Lowrank(plan=plan)])
    message = str(caught.value)
    assert "no layer 'cc'; did you mean 'c'?" in message
    assert "layer 'a': rank 13 is above its full rank of 12" in message
    assert "layer 'b' cannot take the form 'gemm': it is a Conv" in message
    assert "'spatiel' is no low-rank form; did you mean 'spatial'?" in message


def test_layers_that_have_no_form_are_named_with_the_reason(make_model):
    text = """g (float[n,4,9,11] x, float[6,4,3,3] w) => (float[n,6,7,9] y, float[n,4,7,9] d, float[n,3,5] one) {
      y = Conv (x, w)
      d = Conv <group=4> (x, wd)
      s = Constant <value = int64[3] {0,4,99}> ()
      r = Reshape (x, s)
      one = Conv (r, w1)
    }"""
    model = make_model(text, wd=(4, 1, 3, 3), w1=(3, 4, 95))
    result = rewrite(model, [Lowrank(goal=Goal("MACs", 1))])
    reasons = {skip.where: skip.why for skip in dict(result.results)["lowrank"].skips}
    assert reasons["y"] == "its weights are not constant"
    assert "depthwise" in reasons["d"]
    assert reasons["one"] == "it is a 1-D convolution"


def test_same_input_same_bytes_and_the_plan_reproduces_them(make_model):
    model = make_model(NET.replace("4,9,11", "64,9,11").replace("8,9,11", "128,9,11"), **wide_weights())
    first = rewrite(model, [Lowrank(goal=Goal("MACs", 1.5))])
    plan = dict(first.results)["lowrank"].plan
    assert plan.layers
    again = rewritten(model, goal=Goal("MACs", 1.5))
    from_plan = rewritten(model, plan=plan)
    assert first.parts.to_model().SerializeToString() == again.SerializeToString() == from_plan.SerializeToString()


def test_low_rank_weights_are_recovered_exactly_at_their_rank(make_model, assert_same, rng):
    left, right = rng.standard_normal((12, 2)), rng.standard_normal((2, 18))
    kernel = (left @ right).reshape(4, 3, 6, 3).transpose(2, 0, 1, 3).astype(np.float32)
    model = make_model(
        "g (float[n,4,9,11] x) => (float[n,6,7,9] y) { y = Conv (x, w) }", w=np.ascontiguousarray(kernel)
    )
    assert_same(model, rewritten(model, plan=full_rank_plan(("y", 2))))


def test_zero_weights_are_no_trouble(make_model):
    model = make_model(
        "g (float[n,4,9,11] x) => (float[n,6,7,9] y) { y = Conv (x, w) }", w=np.zeros((6, 4, 3, 3), np.float32)
    )
    after = rewritten(model, plan=full_rank_plan(("y", 2)))
    assert all(np.isfinite(onnx_array).all() for onnx_array in arrays_of(after))


def arrays_of(model):
    import onnx

    return [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
