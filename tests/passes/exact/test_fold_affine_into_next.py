"""Affine maps into the layer after them."""

import numpy as np
import pytest
from planish.passes.exact.fold_affine_into_next import RULE


@pytest.mark.parametrize("layer", ["Conv (m, w)", "Conv <group=2> (m, v, b)", "Conv <pads=[1,1,1,1]> (m, w)"])
@pytest.mark.parametrize("operation", ["Mul (r, k)", "Div (r, k)"])
def test_scales_go_into_a_convolution_padded_or_not(make_model, assert_same, apply_rules, layer, operation):
    model = make_model(
        f"g (float[n,4,9,7] x) => (float[n,6,h,w0] y) {{ r = Relu (x) m = {operation} y = {layer} }}",
        k=(4, 1, 1),
        w=(6, 4, 3, 2),
        v=(6, 2, 3, 2),
        b=(6,),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Relu", "Conv"]
    assert_same(model, after)


@pytest.mark.parametrize("transposed", [0, 1])
def test_normalization_goes_into_gemm(make_model, assert_same, apply_rules, rng, transposed):
    model = make_model(
        f"g (float[n,5] x) => (float[n,3] y) {{ r = Relu (x) m = BatchNormalization (r, g, b, c, v) "
        f"y = Gemm <transB={transposed}> (m, w, d) }}",
        w=(3, 5) if transposed else (5, 3),
        d=(3,),
        v=rng.uniform(0.5, 2, 5).astype(np.float32),
        **dict.fromkeys("gbc", (5,)),
    )
    after, _ = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["Relu", "Gemm"]
    assert_same(model, after)


def test_a_shift_stops_at_padding(make_model, apply_rules):
    text = "g (float[n,4,9,7] x) => (float[n,6,9,7] y) { r = Relu (x) m = Add (r, k) y = Conv <pads=[1,1,1,1]> (m, w) }"
    _, result = apply_rules(make_model(text, k=(4, 1, 1), w=(6, 4, 3, 3)), RULE)
    assert not result.changes
    assert "the padding would not be shifted" in result.skips[0].why
