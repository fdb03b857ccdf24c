"""Compares converted operators with MXNet itself, on random options.

MXNet 1.9.1 lives in a Python of its own (it needs NumPy before 1.24):

    python3.11 -m venv /tmp/mx && /tmp/mx/bin/pip install mxnet==1.9.1 'numpy<1.24'
    MXNET_MKLDNN_ENABLED=0 /tmp/mx/bin/python benchmarks/mxnet_random_ops.py generate /tmp/cases --draws 20
    /tmp/mx/bin/python benchmarks/mxnet_random_ops.py generate /tmp/cases --draws 20 --family recurrent
    python benchmarks/mxnet_random_ops.py compare /tmp/cases

Without oneDNN its RNN computes nothing, with oneDNN some of its layout operators crash: hence the two runs. (Without
oneDNN it also computes SoftmaxOutput of four axes over the whole sample, with oneDNN over the last axis.)

`generate` writes each case as NAME-symbol.json, NAME-0000.params and NAME.npz; draws that MXNet refuses are left out.
"""

import argparse
import json
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np


class Draw:
    """Random options, inputs and weights of one case."""

    def __init__(self, mx, seed):
        self.mx, self.random = mx, np.random.RandomState(seed)
        self.inputs, self.weights = {}, {}

    def pick(self, *choices):
        return choices[self.random.randint(len(choices))]

    def number(self, low, high):
        return int(self.random.randint(low, high + 1))

    def shape(self, low=1, high=4, most=6):
        return tuple(self.number(1, most) for _ in range(self.number(low, high)))

    def data(self, shape, name="data", kind="normal"):
        values = self.random.randn(*shape)
        if kind == "positive":
            values = np.abs(values) + 0.3
        elif kind == "unit":
            values = self.random.uniform(-0.9, 0.9, shape)
        elif kind == "probability":
            values = self.random.uniform(0, 1, shape)
        elif isinstance(kind, int):
            values = self.random.randint(-1 if kind < 0 else 0, abs(kind), shape)
        elif kind == "distinct":
            values = self.random.permutation(int(np.prod(shape))).reshape(shape) / 7.0
        self.inputs[name] = values.astype("float32")
        return self.mx.sym.var(name)

    def weight(self, shape, name, kind="normal"):
        values = self.random.randn(*shape)
        self.weights[name] = (np.abs(values) + 0.3 if kind == "positive" else values).astype("float32")
        return self.mx.sym.var(name)

    def maybe(self, **options):
        return {key: value for key, value in options.items() if self.random.rand() < 0.6}


