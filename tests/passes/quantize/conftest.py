"""Small nets that quantization is tried on, and their calibration data."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph


class Batches:
    """Calibration batches of a fixed list."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


@pytest.fixture
def make_batches(rng):
    def build(shape=(3, 24, 20), images=24, name="x"):
        return Batches([{name: rng.standard_normal((6, *shape)).astype(np.float32)} for _ in range(images // 6)])

    return build


@pytest.fixture
def chain(make_model):
    """Conv, Relu, Conv, Relu6, MaxPool, Conv, Relu, pooling and a Gemm."""
    return make_model(
        """g (float[b,3,24,20] x) => (float[b,5] y) <float zero = {0.0}, float six = {6.0}> {
            c1 = Conv<pads = [1,1,1,1]>(x, w1, b1)  r1 = Relu(c1)
            c2 = Conv<group = 16, pads = [1,1,1,1]>(r1, w2, b2)  r2 = Clip(c2, zero, six)
            p2 = MaxPool<kernel_shape = [2,2], strides = [2,2]>(r2)
            c3 = Conv(p2, w3, b3)  r3 = Relu(c3)
            q = GlobalAveragePool(r3)  f = Flatten(q)
            y = Gemm<transB = 1>(f, w4, b4)
        }""",
        w1=(16, 3, 3, 3), b1=(16,), w2=(16, 1, 3, 3), b2=(16,), w3=(24, 16, 1, 1), b3=(24,), w4=(5, 24), b4=(5,),
    )  # fmt: skip


@pytest.fixture
def graph_of():
    return lambda model: to_graph(as_parts(model))
