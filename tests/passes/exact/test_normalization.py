"""Layer and instance normalization put together again."""

import numpy as np
import pytest
from planish.passes.exact.normalization import RULE


def taken_apart(axes, opset, more="y = Div (d, s)"):
    attribute, extra = (f"<axes=[{axes}]>", "") if opset < 18 else ("", ", axes")
    return (
        f"m = ReduceMean {attribute} (x{extra}) d = Sub (x, m) q = Pow (d, two) v = ReduceMean {attribute} (q{extra}) "
        f"w = Add (v, e) s = Sqrt (w) {more}"
    )


CONSTANTS = {"two": np.array(2, np.float32), "e": np.array(1e-3, np.float32)}


@pytest.mark.parametrize("opset", [17, 18])
def test_layer_normalization_with_its_scale_and_shift(make_model, assert_same, apply_rules, opset, rng):
    body = taken_apart("-1", opset, "u = Div (d, s) z = Mul (u, gamma) y = Add (z, beta)")
    constants = {**CONSTANTS, "gamma": rng.uniform(1, 2, 7).astype(np.float32), "beta": np.arange(7, dtype=np.float32)}
    constants |= {"axes": np.array([-1])} if opset >= 18 else {}
    model = make_model(f"g (float[n,5,7] x) => (float[n,5,7] y) {{ {body} }}", opset=opset, **constants)
    after, result = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["LayerNormalization"]
    assert result.changes[0].what == "normalization: as LayerNormalization"
    assert_same(model, after, 1e-5)
    assert not apply_rules(after, RULE)[1].changes


@pytest.mark.parametrize("bias", [(5, 1, 1), (1,)])
def test_instance_normalization(make_model, assert_same, apply_rules, bias):
    body = taken_apart("2, 3", 13, "u = Div (d, s) y = Add (u, b)")
    model = make_model(f"g (float[n,5,7,9] x) => (float[n,5,7,9] y) {{ {body} }}", opset=13, b=bias, **CONSTANTS)
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["InstanceNormalization"]
    assert_same(model, after, 1e-5)


def test_mean_and_variance_of_maps(make_model, assert_same, apply_rules):
    model = make_model(
        "g (float[n,5,7,9] x) => (float[n,5,7,9] y) { y = MeanVarianceNormalization <axes=[2,3]> (x) }", opset=13
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["InstanceNormalization"]
    assert_same(model, after, 1e-5)


@pytest.mark.parametrize(
    ("axes", "opset", "why"),
    [("1", 17, "over axes [1], which no operator does"), ("3", 16, "the opset has no operator")],
)
def test_what_it_declines(make_model, apply_rules, axes, opset, why):
    model = make_model(
        f"g (float[n,5,7,9] x) => (float[n,5,7,9] y) {{ {taken_apart(axes, opset)} }}", opset=opset, **CONSTANTS
    )
    _, result = apply_rules(model, RULE)
    assert not result.changes
    assert why in result.skips[0].why
