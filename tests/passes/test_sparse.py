"""Sparse constants written out."""

import numpy as np
import onnx
import pytest
from planish.errors import ModelError
from planish.passes import rewrite
from planish.passes.exact import Exact
from planish.passes.sparse import dense
from planish.runtime_check.session import Session


def sparse(values, indices, shape, name="k"):
    return onnx.helper.make_sparse_tensor(
        onnx.numpy_helper.from_array(np.asarray(values, np.float32), name),
        onnx.numpy_helper.from_array(np.asarray(indices, np.int64), f"{name}.indices"),
        shape,
    )


def test_indices_of_either_form():
    expected = np.zeros((2, 3), np.float32)
    expected[0, 1], expected[1, 2] = 5, 7
    np.testing.assert_array_equal(dense(sparse([5, 7], [1, 5], (2, 3))), expected)
    np.testing.assert_array_equal(dense(sparse([5, 7], [[0, 1], [1, 2]], (2, 3))), expected)


@pytest.mark.parametrize("as_node", [False, True])
def test_models_with_sparse_constants_are_rewritten(make_model, as_node):
    model = make_model(
        "g (float[n,4,6,5] x) => (float[n,4,h,w] y) { a = Conv (x, v) y = Mul (a, k) }",
        v=np.random.default_rng(0).standard_normal((4, 4, 3, 2)).astype(np.float32),
        k=np.ones((4, 1, 1), np.float32),
    )
    del model.graph.initializer[1]
    constant = sparse([2, 3], [0, 2], (4, 1, 1))
    if as_node:
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["k"], sparse_value=constant))
    else:
        model.graph.sparse_initializer.append(constant)
    after = rewrite(model, [Exact()]).parts.to_model()
    onnx.checker.check_model(after, full_check=True)
    assert [node.op_type for node in after.graph.node] == ["Conv"]
    x = {"x": np.random.default_rng(1).standard_normal((2, 4, 6, 5)).astype(np.float32)}
    np.testing.assert_allclose(Session(after).run(x)["y"], Session(model).run(x)["y"], atol=1e-5)


@pytest.mark.parametrize(
    ("indices", "shape", "why"), [([0, 9], (2, 3), "do not lie within"), ([0, 1], (1 << 20, 1 << 20), "over 2 GB")]
)
def test_what_cannot_be_written_out(indices, shape, why):
    with pytest.raises(ModelError, match=why):
        dense(sparse([1, 2], indices, shape))
