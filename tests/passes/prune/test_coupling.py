"""Channels are followed through every kind of net, and what is taken out is what nobody listens to."""

import re

import numpy as np
import pytest
from planish.runtime_check.cost import count

CONV = "Conv <pads=[1,1,1,1]>"

NETS = {
    "plain with batch norm, PReLU, pooling and Flatten": (
        f"""g (float[n,3,8,12] x) => (float[n,5] y) {{
          a = {CONV} (x, wa, ba)
          an = BatchNormalization (a, va, va, va, vap)
          ar = PRelu (an, slope)
          ap = MaxPool <kernel_shape=[2,2], strides=[2,2]> (ar)
          b = {CONV} (ap, wb)
          f = Flatten (b)
          y = Gemm <transB=1> (f, wy, by)
        }}""",
        {"wa": (8, 3, 3, 3), "ba": (8,), "va": (8,), "vap": np.full(8, 0.7, np.float32), "slope": (8, 1, 1)}
        | {"wb": (6, 8, 3, 3), "wy": (5, 6 * 24), "by": (5,)},
        {"a": 8, "b": 6},
    ),
    "residual, projected and identical": (
        f"""g (float[n,3,8,12] x) => (float[n,5,8,12] y) {{
          s = {CONV} (x, ws)
          a = {CONV} (s, wa)
          ar = Relu (a)
          b = {CONV} (ar, wb)
          c = Add (b, s)
          cr = Relu (c)
          p = Conv (cr, wp)
          d = {CONV} (cr, wd)
          e = Add (p, d)
          y = {CONV} (e, wy)
        }}""",
        {"ws": (8, 3, 3, 3), "wa": (6, 8, 3, 3), "wb": (8, 6, 3, 3), "wp": (10, 8, 1, 1), "wd": (10, 8, 3, 3)}
        | {"wy": (5, 10, 3, 3)},
        {"s": 8, "a": 6, "p": 10},
    ),
    "shortcut without weights": (
        f"""g (float[n,3,8,12] x) => (float[n,5,4,6] y) {{
          s = {CONV} (x, ws)
          small = Slice (s, starts, ends, axes, steps)
          wide = Pad (small, pads)
          a = Conv <pads=[1,1,1,1], strides=[2,2]> (s, wa)
          c = Add (a, wide)
          y = {CONV} (c, wy)
        }}""",
        {"ws": (6, 3, 3, 3), "wa": (10, 6, 3, 3), "wy": (5, 10, 3, 3)}
        | {"starts": np.array([0, 0]), "ends": np.array([99, 99]), "axes": np.array([2, 3]), "steps": np.array([2, 2])}
        | {"pads": np.array([0, 2, 0, 0, 0, 2, 0, 0])},
        {"s": 10},
    ),
    "inception": (
        f"""g (float[n,3,8,12] x) => (float[n,5,8,12] y) {{
          s = {CONV} (x, ws)
          a = {CONV} (s, wa)
          b = {CONV} (s, wb)
          p = MaxPool <kernel_shape=[3,3], pads=[1,1,1,1]> (s)
          c = Concat <axis=1> (a, p, b)
          y = {CONV} (c, wy)
        }}""",
        {"ws": (4, 3, 3, 3), "wa": (6, 4, 3, 3), "wb": (8, 4, 3, 3), "wy": (5, 18, 3, 3)},
        {"s": 4, "a": 6, "b": 8},
    ),
    "depthwise, multiplied": (
        """g (float[n,3,8,12] x) => (float[n,5,8,12] y) {
          s = Conv (x, ws)
          d = Conv <group=6, pads=[1,1,1,1]> (s, wd, bd)
          k = Clip (d, zero, six)
          y = Conv (k, wy)
        }""",
        {"ws": (6, 3, 1, 1), "wd": (12, 1, 3, 3), "bd": (12,), "wy": (5, 12, 1, 1)}
        | {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)},
        {"s": 6},
    ),
    "shuffle between grouped convolutions": (
        """g (float[n,3,8,12] x) => (float[n,5,8,12] y) {
          s = Conv (x, ws)
          a = Conv <group=2> (s, wa)
          r = Reshape (a, apart)
          t = Transpose <perm=[0,2,1,3,4]> (r)
          u = Reshape (t, together)
          b = Conv <group=2> (u, wb)
          y = Conv (b, wy)
        }""",
        {"ws": (8, 3, 1, 1), "wa": (12, 4, 1, 1), "wb": (16, 6, 1, 1), "wy": (5, 16, 1, 1)}
        | {"apart": np.array([0, 2, 6, 8, 12]), "together": np.array([-1, 12, 8, 12])},
        {"s": 4, "a": 3, "b": 8},
    ),
    "groups that outnumber their channels": (
        """g (float[n,3,8,12] x) => (float[n,5,8,12] y) {
          s = Conv (x, ws)
          a = Conv <group=6> (s, wa)
          y = Conv (a, wy)
        }""",
        {"ws": (12, 3, 1, 1), "wa": (18, 2, 1, 1), "wy": (5, 18, 1, 1)},
        {"s": 6},
    ),
    "squeeze and excitation": (
        f"""g (float[n,3,8,12] x) => (float[n,5,8,12] y) {{
          s = {CONV} (x, ws)
          m = ReduceMean <axes=[2,3], keepdims=0> (s)
          q = Gemm <transB=1> (m, wq, bq)
          qr = Relu (q)
          e = MatMul (qr, we)
          eb = Add (e, be)
          g1 = Sigmoid (eb)
          g2 = Unsqueeze (g1, last)
          c = Mul (s, g2)
          y = {CONV} (c, wy)
        }}""",
        {"ws": (8, 3, 3, 3), "wq": (6, 8), "bq": (6,), "we": (6, 8), "be": (8,), "wy": (5, 8, 3, 3)}
        | {"last": np.array([2, 3])},
        {"s": 8, "q": 6},
    ),
    "u-shaped": (
        f"""g (float[2,3,8,12] x) => (float[2,5,8,12] y) {{
          s = {CONV} (x, ws)
          a = Conv <strides=[2,2], pads=[1,1,1,1]> (s, wa)
          up = ConvTranspose <strides=[2,2]> (a, wu, bu)
          b = Conv <strides=[2,2], pads=[1,1,1,1]> (s, wb)
          big = Resize <mode="nearest"> (b, none, none, sizes)
          c = Concat <axis=1> (up, s, big)
          y = {CONV} (c, wy)
        }}""",
        {
            "ws": (4, 3, 3, 3),
            "wa": (6, 4, 3, 3),
            "wu": (6, 8, 2, 2),
            "bu": (8,),
            "wb": (6, 4, 3, 3),
            "wy": (5, 18, 3, 3),
        }
        | {"none": np.zeros(0, np.float32), "sizes": np.array([2, 6, 8, 12])},
        {"s": 4, "a": 6, "up": 8, "b": 6},
    ),
    "several heads, split and gathered": (
        f"""g (float[n,3,8,12] x) => (float[n,5,8,12] y, float[n,7] z) {{
          s = {CONV} (x, ws)
          one, two, three = Split <axis=1> (s, sizes)
          part = Slice (s, starts, ends, axes)
          some = Gather <axis=1> (s, indices)
          a = {CONV} (one, wa)
          b = {CONV} (three, wb)
          c = Conv (part, wc)
          d = Conv (some, wd)
          ab = Add (a, b)
          abc = Add (ab, c)
          y = Sum (abc, d)
          p = GlobalAveragePool (two)
          f = Squeeze (p, last)
          z = Gemm (f, wz)
        }}""",
        {"ws": (12, 3, 3, 3), "wa": (5, 2, 3, 3), "wb": (5, 6, 3, 3), "wc": (5, 5, 1, 1), "wd": (5, 4, 1, 1)}
        | {"wz": (4, 7), "sizes": np.array([2, 4, 6]), "starts": np.array([3]), "ends": np.array([-4])}
        | {"axes": np.array([1]), "indices": np.array([11, 0, -2, 5]), "last": np.array([2, 3])},
        {"s": 12},
    ),
    "depth to space and back": (
        f"""g (float[n,3,8,12] x) => (float[n,5,8,12] y, float[n,5,16,24] z) {{
          s = {CONV} (x, ws)
          big = DepthToSpace <blocksize=2> (s)
          z = {CONV} (big, wz)
          t = {CONV} (x, wt)
          crd = DepthToSpace <blocksize=2, mode="CRD"> (t)
          small = SpaceToDepth <blocksize=2> (crd)
          y = {CONV} (small, wy)
        }}""",
        {"ws": (24, 3, 3, 3), "wz": (5, 6, 3, 3), "wt": (16, 3, 3, 3), "wy": (5, 16, 3, 3)},
        {"s": 6, "t": 4},
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_the_pruned_net_is_the_original_that_does_not_listen(make_model, prune_at_random, rng, name):
    text, weights, sizes = NETS[name]
    model = make_model(text, **weights)
    groups, pruned = prune_at_random(model)
    assert {n: g.size for n, g in groups.items() if g.protected is None} == sizes
    assert count(pruned).macs() < count(model).macs()


DECLINED = [
    ("y = Softmax <axis=1> (a)", "2,6,7,7", "Softmax.* mixes channels"),
    ("y = Relu (a)", "2,6,7,7", "reaches an output"),
    ("y = LRN <size=3> (a)", "2,6,7,7", "LRN.* mixes channels"),
    ("s = Shape (a) y = Expand (one, s)", "2,6,7,7", "its number of channels"),
    ("y = ReduceSum <keepdims=0> (a, axis)", "2,7,7", "reduces over channels"),
    ("y = MatMul (a, a)", "2,6,7,7", "not constant"),
    ("r = Reshape (a, sizes) y = Conv (r, w2)", "1,3,7,7", "merges channels with the batch"),
    ("y = Slice (a, from, to, axis, by)", "2,3,7,7", "in steps"),
    ("y = Add (a, x)", "2,6,7,7", "the channels of 'x' are not followed"),
]
CONSTANTS = {
    "one": np.float32([1]),
    "axis": np.array([1]),
    "sizes": np.array([1, 12, 7, 7]),
    "w2": (3, 12, 1, 1),
    "from": np.array([0]),
    "to": np.array([6]),
    "by": np.array([2]),
}


@pytest.mark.parametrize(("body", "shape", "reason"), DECLINED)
def test_what_is_not_followed_is_left_alone_and_told(make_model, prune_at_random, body, shape, reason):
    used = {name: value for name, value in CONSTANTS.items() if name in re.split(r"\W+", body)}
    text = f"g (float[2,6,7,7] x) => (float[{shape}] y) {{ a = Conv (x, w) {body} }}"
    model = make_model(text, w=(6, 6, 1, 1), **used)
    groups, pruned = prune_at_random(model)
    assert re.search(reason, groups["a"].protected)
    assert count(pruned).macs() == count(model).macs()


@pytest.mark.parametrize(("index", "harmless"), [(np.array(0), True), (np.array([2, 3]), True), (np.array(1), False)])
def test_a_shape_may_be_looked_at_but_for_the_channels(make_model, prune_at_random, index, harmless):
    text = f"""g (float[2,3,5,7] x) => (float[2,4,5,7] y, int64[{index.size}] s) {{
      a = Conv (x, wa)
      all = Shape (a)
      some = Gather (all, index)
      s = Reshape (some, flat)
      y = Conv (a, wy)
    }}"""
    groups, _ = prune_at_random(make_model(text, wa=(6, 3, 1, 1), wy=(4, 6, 1, 1), index=index, flat=np.array([-1])))
    assert (groups["a"].protected is None) == harmless
