"""Folding of affine maps, judged by onnxruntime with optimizations off."""

import numpy as np
import onnx
import pytest
from planish.passes.exact.fold_affine import RULE


def bn_arrays(rng, filters, prefix=""):
    arrays = {name: rng.standard_normal(filters).astype(np.float32) for name in ("g", "b", "m")}
    arrays["v"] = rng.uniform(0.3, 2, filters).astype(np.float32)
    return {prefix + name: array for name, array in arrays.items()}


@pytest.fixture
def folded(apply_rules):
    return lambda model: apply_rules(model, RULE)


@pytest.mark.parametrize(
    ("layer", "weight"),
    [
        ("Conv <pads=[1,0,2,1], strides=[2,1]> (x, w)", (6, 4, 3, 2)),
        ("Conv <group=2, dilations=[2,1]> (x, w)", (6, 2, 2, 3)),
        ("ConvTranspose <group=2, strides=[2,1]> (x, w)", (4, 3, 2, 3)),
    ],
)
def test_batchnorm_after_a_convolution_is_folded(folded, make_model, assert_same, rng, layer, weight):
    batchnorm = "y = BatchNormalization <epsilon=0.01> (c, g, b, m, v)"
    text = f"g (float[n,4,7,9] x) => (float[n,6,h,w0] y) {{ c = {layer} {batchnorm} }}"
    model = make_model(text, w=weight, **bn_arrays(rng, 6))
    after, result = folded(model)
    assert [node.op_type for node in after.graph.node] == [layer.split()[0]]
    assert len(result.changes) == 1
    assert_same(model, after)


@pytest.mark.parametrize("transpose", [0, 1])
def test_batchnorm_after_gemm_is_folded(folded, make_model, assert_same, rng, transpose):
    text = (
        "g (float[n,5] x) => (float[n,3] y) "
        f"{{ c = Gemm <transB={transpose}> (x, w, c0) y = BatchNormalization (c, g, b, m, v) }}"
    )
    model = make_model(text, w=(3, 5) if transpose else (5, 3), c0=(3,), **bn_arrays(rng, 3))
    after, _ = folded(model)
    assert len(after.graph.node) == 1
    assert_same(model, after)


@pytest.mark.parametrize(
    ("operation", "shape"),
    [
        ("Mul (c, k)", (1, 6, 1, 1)),
        ("Mul (k, c)", (6, 1, 1)),
        ("Add (c, k)", (1, 1, 1, 1)),
        ("Sub (c, k)", (6, 1, 1)),
        ("Sub (k, c)", (6, 1, 1)),
        ("Div (c, k)", (1, 6, 1, 1)),
    ],
)
def test_scale_and_shift_by_constants_are_folded(folded, make_model, assert_same, rng, operation, shape):
    text = f"g (float[n,4,5,6] x) => (float[n,6,4,3] y) {{ c = Conv (x, w, b0) y = {operation} }}"
    constant = rng.uniform(0.5, 2, shape).astype(np.float32)
    model = make_model(text, w=(6, 4, 2, 4), b0=(6,), k=constant)
    after, _ = folded(model)
    assert [node.op_type for node in after.graph.node] == ["Conv"]
    assert_same(model, after)


@pytest.mark.parametrize(
    "body",
    [
        "c = Conv (x, w) y = Mul (c, k) z = Relu (c)",
        "z = Conv (x, w) y = Mul (z, k)",
    ],
)
def test_what_lies_between_may_not_be_used_elsewhere(folded, make_model, assert_same, body):
    text = f"g (float[n,4,5,6] x) => (float[n,6,4,3] y, float[n,6,4,3] z) {{ {body} }}"
    model = make_model(text, w=(6, 4, 2, 4), k=(6, 1, 1))
    after, result = folded(model)
    assert [skip.why for skip in result.skips] == [
        f"fold_affine: what {model.graph.node[0].output[0]} computes is used elsewhere too"
    ]
    assert_same(model, after)


def test_constants_along_another_axis_or_zero_divisors_are_left(folded, make_model, assert_same):
    text = "g (float[n,4,5,6] x) => (float[n,6,4,3] y) { c = Conv (x, w) y = Mul (c, k) }"
    model = make_model(text, w=(6, 4, 2, 4), k=(1, 1, 4, 1))
    after, result = folded(model)
    assert len(after.graph.node) == 2
    assert "not one number per channel" in result.skips[0].why
    assert_same(model, after)


def test_shared_weights_keep_their_values_for_the_other_layer(folded, make_model, assert_same, rng):
    text = (
        "g (float[n,4,5,6] x) => (float[n,4,5,6] y) "
        "{ c = Conv <pads=[1,1,1,1]> (x, w) d = BatchNormalization (c, g, b, m, v) y = Conv <pads=[1,1,1,1]> (d, w) }"
    )
    model = make_model(text, w=(4, 4, 3, 3), **bn_arrays(rng, 4))
    after, result = folded(model)
    assert len(result.changes) == 1
    assert_same(model, after)


def test_chains_fold_into_one_layer_and_a_second_run_finds_nothing(folded, make_model, assert_same, rng):
    text = (
        "g (float[n,4,5,6] x) => (float[n,6,4,3] y) { c = Conv (x, w) d = BatchNormalization (c, g, b, m, v) "
        "e = Mul (d, k) y = Add (e, k2) }"
    )
    model = make_model(text, w=(6, 4, 2, 4), k=(1, 6, 1, 1), k2=(6, 1, 1), **bn_arrays(rng, 6))
    original = model.SerializeToString()
    after, result = folded(model)
    assert len(after.graph.node) == 1
    assert len(result.changes) == 3
    assert model.SerializeToString() == original
    assert_same(model, after)
    again, second = folded(after)
    assert not second.changes
    assert again == after


def test_a_variance_that_makes_the_weights_infinite_is_left(folded, make_model, rng):
    batchnorm = "y = BatchNormalization <epsilon=0.0> (c, g, b, m, v)"
    text = f"g (float[n,4,5,6] x) => (float[n,6,4,3] y) {{ c = Conv (x, w) {batchnorm} }}"
    arrays = bn_arrays(rng, 6) | {"v": np.zeros(6, np.float32)}
    model = make_model(text, w=(6, 4, 2, 4), **arrays)
    with np.errstate(divide="ignore", invalid="ignore"):
        after, result = folded(model)
    assert result.skips[0].why == "fold_affine: the folded weights would not be finite"
    assert [node.op_type for node in after.graph.node] == ["Conv", "BatchNormalization"]


def test_a_batchnorm_without_a_layer_before_it_stays(folded, make_model, assert_same, rng):
    text = "g (float[n,4,5,6] x) => (float[n,4,5,6] y) { r = Relu (x) y = BatchNormalization (r, g, b, m, v) }"
    model = make_model(text, **bn_arrays(rng, 4))
    after, _ = folded(model)
    assert [node.op_type for node in after.graph.node] == ["Relu", "BatchNormalization"]
    assert_same(model, after)


def test_metadata_and_names_of_the_interface_survive(folded, make_model, rng):
    text = "g (float[n,4,5,6] x) => (float[n,6,4,3] y) { c = Conv (x, w) y = BatchNormalization (c, g, b, m, v) }"
    model = make_model(text, w=(6, 4, 2, 4), **bn_arrays(rng, 6))
    onnx.helper.set_model_props(model, {"planish.preprocessing": "{}"})
    after, _ = folded(model)
    assert {entry.key: entry.value for entry in after.metadata_props} == {"planish.preprocessing": "{}"}
    assert after.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
