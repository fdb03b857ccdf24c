"""Random cases for mxnet_random_ops.py: arithmetic, reductions, shapes, slices, indices, sorting and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mxnet_draw import Draw

_UNARY = {
    "normal": "abs sign round rint ceil floor trunc fix square exp expm1 erf relu sigmoid softsign sin cos sinh cosh "
    "tanh arctan arcsinh negative hard_sigmoid degrees radians cbrt logical_not BlockGrad identity",
    "positive": "sqrt rsqrt rcbrt log log2 log10 log1p reciprocal",
    "unit": "arcsin arccos arctanh tan",
}


def _unary(d: Draw) -> Any:
    kind = d.pick(*_UNARY)
    x = d.data(d.shape(), kind=kind)
    name = d.pick(*_UNARY[kind].split())
    if name in ("round", "rint", "trunc", "fix"):
        d.inputs["data"] = np.round(d.inputs["data"] * 4) / 2
    return getattr(d.mx.sym, name)(x)


def _binary(d: Draw) -> Any:
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


def _binary_positive(d: Draw) -> Any:
    shape = d.shape()
    a, b = d.data(shape, "data", "positive"), d.data(shape, "other", "positive")
    return d.pick(lambda: a / b, lambda: a**b, lambda: a % b, lambda: d.mx.sym.broadcast_power(a, b))()


def _scalar(d: Draw) -> Any:
    x = d.data(d.shape(), kind=d.pick("normal", "positive", 3))
    s = d.pick(0.5, 2, 1, 3.5, -1.5)
    name = d.pick(
        *("plus", "minus", "rminus", "mul", "div", "rdiv", "maximum", "minimum", "mod", "rmod", "hypot", "equal"),
        *("not_equal", "greater", "greater_equal", "lesser", "lesser_equal", "logical_and", "logical_or"),
    )
    if name in ("rdiv", "rmod"):
        d.inputs["data"] = np.abs(d.inputs["data"]) + np.float32(0.3)
    return getattr(d.mx.sym._internal, f"_{name}_scalar")(x, scalar=s)


def _scalar_power(d: Draw) -> Any:
    x = d.data(d.shape(), kind="positive")
    return getattr(d.mx.sym._internal, d.pick("_power_scalar", "_rpower_scalar"))(x, scalar=d.pick(0.5, 2, 3))


def _where(d: Draw) -> Any:
    shape = d.shape(2, 4)
    condition = d.data(d.pick(shape, shape[:1]), "condition", 2)
    return d.mx.sym.where(condition, d.data(shape), d.data(shape, "other"))


def _reduction(d: Draw) -> Any:
    x = d.data(d.shape(1, 4), kind="positive")
    rank = d.inputs["data"].ndim
    name = d.pick("sum", "mean", "max", "min", "prod", "norm", "nansum")
    axes = d.pick(None, d.number(-rank, rank - 1), tuple(sorted({d.number(0, rank - 1) for _ in range(2)})), ())
    options = d.maybe(axis=axes, keepdims=d.chance(0.5))
    if name == "norm":
        options.update(d.maybe(ord=d.pick(1, 2)))
        if options.get("axis") == ():
            del options["axis"]
    else:
        options.update(d.maybe(exclude=d.chance(0.5)))
    return getattr(d.mx.sym, name)(x, **options)


def _argument(d: Draw) -> Any:
    x = d.data(d.shape(1, 4), kind="distinct")
    rank = d.inputs["data"].ndim
    options = d.maybe(axis=d.number(-rank, rank - 1), keepdims=d.chance(0.5))
    return getattr(d.mx.sym, d.pick("argmax", "argmin"))(x, **options)


def _moments(d: Draw) -> Any:
    x = d.data(d.shape(2, 4))
    return d.mx.sym.Group(list(d.mx.sym.moments(x, axes=d.pick((0,), (1,), (0, 1)), keepdims=d.chance(0.5))))


_RESHAPES = [
    ((2, 6, 4, 5), codes)
    for codes in (
        *((0, -1), (-1, 0), (0, 0, -1), (-2,), (-3, -2), (0, -3, 0), (0, -4, 2, -1, -2), (0, -4, 2, 3, 0, 0)),
        *((-4, 1, 2, -2), (-3, -3), (0, 0, 20), (4, -1), (0, 3, -1), (-1, 5), (0, -3, -2), (-4, -1, 2, 0, -3)),
    )
]


def _reshape(d: Draw) -> Any:
    shape, codes = _RESHAPES[d.number(0, len(_RESHAPES) - 1)]
    return d.mx.sym.Reshape(d.data(shape), shape=codes, reverse=d.chance(0.5))


def _layout(d: Draw) -> Any:
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


def _blocks(d: Draw) -> Any:
    if d.chance(0.5):
        return d.mx.sym.depth_to_space(d.data((2, 8, 3, 4)), block_size=2)
    return d.mx.sym.space_to_depth(d.data((2, 3, 4, 6)), block_size=2)


def _pad(d: Draw) -> Any:
    x = d.data((2, 3, 5, 6))
    widths = (0, 0, 0, 0, *(d.number(0, 3) for _ in range(4)))
    mode = d.pick("constant", "edge", "reflect")
    return d.mx.sym.Pad(x, mode=mode, pad_width=widths, **d.maybe(constant_value=1.5))


def _slices(d: Draw) -> Any:
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


def _split(d: Draw) -> Any:
    parts = d.number(1, 3)
    shape = [2, 3, 4]
    axis = d.number(-3, 2)
    shape[axis] = parts * d.number(1, 2)
    squeeze = d.chance(0.5) and shape[axis] == parts
    made = d.mx.sym.SliceChannel(d.data(shape), num_outputs=parts, axis=axis, squeeze_axis=squeeze)
    return made if parts == 1 else d.mx.sym.Group(list(made))


def _split_v2(d: Draw) -> Any:
    x = d.data((3, 6, 4))
    axis = d.pick(1, -2)
    indices = d.pick((2,), (1, 4), 3, (2, 3, 5))
    return d.mx.sym.Group(list(d.mx.sym.split_v2(x, indices, axis=axis)))


def _join(d: Draw) -> Any:
    shape = list(d.shape(1, 4))
    axis = d.number(-len(shape), len(shape) - 1)
    inputs = []
    for index in range(d.number(1, 3)):
        own = list(shape)
        own[axis] = d.number(1, 4)
        inputs.append(d.data(own, f"d{index}"))
    return d.mx.sym.Concat(*inputs, dim=axis)


def _stack(d: Draw) -> Any:
    shape = d.shape(1, 3)
    inputs = [d.data(shape, f"d{index}") for index in range(d.number(1, 3))]
    return d.pick(
        lambda: d.mx.sym.stack(*inputs, axis=d.number(-len(shape) - 1, len(shape))), lambda: d.mx.sym.add_n(*inputs)
    )()


def _broadcasting(d: Draw) -> Any:
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


def _creation(d: Draw) -> Any:
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


def _indexing(d: Draw) -> Any:
    x = d.data((4, 5, 3))
    places = d.data(d.shape(1, 2), "index", 4)
    axis = d.number(-3, 2)
    wild = d.data((4, 3), "wild", -7)
    return d.pick(
        lambda: d.mx.sym.take(x, places, axis=axis),
        lambda: d.mx.sym.take(x, wild, axis=axis, mode=d.pick("clip", "wrap")),
        lambda: d.mx.sym.pick(x, wild, axis=1, keepdims=d.chance(0.5), mode=d.pick("clip", "wrap")),
        lambda: d.mx.sym.one_hot(places, depth=d.number(2, 5), **d.maybe(on_value=2.0, off_value=-1.0)),
        lambda: d.mx.sym.one_hot(wild, depth=4),
        lambda: d.mx.sym.gather_nd(x, d.data((d.number(1, 3), 4), "nd", 3)),
        lambda: d.mx.sym.batch_take(
            d.mx.sym.Reshape(x, shape=(0, -1)), d.mx.sym.slice(wild, begin=(0, 0), end=(4, 1)).reshape((-1,))
        ),
        lambda: d.mx.sym.Embedding(wild, d.weight((5, 3), "w"), input_dim=5, output_dim=3),
        lambda: d.mx.sym.scatter_nd(d.data((3,), "values"), d.data((1, 3), "nd", "distinct") * 7, shape=(5,)),
    )()


def _ordering(d: Draw) -> Any:
    x = d.data(d.shape(1, 3, 5), kind="distinct")
    rank = d.inputs["data"].ndim
    axis = d.pick(None, *range(-rank, rank))
    size = d.inputs["data"].size if axis is None else d.inputs["data"].shape[axis]
    ascending = d.chance(0.5)
    kind = d.pick("indices", "value", "both", "mask")
    choice = d.pick("topk", "topk", "sort", "argsort")
    if choice == "topk":
        made = d.mx.sym.topk(x, axis=axis, k=d.number(0, size), ret_typ=kind, is_ascend=ascending)
        return d.mx.sym.Group(list(made)) if kind == "both" else made
    return getattr(d.mx.sym, choice)(x, axis=axis, is_ascend=ascending)


def _products(d: Draw) -> Any:
    ta, tb = d.chance(0.5), d.chance(0.5)

    def swap(shape: tuple[int, ...], *, flag: bool) -> tuple[int, ...]:
        return (*shape[:-2], shape[-1], shape[-2]) if flag else shape

    batch = d.pick((2,), (2,), (2, 3))
    a, b = d.data(swap((*batch, 3, 4), flag=ta), "data"), d.data(swap((*batch, 4, 5), flag=tb), "other")
    m, n = d.data((4, 3) if ta else (3, 4), "m"), d.data((5, 4) if tb else (4, 5), "n")
    c = d.data((*batch, 3, 5), "c")
    flags = {"transpose_a": ta, "transpose_b": tb}
    if len(batch) == 1 and d.chance(0.5):
        return d.pick(lambda: d.mx.sym.batch_dot(a, b, **flags), lambda: d.mx.sym.dot(m, n, **flags))()
    return d.pick(
        lambda: d.mx.sym.linalg_gemm2(a, b, alpha=1.5, **flags),
        lambda: d.mx.sym.linalg_gemm(a, b, c, alpha=1.5, beta=0.5, **flags),
    )()


def _misc(d: Draw) -> Any:
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


FAMILIES: dict[str, Callable[[Draw], Any]] = {
    "unary": _unary,
    "binary": _binary,
    "binary_positive": _binary_positive,
    "scalar": _scalar,
    "scalar_power": _scalar_power,
    "where": _where,
    "reduction": _reduction,
    "argument": _argument,
    "moments": _moments,
    "reshape": _reshape,
    "layout": _layout,
    "blocks": _blocks,
    "pad": _pad,
    "slices": _slices,
    "split": _split,
    "split_v2": _split_v2,
    "join": _join,
    "stack": _stack,
    "broadcasting": _broadcasting,
    "creation": _creation,
    "indexing": _indexing,
    "ordering": _ordering,
    "products": _products,
    "misc": _misc,
}
