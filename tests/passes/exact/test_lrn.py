"""LRN as a banded convolution, judged by onnxruntime's own LRN with optimizations off."""

import numpy as np
import pytest
from planish.passes.exact.lrn import RULE, group_width
from planish.runtime_check.session import Session


@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("beta", [0.75, 0.5, 0.25, 1.0, 1.75, 2.0, 0.6])
def test_any_window_and_power(make_model, assert_same, apply_rules, size, beta):
    model = make_model(
        "g (float[n,7,5,3] x) => (float[n,7,5,3] y) "
        f"{{ s = Mul (x, k) y = LRN <size={size}, alpha=0.8, beta={beta}, bias=1.5> (s) }}",
        k=np.array(4, np.float32),
    )
    after, result = apply_rules(model, RULE)
    assert "LRN" not in [node.op_type for node in after.graph.node]
    assert result.changes[0].where == "y"
    assert_same(model, after, 1e-5)
    assert not apply_rules(after, RULE)[1].changes


@pytest.mark.parametrize("size", [2, 3, 6])
@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 3), (2, 128, 1, 2), (2, 6, 2, 3, 4), (1, 51, 2)])
def test_windows_of_even_size_and_other_ranks_follow_the_definition(make_model, apply_rules, shape, size, rng):
    open_shape = f"n,{shape[1]}," + ",".join("xyz"[: len(shape) - 2])
    model = make_model(
        f"g (float[{open_shape}] x) => (float[{open_shape}] y) {{ y = LRN <size={size}, alpha=0.7> (x) }}"
    )
    x = rng.standard_normal(shape).astype(np.float32)
    after = apply_rules(model, RULE)[0]
    assert ("Slice" in [node.op_type for node in after.graph.node]) == (group_width(shape[1], size) < shape[1])
    got = Session(after).run({"x": x})["y"]
    for c in range(shape[1]):
        window = x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1].astype(np.float64)
        wanted = x[:, c] / (1 + 0.7 / size * (window**2).sum(axis=1)) ** 0.75
        np.testing.assert_allclose(got[:, c], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("channels", "width"), [(6, 6), (20, 20), (21, 21), (32, 16), (64, 16), (96, 16), (102, 17), (157, 157)]
)
def test_groups_are_few_products_and_few_copies(channels, width):
    assert group_width(channels, 5) == width
    assert group_width(channels, 2 * channels) == channels


def test_attributes_left_out_have_onnx_defaults(make_model, assert_same, apply_rules):
    model = make_model(
        "g (float[n,5,3,4] x) => (float[n,5,3,4] y) { s = Mul (x, k) y = LRN <size=3> (s) }", k=np.array(90, np.float32)
    )
    assert_same(model, apply_rules(model, RULE)[0], 2e-6)


@pytest.mark.parametrize(
    ("shape", "attributes", "why"),
    [
        ("n,7,5,3", "size=3, bias=0.0", "need not be positive"),
        ("n,7,5,3", "size=3, alpha=-0.1", "need not be positive"),
        ("n,7", "size=3", "no axis of space"),
        ("n,c,5,3", "size=3", "its channels are not known"),
    ],
)
def test_what_it_declines(make_model, apply_rules, shape, attributes, why):
    model = make_model(f"g (float[{shape}] x) => (float[{shape}] y) {{ y = LRN <{attributes}> (x) }}")
    after, result = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["LRN"]
    assert why in result.skips[0].why


def test_a_target_that_does_not_gain_keeps_it(make_model, apply_rules):
    model = make_model("g (float[n,7,5,3] x) => (float[n,7,5,3] y) { y = LRN <size=3> (x) }")
    _, result = apply_rules(model, RULE, target="openvino")
    assert not result.changes
    assert result.skips[0].why == "lrn: would not make openvino faster"


@pytest.mark.parametrize(("channels", "operators"), [(7, ["Conv", "Sqrt"]), (128, ["Slice", "Slice"])])
def test_open_sizes_and_old_operators(make_model, assert_same, apply_rules, channels, operators):
    text = f"g (float[n,{channels},h,w] x) => (float[n,{channels},h,w] y) {{ y = LRN <size=3, alpha=0.5> (x) }}"
    model = make_model(text, opset=9)
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node][:3] == ["Mul", *operators]
    assert_same(model, after)


def test_other_types_stay(make_model, apply_rules):
    model = make_model("g (float16[n,7,5,3] x) => (float16[n,7,5,3] y) { y = LRN <size=3> (x) }")
    after, result = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["LRN"]
    assert result.skips[0].why == "lrn: it is not computed in float32"
