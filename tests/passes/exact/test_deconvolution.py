"""Enlarging by a fixed kernel as two products."""

import numpy as np
import pytest
from planish.passes.exact.deconvolution import RULE


def bilinear(factor):
    """Caffe's filler of that name."""
    size = 2 * factor - factor % 2
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    return 1 - np.abs(np.arange(size) / factor - centre)


def net(make_model, kernel, factor, pad, size=(12, 10), channels=5, **constants):
    return make_model(
        f"g (float[n,{channels},{size[0]},{size[1]}] x) => (float[n,{channels},h,w] y) {{ y = ConvTranspose "
        f"<group={channels}, strides=[{factor},{factor}], pads=[{pad},{pad},{pad},{pad}]> (x, u) }}",
        u=np.tile(kernel, (channels, 1, 1, 1)).astype(np.float32),
        **constants,
    )


@pytest.mark.parametrize("factor", [4, 7, 16])
def test_bilinear_upsampling(make_model, assert_same, apply_rules, factor):
    vector = bilinear(factor)
    model = net(make_model, np.outer(vector, vector), factor, factor // 2)
    after, result = apply_rules(model, RULE)
    assert [node.op_type for node in after.graph.node] == ["MatMul", "MatMul"]
    assert result.changes[0].what == "deconvolution: enlarging as two products"
    assert_same(model, after, 1e-5)
    assert not apply_rules(after, RULE)[1].changes


@pytest.mark.parametrize(
    ("kernel", "size", "why"),
    [
        (np.eye(4), (12, 10), "of higher rank than 1"),
        (np.outer(bilinear(2), bilinear(2)), (90, 70), "would not make onnxruntime faster"),
    ],
)
def test_what_it_declines(make_model, apply_rules, kernel, size, why):
    _, result = apply_rules(net(make_model, kernel, 2, 1, size), RULE)
    assert not result.changes
    assert why in result.skips[0].why


def test_kernels_that_differ_stay(make_model, apply_rules):
    kernel = np.outer(bilinear(4), bilinear(4))
    model = net(make_model, np.stack([[kernel], [2 * kernel]]), 4, 2, channels=2)
    assert not apply_rules(model, RULE)[1].changes
