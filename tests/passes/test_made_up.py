"""What is left of an early layer's error."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph
from planish.passes.made_up import shares_left

NET = """g (float[n,3,5,7] x) => (float[n,3,5,7] y) {
  s = Conv (x, w)
  sr = Relu (s)
  a = Conv (sr, w)
  ar = Relu (a)
  ab = Add (ar, bias)
  b = Conv (ab, w)
  t = Add (SECOND)
  c = Conv (t, w)
  d = Conv (c, w)
  y = Relu (d)
}"""


@pytest.fixture
def shares(make_model, rng):
    def of(second):
        arrays = {"w": rng.standard_normal((3, 3, 1, 1)), "bias": rng.standard_normal((3, 1, 1))}
        model = make_model(NET.replace("SECOND", second), **{name: np.float32(it) for name, it in arrays.items()})
        graph = to_graph(as_parts(model))
        names = [node.name for node in graph.nodes if node.op == "Conv"]
        return list(shares_left(graph, names).values())

    return of


def test_the_last_layer_counts_in_full_and_each_one_before_it_less(shares):
    assert shares("b, bias") == [(place / 5) ** 0.75 for place in range(1, 6)]


def test_a_residual_sum_carries_errors_on_so_none_behind_it_makes_up_for_them(shares):
    assert shares("b, sr") == [(place / 3) ** 0.75 for place in (1, 2, 3)] + [0.5**0.75, 1.0]
