"""Another operator version, the same numbers, interface and metadata."""

import numpy as np
import onnx
import pytest
from planish.errors import ModelError
from planish.passes import rewrite

NET = """g (float[n,4,6,5] x) => (float[n,3] y) {
  c = Conv <pads=[1,1,1,1]> (x, w, b) r = Relu (c) p = ReduceMean <axes=[2,3], keepdims=0> (r) y = Gemm (p, v, d)
}"""


@pytest.fixture
def model(make_model):
    made = make_model(NET, opset=13, w=(40, 4, 3, 3), b=(40,), v=(40, 3), d=(3,))
    onnx.helper.set_model_props(made, {"planish.preprocessing": "{}"})
    return made


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_numbers_and_metadata_stay(model, assert_same, opset):
    after = rewrite(model, [], opset=opset).parts.to_model()
    assert after.opset_import[0].version == opset
    assert after.metadata_props[0].key == "planish.preprocessing"
    assert after.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    assert_same(model, after)


def test_big_weights_are_not_copied(model):
    parts = rewrite(model, []).parts
    after = rewrite(parts, [], opset=18).parts
    assert after.tensors["w"] is parts.tensors["w"]


def test_what_cannot_be_done_is_said(make_model, model):
    with pytest.raises(ModelError, match="--opset 500: this onnx knows versions 7 to"):
        rewrite(model, [], opset=500)
    newer = make_model("g (float[n,5] x) => (float[n,5] y) { y = Gelu (x) }", opset=20)
    with pytest.raises(
        ModelError, match=r"--opset 13: .*No Previous Version of Gelu.*; choose a version nearer to its own, 20"
    ):
        rewrite(newer, [], opset=13)
    assert np.all([value.name == "x" for value in newer.graph.input])
