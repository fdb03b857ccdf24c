"""What is removed held nothing: the net answers as before, and what cannot go exactly stays and is told."""

import re

import numpy as np
import pytest
from planish.errors import PlanishError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.graph import to_graph
from planish.passes.prune import Shrink
from planish.runtime_check.cost import count

NET = """g (float[n,3,9,11] x) => (float[n,7] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa, ba)
  ar = Relu (a)
  b = Conv <pads=[1,1,1,1]> (ar, wb, bb)
  br = Sigmoid (b)
  bp = MaxPool <kernel_shape=[2,2], strides=[2,2]> (br)
  c = Conv (bp, wc)
  d = Conv (bp, wd, bd)
  e = Add (c, d)
  er = Relu (e)
  f = Flatten (er)
  y = Gemm <transB=1> (f, wy, by)
}"""
SHAPES = {"wa": (8, 3, 3, 3), "ba": (8,), "wb": (6, 8, 3, 3), "bb": (6,), "wc": (5, 6, 2, 2), "wd": (5, 6, 2, 2)}
SHAPES |= {"bd": (5,), "wy": (7, 5 * 12), "by": (7,)}


@pytest.fixture
def arrays(rng):
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


def shrunk(model, **settings):
    result = rewrite(model, [Shrink(**settings)], exact=False)
    return result.parts.to_model(), dict(result.results)["shrink"]


def shapes(model):
    return {re.split(r"[._]", t.name)[0]: tuple(t.dims) for t in model.graph.initializer}


def test_zero_filters_go_and_their_biases_are_folded_onward(make_model, assert_same, arrays):
    arrays["wb"][[1, 4]] = 0  # constant 1 / (1 + e^-b), read by two convolutions without padding
    arrays["wc"][2], arrays["wd"][2] = 0, 0  # constant through the sum, flattened into 12 columns
    model = make_model(NET, **arrays)
    after, result = shrunk(model)
    assert_same(model, after)
    found = shapes(after)
    assert (found["wb"], found["wc"], found["wy"]) == ((4, 8, 3, 3), (4, 4, 2, 2), (7, 48))
    assert {change.where for change in result.changes} == {"b", "c"}


def test_filters_that_nobody_listens_to_go_one_after_the_other(make_model, assert_same, arrays):
    arrays["wc"][:, 3] = arrays["wd"][:, 3] = 0
    arrays["wb"][[0, 1, 2, 4, 5], 7] = 0  # only filter 3 of b, which goes, listens to channel 7 of a
    model = make_model(NET, **arrays)
    after, _ = shrunk(model)
    assert_same(model, after)
    assert (shapes(after)["wb"], shapes(after)["wa"]) == ((5, 7, 3, 3), (7, 3, 3, 3))


def test_a_constant_before_padding_stays_unless_it_is_zero(make_model, assert_same, arrays):
    arrays["wa"][[2, 5]] = 0
    arrays["ba"][[2, 5]] = [-1.0, 1.0]  # behind the Relu 0 and 1
    model = make_model(NET, **arrays)
    after, result = shrunk(model)
    assert_same(model, after)
    assert shapes(after)["wa"] == (7, 3, 3, 3)
    assert [(skip.where, skip.why) for skip in result.skips] == [
        ("a", "1 channels that are constant stay: 'b' pads it with zeros, so that its constant is none at the borders")
    ]


def test_one_branch_of_a_sum_alone_keeps_its_channels(make_model, arrays):
    arrays["wc"][2] = 0
    after, result = shrunk(make_model(NET, **arrays))
    assert not result.changes
    assert shapes(after)["wc"] == SHAPES["wc"]


def test_a_layer_of_zeros_keeps_one_channel(make_model, assert_same, arrays):
    arrays["wb"][:] = 0
    model = make_model(NET, **arrays)
    after, _ = shrunk(model)
    assert_same(model, after)
    assert shapes(after)["wb"] == (1, 1, 3, 3)
    assert count(after).macs() < 0.3 * count(model).macs()


def test_depthwise_filters_of_zeros_take_their_channel_along(make_model, assert_same, rng):
    weights = {"ws": (6, 3, 1, 1), "wd": (12, 1, 3, 3), "bd": (12,), "wy": (5, 12, 1, 1)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in weights.items()}
    arrays["wd"][[2, 3]] = 0  # both filters of channel 1
    arrays["wd"][8] = 0  # one of channel 4's two
    model = make_model(
        """g (float[n,3,8,12] x) => (float[n,5,8,12] y) {
          s = Conv (x, ws)
          d = Conv <group=6, pads=[1,1,1,1]> (s, wd, bd)
          k = Relu (d)
          y = Conv (k, wy)
        }""",
        **arrays,
    )
    after, _ = shrunk(model)
    assert_same(model, after)
    assert (shapes(after)["ws"], shapes(after)["wd"]) == ((5, 3, 1, 1), (10, 1, 3, 3))


def test_a_product_without_bias_keeps_constants(make_model, assert_same, rng):
    arrays = {
        "wa": rng.standard_normal((6, 5)).astype(np.float32),
        "wy": rng.standard_normal((5, 4)).astype(np.float32),
    }
    arrays["wa"][:, 3] = 0
    model = make_model(
        "g (float[n,6] x) => (float[n,4] y) { a = Gemm (x, wa, ba) y = MatMul (a, wy) }", ba=(5,), **arrays
    )
    after, result = shrunk(model)
    assert_same(model, after)
    assert "(MatMul) has no bias" in result.skips[0].why


def test_an_open_size_is_asked_for_where_a_constant_depends_on_it(make_model, arrays):
    arrays["wb"][1] = 0
    text = """g (float[n,3,h,w] x) => (float[n,5,i,j] y) {
      a = Conv <pads=[1,1,1,1]> (x, wa, ba)
      b = Conv <pads=[1,1,1,1]> (a, wb, bb)
      y = Conv (b, wc)
    }"""
    model = make_model(text, **{name: arrays[name] for name in ("wa", "ba", "wb", "bb", "wc")})
    result = Shrink().run(to_graph(as_parts(model)))
    assert "give --input-shape" in result.skips[0].why
    assert Shrink(input_shapes={"x": (1, 3, 9, 11)}).run(to_graph(as_parts(model))).changes


def test_the_threshold_says_what_counts_as_zero(make_model, outputs_of, arrays):
    arrays["wb"][[1, 4]] *= 1e-5
    model = make_model(NET, **arrays)
    assert not shrunk(model)[1].changes
    after, _ = shrunk(model, threshold=1e-3)
    assert shapes(after)["wb"] == (4, 8, 3, 3)
    wanted, got = (outputs["y"] for outputs in outputs_of(model, after))
    np.testing.assert_allclose(got, wanted, atol=1e-2 * np.abs(wanted).max())
    with pytest.raises(PlanishError, match="must be 0 or more"):
        shrunk(model, threshold=-1.0)
