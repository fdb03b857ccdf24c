"""Winograd's algorithm along the rows."""

import numpy as np
import pytest
from planish.passes.exact.winograd import POINTS, RULE, toom_cook
from planish.passes.layers import ConvGeometry
from planish.passes.targets import find_target
from planish.passes.targets.rows import bands_of

BLOCK = find_target("onnxruntime").block
ROUNDING = {4: 3e-6, 7: 1e-5}
"""By m: of the largest value; more points cost digits (Lavin and Gray, 2015)."""


@pytest.mark.parametrize(("rows", "taps"), POINTS)
def test_the_algorithm_is_a_correlation(rows, taps, rng):
    a, g, b = toom_cook(rows, taps)
    assert a.shape == (rows, rows + taps - 1)
    kernel, signal = rng.standard_normal(taps), rng.standard_normal(rows + taps - 1)
    expected = np.correlate(signal, kernel, mode="valid")
    np.testing.assert_allclose(a @ ((g @ kernel) * (b @ signal)), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("kernel", "pads"), [((3, 3), (1, 1, 1, 1)), ((5, 5), (2, 2, 2, 2)), ((3, 5), (0, 2, 1, 3))])
@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("height", [19, 20, 28])
def test_wide_convolutions_multiply_less(make_model, assert_same, apply_rules, kernel, pads, group, height):
    width = 8 * BLOCK * group
    model = make_model(
        f"g (float[n,{width},{height},21] x) => (float[n,{width},h,w] y) {{ r = Relu (x) "
        f"y = Conv <group={group}, pads=[{','.join(map(str, pads))}]> (r, u, b) }}",
        u=(width, width // group, *kernel),
        b=(width,),
    )
    after, result = apply_rules(model, RULE)
    assert result.changes[0].where == "y"
    convolutions = [node for node in after.graph.node if node.op_type == "Conv"]
    bands = bands_of(ConvGeometry(kernel), height)
    attributes = {a.name: a for a in convolutions[-1].attribute}
    assert len(convolutions) == bands.products + 1
    assert attributes["group"].i == group * bands.products
    assert_same(model, after, ROUNDING[bands.rows])
    assert not apply_rules(after, RULE)[1].changes


@pytest.mark.parametrize(
    ("body", "weights", "why"),
    [
        ("y = Conv <pads=[1,1,1,1]> (x, u)", (16, 128, 3, 3), "would not make onnxruntime faster"),
        ("y = Conv <pads=[1,1,1,1], strides=[2,2]> (x, u)", (128, 128, 3, 3), None),
        ("y = Conv <pads=[2,2,2,2], dilations=[2,2]> (x, u)", (128, 128, 3, 3), None),
        ("y = Conv <pads=[1,1,1,1], group=128> (x, u)", (128, 1, 3, 3), None),
        ("y = Conv <pads=[1,0,1,0]> (x, u)", (128, 128, 3, 1), None),
    ],
)
def test_others_stay(make_model, apply_rules, body, weights, why):
    model = make_model(f"g (float[n,128,6,5] x) => (float[n,c,h,w] y) {{ {body} }}", u=weights)
    _, result = apply_rules(model, RULE)
    assert not result.changes
    assert [skip.why for skip in result.skips] == ([f"winograd: {why}"] if why else [])


def test_open_sizes_stay(make_model, apply_rules):
    model = make_model(
        "g (float[n,128,h,w] x) => (float[n,128,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, u) }", u=(128, 128, 3, 3)
    )
    assert not apply_rules(model, RULE)[1].changes


@pytest.mark.parametrize("target", ["openvino", "ncnn", "mnn", "opencv"])
def test_runtimes_with_a_fast_kernel_keep_theirs(make_model, apply_rules, target):
    model = make_model(
        "g (float[n,128,28,28] x) => (float[n,128,28,28] y) { y = Conv <pads=[1,1,1,1]> (x, u) }", u=(128, 128, 3, 3)
    )
    assert not apply_rules(model, RULE, target=target)[1].changes


def test_old_operators_stay(make_model, apply_rules):
    model = make_model(
        "g (float[n,128,28,28] x) => (float[n,128,28,28] y) { y = Conv <pads=[1,1,1,1]> (x, u) }",
        opset=9,
        u=(128, 128, 3, 3),
    )
    assert not apply_rules(model, RULE)[1].changes


@pytest.mark.parametrize("join", ["Concat <axis=1> (b, c)", "Add (b, c)"])
def test_what_is_joined_with_others_ends_in_a_convolution_that_the_runtime_keeps_in_its_layout(
    make_model, assert_same, apply_rules, join
):
    model = make_model(
        "g (float[n,128,13,12] x) => (float[n,m,13,12] y) "
        f"{{ a = Conv <pads=[1,1,1,1]> (x, u, v) b = Relu (a) c = Conv (x, w) y = {join} }}",
        u=(128, 128, 3, 3),
        v=(128,),
        w=(128, 128, 1, 1),
    )
    after, result = apply_rules(model, RULE)
    assert [change.where for change in result.changes] == ["a"]
    last = next(node for node in after.graph.node if "a" in node.output)
    weight = next(tensor for tensor in after.graph.initializer if tensor.name == last.input[1])
    assert last.op_type == "Conv"
    assert list(weight.dims) == [128, 1, 1, 1]
    assert_same(model, after, ROUNDING[7])
    assert not apply_rules(after, RULE)[1].changes