def convolution(d):
    axes = d.pick(1, 2, 2, 3)
    groups = d.pick(1, 1, 2, 3)
    channels, filters = groups * d.number(1, 3), groups * d.number(1, 3)
    kernel = tuple(d.number(1, 3) for _ in range(axes))
    x = d.data((d.number(1, 2), channels, *(d.number(5, 9) for _ in range(axes))))
    options = d.maybe(
        stride=tuple(d.number(1, 3) for _ in range(axes)),
        pad=tuple(d.number(0, 2) for _ in range(axes)),
        dilate=tuple(d.number(1, 2) for _ in range(axes)),
    )
    bias = d.pick(True, False)
    inputs = [x, d.weight((filters, channels // groups, *kernel), "w")] + [d.weight((filters,), "b")] * bias
    return d.mx.sym.Convolution(
        *inputs, kernel=kernel, num_filter=filters, num_group=groups, no_bias=not bias, **options
    )


def deconvolution(d):
    axes = d.pick(1, 2, 2)
    groups = d.pick(1, 1, 2)
    channels, filters = groups * d.number(1, 3), groups * d.number(1, 3)
    kernel = tuple(d.number(1, 4) for _ in range(axes))
    stride = tuple(d.number(1, 3) for _ in range(axes))
    sizes = tuple(d.number(3, 6) for _ in range(axes))
    x = d.data((d.number(1, 2), channels, *sizes))
    if d.pick(True, False, False):
        most = [s * (n - 1) + k for s, n, k in zip(stride, sizes, kernel)]
        options = {"target_shape": tuple(d.number(max(1, m - 3), m) for m in most)}
    else:
        options = d.maybe(pad=tuple(d.number(0, 1) for _ in range(axes)), adj=tuple(d.number(0, s - 1) for s in stride))
    bias = d.pick(True, False)
    inputs = [x, d.weight((channels, filters // groups, *kernel), "w")] + [d.weight((filters,), "b")] * bias
    flag = {"no_bias": False} if bias else d.pick({}, {"no_bias": True})
    return d.mx.sym.Deconvolution(
        *inputs, kernel=kernel, stride=stride, num_filter=filters, num_group=groups, **options, **flag
    )


def fully_connected(d):
    flatten = d.pick(True, False)
    x = d.data(d.shape(2, 4))
    shape = d.inputs["data"].shape
    columns = int(np.prod(shape[1:])) if flatten else shape[-1]
    bias = d.pick(True, False)
    inputs = [x, d.weight((5, columns), "w")] + [d.weight((5,), "b")] * bias
    return d.mx.sym.FullyConnected(*inputs, num_hidden=5, flatten=flatten, no_bias=not bias)


def pooling(d, operator="Pooling"):
    axes = 2 if operator == "Pooling_v1" else d.pick(1, 2, 2, 3)
    kinds = ("max", "avg", "sum") + (("lp",) if operator == "Pooling" else ())
    kernel = tuple(d.number(1, 4) for _ in range(axes))
    kind = d.pick(*kinds)
    options = d.maybe(
        stride=tuple(d.number(1, 3) for _ in range(axes)),
        pad=tuple(d.number(0, k - 1) for k in kernel),
        pooling_convention=d.pick("valid", "full"),
        global_pool=d.pick(False, False, True),
    )
    if kind == "lp":
        options["p_value"] = d.pick(1, 2, 3)
    if kind == "avg" and operator == "Pooling":
        options.update(d.maybe(count_include_pad=d.pick(True, False)))
    x = d.data((2, 3, *(d.number(5, 9) for _ in range(axes))), kind="positive" if kind == "lp" else "normal")
    return getattr(d.mx.sym, operator)(x, kernel=kernel, pool_type=kind, **options)


def adaptive_pooling(d):
    x = d.data((2, 3, d.number(3, 9), d.number(3, 9)))
    return d.mx.sym.contrib.AdaptiveAvgPooling2D(x, **d.maybe(output_size=d.pick(3, (2, 5), (4, 3), 1, (7, 7))))


def batch_norm(d, operator="BatchNorm"):
    x = d.data(d.shape(2, 4))
    shape = d.inputs["data"].shape
    options = d.maybe(eps=d.pick(1e-3, 2e-5), fix_gamma=d.pick(True, False), use_global_stats=d.pick(True, False))
    axis = 1
    if operator == "BatchNorm" and d.pick(True, False):
        axis = options["axis"] = d.number(-1, len(shape) - 1)
    c = (shape[axis],)
    inputs = [x, d.weight(c, "g"), d.weight(c, "b")]
    if operator == "BatchNorm":
        inputs += [d.weight(c, "m"), d.weight(c, "v", "positive")]
    else:  # its auxiliary states cannot be passed, only named
        d.weight(c, "bn_moving_mean")
        d.weight(c, "bn_moving_var", "positive")
    return getattr(d.mx.sym, operator)(*inputs, name="bn", **options)


def instance_norm(d):
    x = d.data(d.shape(3, 4))
    c = (d.inputs["data"].shape[1],)
    return d.mx.sym.InstanceNorm(x, d.weight(c, "g"), d.weight(c, "b"), **d.maybe(eps=1e-2))


def layer_norm(d):
    x = d.data(d.shape(2, 4))
    shape = d.inputs["data"].shape
    axis = d.number(-len(shape), len(shape) - 1)
    c = (shape[axis],)
    return d.mx.sym.LayerNorm(x, d.weight(c, "g"), d.weight(c, "b"), axis=axis, **d.maybe(eps=1e-2))


def group_norm(d):
    groups = d.number(1, 3)
    x = d.data((2, groups * d.number(1, 3), *d.shape(1, 2)))
    return d.mx.sym.GroupNorm(x, d.weight((groups,), "g"), d.weight((groups,), "b"), num_groups=groups)


def l2_normalization(d):
    x = d.data(d.shape(2, 4))
    return d.mx.sym.L2Normalization(x, **d.maybe(mode=d.pick("instance", "channel", "spatial"), eps=1e-3))


def lrn(d):
    x = d.data((2, d.number(3, 7), 4, 5))
    return d.mx.sym.LRN(x, nsize=d.pick(3, 5), **d.maybe(alpha=0.3, beta=0.5, knorm=1.5))


def leaky_relu(d):
    x = d.data(d.shape(1, 4))
    kind = d.pick("leaky", "elu", "selu", "gelu", "prelu")
    options = d.maybe(slope=0.3)
    if kind != "prelu":
        return d.mx.sym.LeakyReLU(x, act_type=kind, **options)
    shape = d.inputs["data"].shape
    size = d.pick(1, shape[1] if len(shape) > 1 else 1)
    return d.mx.sym.LeakyReLU(x, d.weight((size,), "gamma"), act_type="prelu")


def activation(d):
    return d.mx.sym.Activation(d.data(d.shape()), act_type=d.pick("relu", "sigmoid", "softrelu", "softsign", "tanh"))


def softmax(d):
    x = d.data(d.shape(1, 4))
    axis = d.number(-1, d.inputs["data"].ndim - 1)
    operator = d.pick("softmax", "log_softmax", "softmin")
    return getattr(d.mx.sym, operator)(x, **d.maybe(axis=axis, temperature=d.pick(0.5, 3.0)))


def softmax_length(d):
    x = d.data((3, 4, 5))
    axis = d.pick(1, 2, -1)
    length = d.data((3, 5) if axis == 1 else (3, 4), "length", 4)
    d.inputs["length"] += 1
    return d.mx.sym.softmax(x, d.mx.sym.cast(length, dtype="int32"), axis=axis, use_length=True)


def heads(d):
    x = d.data(d.shape(2, 4))
    name = d.pick(
        *("SoftmaxOutput", "SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput"),
        *("MAERegressionOutput", "SVMOutput", "SoftmaxActivation", "MakeLoss", "BlockGrad"),
    )
    if name == "SoftmaxOutput":
        options = d.maybe(multi_output=d.pick(True, False), preserve_shape=d.pick(True, False))
        return d.mx.sym.SoftmaxOutput(x, name="softmax", **options)
    if name == "SoftmaxActivation":
        return d.mx.sym.SoftmaxActivation(x, **d.maybe(mode=d.pick("instance", "channel")))
    return getattr(d.mx.sym, name)(x)


UNARY = {
    "normal": "abs sign round rint ceil floor trunc fix square exp expm1 erf relu sigmoid softsign sin cos sinh cosh "
    "tanh arctan arcsinh negative hard_sigmoid degrees radians cbrt logical_not BlockGrad identity",
    "positive": "sqrt rsqrt rcbrt log log2 log10 log1p reciprocal",
    "unit": "arcsin arccos arctanh tan",
}


def unary(d):
    kind = d.pick(*UNARY)
    x = d.data(d.shape(), kind=kind)
    name = d.pick(*UNARY[kind].split())
    if name in ("round", "rint", "trunc", "fix"):
        d.inputs["data"] = np.round(d.inputs["data"] * 4) / 2
    return getattr(d.mx.sym, name)(x)


def binary(d):
    shape = d.shape()
    other = tuple(1 if d.random.rand() < 0.3 else n for n in shape)
    shape = tuple(1 if d.random.rand() < 0.2 else n for n in shape)
    kind = d.pick("normal", 3, -3)
    a, b = d.data(shape, "data", kind), d.data(other, "other", kind)
    name = d.pick(
        *("add", "sub", "mul", "maximum", "minimum", "hypot", "mod", "equal", "not_equal", "greater", "greater_equal"),
        *("lesser", "lesser_equal", "logical_and", "logical_or", "logical_xor"),
    )
    return getattr(d.mx.sym, f"broadcast_{name}")(a, b)


def binary_positive(d):
    shape = d.shape()
    a, b = d.data(shape, "data", "positive"), d.data(shape, "other", "positive")
    return d.pick(lambda: a / b, lambda: a**b, lambda: a % b, lambda: d.mx.sym.broadcast_power(a, b))()


def scalar(d):
    x = d.data(d.shape(), kind=d.pick("normal", "positive", 3))
    s = d.pick(0.5, 2, 1, 3.5, -1.5)
    name = d.pick(
        *("plus", "minus", "rminus", "mul", "div", "rdiv", "maximum", "minimum", "mod", "rmod", "hypot", "equal"),
        *("not_equal", "greater", "greater_equal", "lesser", "lesser_equal", "logical_and", "logical_or"),
    )
    if name in ("rdiv", "rmod"):
        d.inputs["data"] = np.abs(d.inputs["data"]) + np.float32(0.3)
    return getattr(d.mx.sym._internal, f"_{name}_scalar")(x, scalar=s)


def scalar_power(d):
    x = d.data(d.shape(), kind="positive")
    return getattr(d.mx.sym._internal, d.pick("_power_scalar", "_rpower_scalar"))(x, scalar=d.pick(0.5, 2, 3))


def where(d):
    shape = d.shape(2, 4)
    condition = d.data(d.pick(shape, shape[:1]), "condition", 2)
    return d.mx.sym.where(condition, d.data(shape), d.data(shape, "other"))


def reduction(d):
    x = d.data(d.shape(1, 4), kind="positive")
    rank = d.inputs["data"].ndim
    name = d.pick("sum", "mean", "max", "min", "prod", "norm", "nansum")
    axes = d.pick(None, d.number(-rank, rank - 1), tuple(sorted(set(d.number(0, rank - 1) for _ in range(2)))), ())
    options = d.maybe(axis=axes, keepdims=d.pick(True, False))
    if name == "norm":
        options.update(d.maybe(ord=d.pick(1, 2)))
        if options.get("axis") == ():
            del options["axis"]
    else:
        options.update(d.maybe(exclude=d.pick(True, False)))
    return getattr(d.mx.sym, name)(x, **options)


def argument(d):
    x = d.data(d.shape(1, 4), kind="distinct")
    rank = d.inputs["data"].ndim
    options = d.maybe(axis=d.number(-rank, rank - 1), keepdims=d.pick(True, False))
    return getattr(d.mx.sym, d.pick("argmax", "argmin"))(x, **options)


def moments(d):
    x = d.data(d.shape(2, 4))
    return d.mx.sym.Group(list(d.mx.sym.moments(x, axes=d.pick((0,), (1,), (0, 1)), keepdims=d.pick(True, False))))


RESHAPES = [
    ((2, 6, 4, 5), codes)
    for codes in (
        *((0, -1), (-1, 0), (0, 0, -1), (-2,), (-3, -2), (0, -3, 0), (0, -4, 2, -1, -2), (0, -4, 2, 3, 0, 0)),
        *((-4, 1, 2, -2), (-3, -3), (0, 0, 20), (4, -1), (0, 3, -1), (-1, 5), (0, -3, -2), (-4, -1, 2, 0, -3)),
    )
]


def reshape(d):
    shape, codes = RESHAPES[d.number(0, len(RESHAPES) - 1)]
    return d.mx.sym.Reshape(d.data(shape), shape=codes, reverse=d.pick(False, True))


def layout(d):
    x = d.data(d.shape(2, 4))
    rank = d.inputs["data"].ndim
    order = tuple(int(i) for i in d.random.permutation(rank))
    flips = d.pick(0, rank - 1, (0, 1))
    return d.pick(
        lambda: d.mx.sym.transpose(x, **d.maybe(axes=order)),
        lambda: d.mx.sym.SwapAxis(x, dim1=d.number(0, rank - 1), dim2=d.number(0, rank - 1)),
        lambda: d.mx.sym.expand_dims(x, axis=d.number(-rank - 1, rank)),
        lambda: d.mx.sym.reverse(x, axis=flips),
        lambda: d.mx.sym.tile(x, reps=d.shape(1, 5, 3)),
        lambda: d.mx.sym.repeat(x, repeats=d.number(1, 3), **d.maybe(axis=d.number(-rank, rank - 1))),
        lambda: d.mx.sym.Flatten(x),
        lambda: d.mx.sym.squeeze(d.mx.sym.expand_dims(x, axis=d.number(0, rank))),
    )()


def blocks(d):
    if d.pick(True, False):
        return d.mx.sym.depth_to_space(d.data((2, 8, 3, 4)), block_size=2)
    return d.mx.sym.space_to_depth(d.data((2, 3, 4, 6)), block_size=2)


def pad(d):
    x = d.data((2, 3, 5, 6))
    widths = (0, 0, 0, 0, *(d.number(0, 3) for _ in range(4)))
    mode = d.pick("constant", "edge", "reflect")
    return d.mx.sym.Pad(x, mode=mode, pad_width=widths, **d.maybe(constant_value=1.5))


def slices(d):
    shape = tuple(d.number(4, 7) for _ in range(d.number(1, 4)))
    x = d.data(shape)
    rank = len(shape)
    axes = d.number(1, rank)
    begin = tuple(d.pick(None, 0, 1, -3) for _ in range(axes))
    end = tuple(d.pick(None, 4, -1, 10) for _ in range(axes))
    step = tuple(d.pick(1, 2, None) for _ in range(axes))
    axis = d.number(-rank, rank - 1)
    return d.pick(
        lambda: d.mx.sym.slice(x, begin=begin, end=end, **d.maybe(step=step)),
        lambda: d.mx.sym.slice(
            x, begin=(None,) * axes, end=(None,) * axes, step=tuple(d.pick(-1, -2, 1) for _ in begin)
        ),
        lambda: d.mx.sym.slice_axis(x, axis=axis, begin=d.pick(0, 1, -3), end=d.pick(None, 3, -1)),
        lambda: d.mx.sym.slice_like(x, d.data(tuple(d.number(2, 4) for _ in shape), "like"), **d.maybe(axes=(axis,))),
    )()


def split(d):
    parts = d.number(1, 3)
    shape = [2, 3, 4]
    axis = d.number(-3, 2)
    shape[axis] = parts * d.number(1, 2)
    squeeze = d.pick(True, False) and shape[axis] == parts
    made = d.mx.sym.SliceChannel(d.data(shape), num_outputs=parts, axis=axis, squeeze_axis=squeeze)
    return made if parts == 1 else d.mx.sym.Group(list(made))


def split_v2(d):
    x = d.data((3, 6, 4))
    axis = d.pick(1, -2)
    indices = d.pick((2,), (1, 4), 3, (2, 3, 5))
    return d.mx.sym.Group(list(d.mx.sym.split_v2(x, indices, axis=axis)))


def join(d):
    shape = list(d.shape(1, 4))
    axis = d.number(-len(shape), len(shape) - 1)
    inputs = []
    for index in range(d.number(1, 3)):
        own = list(shape)
        own[axis] = d.number(1, 4)
        inputs.append(d.data(own, f"d{index}"))
    return d.mx.sym.Concat(*inputs, dim=axis)


def stack(d):
    shape = d.shape(1, 3)
    inputs = [d.data(shape, f"d{index}") for index in range(d.number(1, 3))]
    return d.pick(
        lambda: d.mx.sym.stack(*inputs, axis=d.number(-len(shape) - 1, len(shape))), lambda: d.mx.sym.add_n(*inputs)
    )()


def broadcasting(d):
    shape = d.shape(2, 4)
    x = d.data(tuple(1 if i else n for i, n in enumerate(shape)))
    wide = d.data(shape, "wide")
    return d.pick(
        lambda: d.mx.sym.broadcast_like(x, wide),
        lambda: d.mx.sym.broadcast_to(x, shape=(0, *shape[1:])),
        lambda: d.mx.sym.broadcast_axis(x, axis=1, size=4),
        lambda: d.mx.sym.broadcast_like(x, wide, lhs_axes=(1,), rhs_axes=(-1,)),
        lambda: d.mx.sym.reshape_like(wide, d.mx.sym.Flatten(wide)),
        lambda: d.mx.sym.reshape_like(d.mx.sym.Flatten(wide), wide, lhs_begin=1, lhs_end=2, rhs_begin=1),
    )()


def creation(d):
    x = d.data(d.shape(2, 3))
    zero = d.mx.sym.sum(d.mx.sym.zeros_like(x))
    shape = d.shape(1, 3)
    return d.pick(
        lambda: d.mx.sym.ones_like(x),
        lambda: d.mx.sym.zeros_like(x) + 1,
        lambda: d.mx.sym.broadcast_add(d.mx.sym.arange(2, 9, step=1.5, repeat=d.number(1, 2)), zero),
        lambda: d.mx.sym.broadcast_add(d.mx.sym.full(shape, 2.5), d.mx.sym.reshape(zero, shape=(1,) * len(shape))),
        lambda: d.mx.sym.contrib.arange_like(x, start=1, step=2, **d.maybe(axis=d.pick(0, 1, -1))),
        lambda: d.mx.sym.cast(d.mx.sym.shape_array(x), dtype="float32"),
        lambda: d.mx.sym.cast(d.mx.sym.size_array(x), dtype="float32"),
    )()


def indexing(d):
    x = d.data((4, 5, 3))
    places = d.data(d.shape(1, 2), "index", 4)
    axis = d.number(-3, 2)
    wild = d.data((4, 3), "wild", -7)
    return d.pick(
        lambda: d.mx.sym.take(x, places, axis=axis),
        lambda: d.mx.sym.take(x, wild, axis=axis, mode=d.pick("clip", "wrap")),
        lambda: d.mx.sym.pick(x, wild, axis=1, keepdims=d.pick(True, False), mode=d.pick("clip", "wrap")),
        lambda: d.mx.sym.one_hot(places, depth=d.number(2, 5), **d.maybe(on_value=2.0, off_value=-1.0)),
        lambda: d.mx.sym.one_hot(wild, depth=4),
        lambda: d.mx.sym.gather_nd(x, d.data((d.number(1, 3), 4), "nd", 3)),
        lambda: d.mx.sym.batch_take(
            d.mx.sym.Reshape(x, shape=(0, -1)), d.mx.sym.slice(wild, begin=(0, 0), end=(4, 1)).reshape((-1,))
        ),
        lambda: d.mx.sym.Embedding(wild, d.weight((5, 3), "w"), input_dim=5, output_dim=3),
        lambda: d.mx.sym.scatter_nd(d.data((3,), "values"), d.data((1, 3), "nd", "distinct") * 7, shape=(5,)),
    )()


def ordering(d):
    x = d.data(d.shape(1, 3, 5), kind="distinct")
    rank = d.inputs["data"].ndim
    axis = d.pick(None, *range(-rank, rank))
    size = d.inputs["data"].size if axis is None else d.inputs["data"].shape[axis]
    ascending = d.pick(True, False)
    kind = d.pick("indices", "value", "both", "mask")
    choice = d.pick("topk", "topk", "sort", "argsort")
    if choice == "topk":
        made = d.mx.sym.topk(x, axis=axis, k=d.number(0, size), ret_typ=kind, is_ascend=ascending)
        return d.mx.sym.Group(list(made)) if kind == "both" else made
    return getattr(d.mx.sym, choice)(x, axis=axis, is_ascend=ascending)


def products(d):
    ta, tb = d.pick(True, False), d.pick(True, False)
    swap = lambda shape, flag: (*shape[:-2], shape[-1], shape[-2]) if flag else shape
    batch = d.pick((2,), (2,), (2, 3))
    a, b = d.data(swap((*batch, 3, 4), ta), "data"), d.data(swap((*batch, 4, 5), tb), "other")
    m, n = d.data((4, 3) if ta else (3, 4), "m"), d.data((5, 4) if tb else (4, 5), "n")
    c = d.data((*batch, 3, 5), "c")
    flags = {"transpose_a": ta, "transpose_b": tb}
    if len(batch) == 1 and d.pick(True, False):
        return d.pick(lambda: d.mx.sym.batch_dot(a, b, **flags), lambda: d.mx.sym.dot(m, n, **flags))()
    return d.pick(
        lambda: d.mx.sym.linalg_gemm2(a, b, alpha=1.5, **flags),
        lambda: d.mx.sym.linalg_gemm(a, b, c, alpha=1.5, beta=0.5, **flags),
    )()


def recurrent(d):
    mode = d.pick("lstm", "gru", "rnn_tanh", "rnn_relu")
    layers, directions, hidden, features = d.number(1, 2), d.pick(1, 2), 4, 3
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    size = 0
    for layer in range(layers):
        columns = hidden * directions if layer else features
        size += directions * gates * hidden * (columns + hidden + 2)
    x = d.data((5, 2, features))
    states = [d.data((layers * directions, 2, hidden), f"s{i}") for i in range(2 if mode == "lstm" else 1)]
    d.weights["p"] = (d.random.randn(size) * 0.5).astype("float32")
    keep = d.pick(True, False)
    made = d.mx.sym.RNN(
        x,
        d.mx.sym.var("p"),
        *states,
        mode=mode,
        num_layers=layers,
        bidirectional=directions == 2,
        state_size=hidden,
        state_outputs=keep,
    )
    return d.mx.sym.Group(list(made)) if keep else made


def sequences(d):
    x = d.data((4, 3, 2))
    length = d.data((3,), "length", 4)
    d.inputs["length"] += 1
    use = d.pick(True, False)
    options = {"use_sequence_length": use}
    inputs = [x, length] if use else [x]
    return d.pick(
        lambda: d.mx.sym.SequenceLast(*inputs, **options),
        lambda: d.mx.sym.SequenceMask(*inputs, value=-2, **options),
        lambda: d.mx.sym.SequenceReverse(*inputs, **options),
        lambda: d.mx.sym.SequenceMask(d.mx.sym.SwapAxis(x, dim1=0, dim2=1), *inputs[1:], axis=1, **options),
        lambda: d.mx.sym.SequenceLast(d.mx.sym.SwapAxis(x, dim1=0, dim2=1), *inputs[1:], axis=1, **options),
    )()


def upsampling(d):
    scale = d.number(1, 3)
    if d.pick(True, False):
        kernel = 2 * scale - scale % 2
        x, w = d.data((2, 3, 4, 5)), d.weight((3, 1, kernel, kernel), "w")
        return d.mx.sym.UpSampling(x, w, scale=scale, sample_type="bilinear", num_filter=3, num_args=2)
    x = d.data((2, 3, 4, 6))
    others = [d.data((2, 3, 2, 3), "other")] * d.number(0, 1)
    mode = d.maybe(multi_input_mode=d.pick("concat", "sum"))
    return d.mx.sym.UpSampling(x, *others, scale=scale, sample_type="nearest", num_args=1 + len(others), **mode)


def resize(d):
    x = d.data((2, 3, d.number(3, 8), d.number(3, 8)))
    align = d.maybe(align_corners=d.pick(True, False))
    resize2d = d.mx.sym.contrib.BilinearResize2D
    return d.pick(
        lambda: resize2d(x, height=d.number(1, 14), width=d.number(1, 14), **align),
        lambda: resize2d(x, scale_height=d.pick(2, 1.5, 0.6), scale_width=d.pick(2, 1.3, 0.5), **align),
        lambda: resize2d(x, scale_height=d.pick(2, 3), scale_width=d.pick(2, 0.5), mode="odd_scale", **align),
        lambda: resize2d(x, d.data((1, 1, 5, 9), "like"), mode="like", **align),
        lambda: resize2d(x, mode=d.pick("to_even_down", "to_even_up", "to_odd_down", "to_odd_up"), **align),
    )()


def crop(d):
    x = d.data((2, 3, 8, 9))
    if d.pick(True, False):
        like = d.data((1, 1, d.number(3, 6), d.number(3, 6)), "like")
        return d.mx.sym.Crop(x, like, num_args=2, **d.pick({}, {"offset": (1, 2)}, {"center_crop": True}))
    return d.mx.sym.Crop(x, num_args=1, h_w=(4, 5), **d.pick({}, {"offset": (2, 3)}, {"center_crop": True}))


def sampling(d):
    x = d.data((2, 3, 5, 6))
    grid = d.random.uniform(-1.4, 1.4, (2, 2, 3, 4)).astype("float32")
    theta = d.data((2, 6), "theta")
    sym = d.mx.sym

    def sampler():
        d.inputs["grid"] = grid
        return sym.BilinearSampler(x, sym.var("grid"))

    return d.pick(
        sampler,
        lambda: sym.GridGenerator(theta, transform_type="affine", target_shape=(4, 5)),
        lambda: sym.GridGenerator(d.data((2, 2, 4, 5), "flow"), transform_type="warp"),
        lambda: sym.SpatialTransformer(x, theta, target_shape=(4, 7), transform_type="affine", sampler_type="bilinear"),
    )()


def deformable(d):
    modulated = d.pick(True, False)
    groups, split = d.pick(1, 2), d.pick(1, 2)
    x = d.data((2, 4, 6, 7))
    stride, pad, dilate = d.number(1, 2), d.number(0, 2), d.number(1, 2)
    sizes = [(n + 2 * pad - 2 * dilate - 1) // stride + 1 for n in (6, 7)]
    inputs = [x, d.data((2, 18 * groups, *sizes), "offset") * 1.5]
    if modulated:
        inputs.append(d.data((2, 9 * groups, *sizes), "mask", "probability"))
    inputs.append(d.weight((6, 4 // split, 3, 3), "w"))
    bias = d.pick(True, False)
    inputs += [d.weight((6,), "b")] * bias
    operator = "ModulatedDeformableConvolution" if modulated else "DeformableConvolution"
    return getattr(d.mx.sym.contrib, operator)(
        *inputs,
        kernel=(3, 3),
        num_filter=6,
        stride=(stride, stride),
        pad=(pad, pad),
        dilate=(dilate, dilate),
        num_deformable_group=groups,
        num_group=split,
        no_bias=not bias,
    )


def regions(d, images=2):
    low = d.random.uniform(0, 12, (4, 2))
    boxes = np.concatenate([low, low + d.random.uniform(0, 14, (4, 2))], 1)
    column = d.random.randint(0, images, (4, 1))
    d.inputs["rois"] = np.concatenate([column, boxes], 1).astype("float32")
    return d.mx.sym.var("rois")


def roi(d):
    rois = regions(d)
    scale = d.pick(1.0, 0.5, 0.25)
    sym = d.mx.sym
    align = d.maybe(sample_ratio=d.pick(1, 2, 3, -1), aligned=d.pick(False, False, True))

    def sensitive():
        x = d.data((2, 2 * 9, 9, 11))
        return sym.contrib.ROIAlign(x, rois, pooled_size=(3, 3), spatial_scale=scale, position_sensitive=True, **align)

    def psroi():
        group, pooled = d.pick((3, 3), (3, 3), (2, 4))
        x = d.data((2, 2 * group**2, 9, 11))
        return sym.contrib.PSROIPooling(
            x, rois, spatial_scale=scale, output_dim=2, pooled_size=pooled, group_size=group
        )

    return d.pick(
        lambda: sym.ROIPooling(d.data((2, 3, 9, 11)), rois, pooled_size=d.pick((3, 3), (2, 4)), spatial_scale=scale),
        lambda: sym.contrib.ROIAlign(
            d.data((2, 3, 9, 11)), rois, pooled_size=d.pick((3, 3), (2, 4)), spatial_scale=scale, **align
        ),
        sensitive,
        psroi,
    )()


def priors(d):
    x = d.data((1, 3, d.number(2, 5), d.number(2, 5)))
    options = d.maybe(
        sizes=d.pick((0.2,), (0.2, 0.5), (0.1, 0.3, 0.7)),
        ratios=d.pick((1,), (1, 2, 0.5), (2, 0.3)),
        clip=d.pick(True, False),
        steps=(0.2, 0.3),
        offsets=(0.3, 0.6),
    )
    return d.mx.sym.contrib.MultiBoxPrior(x, **options)


def detection(d):
    anchors = d.mx.sym.contrib.MultiBoxPrior(d.data((2, 3, 3, 4)), sizes=(0.3, 0.5), ratios=(1, 2))
    scores = d.mx.sym.softmax(d.data((2, 4, 36), "scores") * 3, axis=1)
    options = d.maybe(
        clip=d.pick(True, False),
        threshold=d.pick(0.1, 0.4),
        nms_threshold=d.pick(0.3, 0.6),
        force_suppress=d.pick(True, False),
        nms_topk=d.pick(5, 20),
        variances=(0.2, 0.1, 0.1, 0.3),
    )
    return d.mx.sym.contrib.MultiBoxDetection(scores, d.data((2, 144), "deltas"), anchors, **options)


def box_nms(d):
    low = d.random.uniform(0, 1, (2, 12, 2))
    size = d.random.uniform(0.2, 0.9, (2, 12, 2))
    labels = d.random.randint(0, 3, (2, 12, 1))
    scores = d.random.permutation(24).reshape(2, 12, 1) / 24 - 0.1
    form = d.pick("corner", "center")
    boxes = [low, low + size] if form == "corner" else [low + 0.3, size]
    d.inputs["data"] = np.concatenate([labels, scores, *boxes], 2).astype("float32")
    options = d.maybe(
        overlap_thresh=d.pick(0.2, 0.5, 0.7),
        valid_thresh=0.2,
        topk=d.pick(4, 8),
        id_index=0,
        background_id=0,
        force_suppress=d.pick(True, False),
        out_format=d.pick("corner", "center"),
    )
    return d.mx.sym.contrib.box_nms(d.mx.sym.var("data"), in_format=form, **options)


def box_arithmetic(d):
    def boxes(name, *shape):
        low = d.random.uniform(0, 1, (*shape, 2))
        d.inputs[name] = np.concatenate([low, low + d.random.uniform(0.1, 0.9, (*shape, 2))], -1).astype("float32")
        return d.mx.sym.var(name)

    form = d.pick("corner", "center")
    deviations = {f"std{i}": v for i, v in enumerate((0.1, 0.2, 0.3, 0.4)) if d.pick(True, False)}
    return d.pick(
        lambda: d.mx.sym.contrib.box_iou(boxes("data", 3), boxes("other", 2, 4), format=form),
        lambda: d.mx.sym.contrib.box_decode(
            d.data((2, 5, 4)), boxes("anchors", 1, 5), format=form, **deviations, **d.maybe(clip=0.5)
        ),
    )()


def proposal(d):
    ratios, scales = d.pick(((1,), (2,)), ((0.5, 1, 2), (2, 4))), None
    ratios, scales = ratios
    count = len(ratios) * len(scales)
    operator = d.pick("Proposal", "MultiProposal")
    images = 1 if operator == "Proposal" else 2
    scores = d.mx.sym.softmax(d.mx.sym.Reshape(d.data((images, 2 * count, 5, 6), "scores"), shape=(0, 2, -1)), axis=1)
    scores = d.mx.sym.Reshape(scores, shape=(0, 2 * count, 5, 6))
    d.inputs["im"] = np.array([[40, 48, 1.0]] * images, "float32")
    made = getattr(d.mx.sym.contrib, operator)(
        scores,
        d.data((images, 4 * count, 5, 6), "deltas") * 0.3,
        d.mx.sym.var("im"),
        feature_stride=8,
        ratios=ratios,
        scales=scales,
        rpn_pre_nms_top_n=d.pick(20, 400),
        rpn_post_nms_top_n=d.pick(6, 12),
        rpn_min_size=d.pick(2, 14),
        threshold=d.pick(0.5, 0.7),
        output_score=d.pick(True, False),
        iou_loss=d.pick(False, False, True),
    )
    return d.mx.sym.Group(list(made)) if len(made.list_outputs()) > 1 else made


def correlation(d):
    a, b = d.data((2, 3, 7, 8)), d.data((2, 3, 7, 8), "other")
    return d.mx.sym.Correlation(
        a,
        b,
        kernel_size=d.pick(1, 1, 3),
        max_displacement=d.number(1, 3),
        stride1=d.pick(1, 2),
        stride2=d.pick(1, 2),
        pad_size=d.number(1, 4),
        is_multiply=d.pick(True, True, False),
    )


def misc(d):
    x = d.data(d.shape(2, 4))
    return d.pick(
        lambda: d.mx.sym.clip(x, a_min=-0.5, a_max=0.7),
        lambda: d.mx.sym.smooth_l1(x, scalar=d.pick(1.0, 2.0)),
        lambda: d.mx.sym.contrib.div_sqrt_dim(x),
        lambda: d.mx.sym.cast(d.mx.sym.cast(x * 3, dtype=d.pick("int32", "int8", "int64", "float16")), dtype="float32"),
        lambda: d.mx.sym.argmax_channel(x),
        lambda: d.mx.sym.Dropout(x, p=0.5),
        lambda: d.mx.sym.diag(d.data((4, 6), "matrix"), k=d.number(-2, 2)),
    )()


FAMILIES = [
    *(convolution, deconvolution, fully_connected, pooling, adaptive_pooling, batch_norm, instance_norm, layer_norm),
    *(group_norm, l2_normalization, lrn, leaky_relu, activation, softmax, softmax_length, heads, unary, binary),
    *(binary_positive, scalar, scalar_power, where, reduction, argument, moments, reshape, layout, blocks, pad, slices),
    *(split, split_v2, join, stack, broadcasting, creation, indexing, ordering, products, recurrent, sequences),
    *(upsampling, resize, crop, sampling, deformable, roi, priors, detection, box_nms, box_arithmetic, proposal),
    *(correlation, misc),
]
FAMILIES_WITH = [("pooling_v1", lambda d: pooling(d, "Pooling_v1")), ("bn_v1", lambda d: batch_norm(d, "BatchNorm_v1"))]


def generate(folder, draws, only):
    import mxnet as mx

    folder.mkdir(parents=True, exist_ok=True)
    written = refused = 0
    families = [(family.__name__, family) for family in FAMILIES] + FAMILIES_WITH
    for name, family in families:
        if only not in (None, name):
            continue
        for index in range(draws):
            draw = Draw(mx, zlib.crc32(f"{name}{index}".encode()) % 2**31)
            try:
                symbol = family(draw)
                results = _forward(mx, symbol, draw)
            except Exception as error:
                refused += 1
                if "-v" in sys.argv:
                    print(f"{name}{index}: {str(error)[:200]!r}")
                continue
            prefix = folder / f"{name}{index}"
            symbol.save(f"{prefix}-symbol.json")
            mx.nd.save(f"{prefix}-0000.params", {f"arg:{k}": mx.nd.array(v) for k, v in draw.weights.items()})
            np.savez(
                f"{prefix}.npz",
                **{f"in_{k}": v for k, v in draw.inputs.items()},
                **{f"out_{i}": v for i, v in enumerate(results)},
            )
            written += 1
    print(f"{written} cases written, {refused} draws refused by MXNet")


def _forward(mx, symbol, draw):
    needed = set(symbol.list_inputs())
    draw.inputs = {k: v for k, v in draw.inputs.items() if k in needed}
    values = {k: mx.nd.array(v) for k, v in {**draw.inputs, **draw.weights}.items() if k in needed}
    shapes, _, _ = symbol.infer_shape_partial(**{k: v.shape for k, v in values.items()})
    for key, shape in zip(symbol.list_arguments(), shapes):
        values.setdefault(key, mx.nd.zeros(shape or (1,)))
    auxiliary = {k: values[k] for k in symbol.list_auxiliary_states()}
    arguments = {k: values[k] for k in symbol.list_arguments()}
    executor = symbol.bind(mx.cpu(), args=arguments, aux_states=auxiliary, grad_req="null")
    return [output.asnumpy() for output in executor.forward(is_train=False)]


def compare(folder, opset, verbose):
    from planish.converter.mxnet import convert_mxnet
    from planish.errors import PlanishError
    from planish.runtime_check.session import Session

    tally = Counter()
    for path in sorted(folder.glob("*-symbol.json")):
        name = path.name.removesuffix("-symbol.json")
        with np.load(folder / f"{name}.npz") as file:
            golden = {key: file[key] for key in file}
        feeds = {key[3:]: value for key, value in golden.items() if key.startswith("in_")}
        wanted = [golden[f"out_{i}"] for i in range(len(golden) - len(feeds))]
        try:
            shapes = {key: value.shape for key, value in feeds.items()}
            parts = convert_mxnet(path, folder / f"{name}-0000.params", input_shapes=shapes, opset=opset)
            found = list(Session(parts.to_model()).run(feeds).values())
        except PlanishError as error:
            tally["refused"] += 1
            print(f"REFUSED {name}: {str(error)[-300:]}")
            continue
        verdict = _verdict(found, wanted)
        notes = next(json.loads(e.value)["notes"] for e in parts.model.metadata_props if "provenance" in e.key)
        fixed = any("batch is fixed" in text for text in notes)
        tally[verdict] += 1
        tally["of which with a fixed batch"] += fixed
        if verdict != "right":
            print(f"{verdict.upper()} {name}: {[a.shape for a in found]} for {[a.shape for a in wanted]}")
        if verbose and fixed:
            print(name, notes)
    print(dict(tally))
    return tally["wrong"]


def _verdict(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        scale = np.abs(b[np.isfinite(b)]).max(initial=0)
        if (
            a.shape != b.shape
            or a.dtype != b.dtype
            or not np.allclose(a, b, rtol=0, atol=1e-3 * scale + 1e-6, equal_nan=True)
        ):
            return "wrong"
    return "right"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["generate", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=20, help="cases of each family")
    parser.add_argument("--family", help="generate this one only")
    parser.add_argument("--opset", type=int, default=17)
    parser.add_argument("-v", action="store_true", dest="verbose")
    options = parser.parse_args()
    if options.job == "generate":
        generate(options.folder, options.draws, options.family)
        return 0
    return 1 if compare(options.folder, options.opset, options.verbose) else 0


if __name__ == "__main__":
    sys.exit(main())
