"""Weights in half the bytes."""

import numpy as np
from planish.passes import rewrite


def test_big_weights_are_halved_and_rounded(make_model, assert_same):
    model = make_model(
        "g (float[n,8,6,5] x) => (float[n,40,6,5] y) "
        "{ c = Conv <pads=[1,1,1,1]> (x, w, b) r = Relu (c) y = Conv (r, v) }",
        w=(40, 8, 3, 3),
        b=(40,),
        v=(40, 40, 1, 1),
    )
    before = model.SerializeToString()
    result = rewrite(model, [], half_weights=True)
    assert model.SerializeToString() == before
    assert {name: str(array.dtype) for name, array in result.parts.tensors.items()} == {
        "w.fp16": "float16",
        "b": "float32",
        "v.fp16": "float16",
    }
    assert result.after.bytes() < 0.6 * result.before.bytes()
    assert_same(model, result.parts.to_model(), 2e-3)


def test_what_float16_cannot_hold_stays(make_model):
    weights = np.full((400, 2), 7e4, np.float32)
    model = make_model("g (float[n,400] x) => (float[n,2] y) { y = MatMul (x, w) }", w=weights)
    assert rewrite(model, [], half_weights=True).parts.tensors["w"].dtype == np.float32
