"""What the widths of a group are said to cost."""

import numpy as np
import pytest
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.prune import Prune

RESIDUAL = """g (float[n,3,9,11] x) => (float[n,5] y) {
  s = Conv <pads=[1,1,1,1]> (x, w)
  a0 = Relu (s)
  b0 = Conv <pads=[1,1,1,1]> (a0, u0)
  c0 = Relu (b0)
  d0 = Conv <pads=[1,1,1,1]> (c0, v0)
  a1 = Add (a0, d0)
  b1 = Conv <pads=[1,1,1,1]> (a1, u1)
  c1 = Relu (b1)
  d1 = Conv <pads=[1,1,1,1]> (c1, v1)
  a2 = Add (a1, d1)
  b2 = Conv <pads=[1,1,1,1]> (a2, u2)
  c2 = Relu (b2)
  d2 = Conv <pads=[1,1,1,1]> (c2, v2)
  a3 = Add (a2, d2)
  p = GlobalAveragePool (a3)
  f = Flatten (p)
  y = Gemm <transB=1> (f, wy)
}"""


@pytest.fixture
def residual(make_model, rng):
    convolutions = dict.fromkeys(("u0", "v0", "u1", "v1", "u2", "v2"), (32, 32, 3, 3))
    shapes = {"w": (32, 3, 3, 3), "wy": (5, 32), **convolutions}
    return make_model(
        RESIDUAL, **{name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    )


def test_without_data_what_all_blocks_read_outlasts_what_one_does(residual):
    rewritten = rewrite(residual, [Prune(goal=Goal("MACs", 1.4), ends=True)], exact=False)
    widths = {name: plan.rank for name, plan in rewritten.results[0][1].plan.layers.items()}
    assert widths and max(widths.values()) < 32
    assert len(widths) == 3, "the channels of the residual sum stay, those within each block go"
