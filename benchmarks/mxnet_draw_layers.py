"""Random cases for mxnet_random_ops.py: layers with weights, pooling, activations, recurrence, sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mxnet_draw import Draw


def _convolution(d: Draw) -> Any:
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
    bias = d.chance(0.5)
    inputs = [x, d.weight((filters, channels // groups, *kernel), "w")] + [d.weight((filters,), "b")] * bias
    return d.mx.sym.Convolution(
        *inputs, kernel=kernel, num_filter=filters, num_group=groups, no_bias=not bias, **options
    )


def _deconvolution(d: Draw) -> Any:
    axes = d.pick(1, 2, 2)
    groups = d.pick(1, 1, 2)
    channels, filters = groups * d.number(1, 3), groups * d.number(1, 3)
    kernel = tuple(d.number(1, 4) for _ in range(axes))
    stride = tuple(d.number(1, 3) for _ in range(axes))
    sizes = tuple(d.number(3, 6) for _ in range(axes))
    x = d.data((d.number(1, 2), channels, *sizes))
    if d.chance(0.3):
        most = [s * (n - 1) + k for s, n, k in zip(stride, sizes, kernel, strict=True)]
        options = {"target_shape": tuple(d.number(max(1, m - 3), m) for m in most)}
    else:
        options = d.maybe(pad=tuple(d.number(0, 1) for _ in range(axes)), adj=tuple(d.number(0, s - 1) for s in stride))
    bias = d.chance(0.5)
    inputs = [x, d.weight((channels, filters // groups, *kernel), "w")] + [d.weight((filters,), "b")] * bias
    flag = {"no_bias": False} if bias else d.pick({}, {"no_bias": True})
    return d.mx.sym.Deconvolution(
        *inputs, kernel=kernel, stride=stride, num_filter=filters, num_group=groups, **options, **flag
    )


def _fully_connected(d: Draw) -> Any:
    flatten = d.chance(0.5)
    x = d.data(d.shape(2, 4))
    shape = d.inputs["data"].shape
    columns = int(np.prod(shape[1:])) if flatten else shape[-1]
    bias = d.chance(0.5)
    inputs = [x, d.weight((5, columns), "w")] + [d.weight((5,), "b")] * bias
    return d.mx.sym.FullyConnected(*inputs, num_hidden=5, flatten=flatten, no_bias=not bias)


def _pooling(d: Draw, operator: str = "Pooling") -> Any:
    axes = 2 if operator == "Pooling_v1" else d.pick(1, 2, 2, 3)
    kinds = ("max", "avg", "sum") + (("lp",) if operator == "Pooling" else ())
    kernel = tuple(d.number(1, 4) for _ in range(axes))
    kind = d.pick(*kinds)
    options = d.maybe(
        stride=tuple(d.number(1, 3) for _ in range(axes)),
        pad=tuple(d.number(0, k - 1) for k in kernel),
        pooling_convention=d.pick("valid", "full"),
        global_pool=d.chance(0.3),
    )
    if kind == "lp":
        options["p_value"] = d.pick(1, 2, 3)
    if kind == "avg" and operator == "Pooling":
        options.update(d.maybe(count_include_pad=d.chance(0.5)))
    x = d.data((2, 3, *(d.number(5, 9) for _ in range(axes))), kind="positive" if kind == "lp" else "normal")
    return getattr(d.mx.sym, operator)(x, kernel=kernel, pool_type=kind, **options)


def _adaptive_pooling(d: Draw) -> Any:
    x = d.data((2, 3, d.number(3, 9), d.number(3, 9)))
    return d.mx.sym.contrib.AdaptiveAvgPooling2D(x, **d.maybe(output_size=d.pick(3, (2, 5), (4, 3), 1, (7, 7))))


def _batch_norm(d: Draw, operator: str = "BatchNorm") -> Any:
    x = d.data(d.shape(2, 4))
    shape = d.inputs["data"].shape
    options = d.maybe(eps=d.pick(1e-3, 2e-5), fix_gamma=d.chance(0.5), use_global_stats=d.chance(0.5))
    axis = 1
    if operator == "BatchNorm" and d.chance(0.5):
        axis = options["axis"] = d.number(-1, len(shape) - 1)
    c = (shape[axis],)
    inputs = [x, d.weight(c, "g"), d.weight(c, "b")]
    if operator == "BatchNorm":
        inputs += [d.weight(c, "m"), d.weight(c, "v", "positive")]
    else:  # its auxiliary states cannot be passed, only named
        d.weight(c, "bn_moving_mean")
        d.weight(c, "bn_moving_var", "positive")
    return getattr(d.mx.sym, operator)(*inputs, name="bn", **options)


def _instance_norm(d: Draw) -> Any:
    x = d.data(d.shape(3, 4))
    c = (d.inputs["data"].shape[1],)
    return d.mx.sym.InstanceNorm(x, d.weight(c, "g"), d.weight(c, "b"), **d.maybe(eps=1e-2))


def _layer_norm(d: Draw) -> Any:
    x = d.data(d.shape(2, 4))
    shape = d.inputs["data"].shape
    axis = d.number(-len(shape), len(shape) - 1)
    c = (shape[axis],)
    return d.mx.sym.LayerNorm(x, d.weight(c, "g"), d.weight(c, "b"), axis=axis, **d.maybe(eps=1e-2))


def _group_norm(d: Draw) -> Any:
    groups = d.number(1, 3)
    x = d.data((2, groups * d.number(1, 3), *d.shape(1, 2)))
    return d.mx.sym.GroupNorm(x, d.weight((groups,), "g"), d.weight((groups,), "b"), num_groups=groups)


def _l2_normalization(d: Draw) -> Any:
    x = d.data(d.shape(2, 4))
    return d.mx.sym.L2Normalization(x, **d.maybe(mode=d.pick("instance", "channel", "spatial"), eps=1e-3))


def _lrn(d: Draw) -> Any:
    x = d.data((2, d.number(3, 7), 4, 5))
    return d.mx.sym.LRN(x, nsize=d.pick(3, 5), **d.maybe(alpha=0.3, beta=0.5, knorm=1.5))


def _leaky_relu(d: Draw) -> Any:
    x = d.data(d.shape(1, 4))
    kind = d.pick("leaky", "elu", "selu", "gelu", "prelu")
    options = d.maybe(slope=0.3)
    if kind != "prelu":
        return d.mx.sym.LeakyReLU(x, act_type=kind, **options)
    shape = d.inputs["data"].shape
    size = d.pick(1, shape[1] if len(shape) > 1 else 1)
    return d.mx.sym.LeakyReLU(x, d.weight((size,), "gamma"), act_type="prelu")


def _activation(d: Draw) -> Any:
    return d.mx.sym.Activation(d.data(d.shape()), act_type=d.pick("relu", "sigmoid", "softrelu", "softsign", "tanh"))


def _softmax(d: Draw) -> Any:
    x = d.data(d.shape(1, 4))
    axis = d.number(-1, d.inputs["data"].ndim - 1)
    operator = d.pick("softmax", "log_softmax", "softmin")
    return getattr(d.mx.sym, operator)(x, **d.maybe(axis=axis, temperature=d.pick(0.5, 3.0)))


def _softmax_length(d: Draw) -> Any:
    x = d.data((3, 4, 5))
    axis = d.pick(1, 2, -1)
    length = d.data((3, 5) if axis == 1 else (3, 4), "length", 4)
    d.inputs["length"] += 1
    return d.mx.sym.softmax(x, d.mx.sym.cast(length, dtype="int32"), axis=axis, use_length=True)


def _heads(d: Draw) -> Any:
    x = d.data(d.shape(2, 4))
    name = d.pick(
        *("SoftmaxOutput", "SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput"),
        *("MAERegressionOutput", "SVMOutput", "SoftmaxActivation", "MakeLoss", "BlockGrad"),
    )
    if name == "SoftmaxOutput":
        options = d.maybe(multi_output=d.chance(0.5), preserve_shape=d.chance(0.5))
        if d.inputs["data"].ndim == 4:  # otherwise the answer depends on oneDNN
            options["preserve_shape"] = True
        return d.mx.sym.SoftmaxOutput(x, name="softmax", **options)
    if name == "SoftmaxActivation":
        return d.mx.sym.SoftmaxActivation(x, **d.maybe(mode=d.pick("instance", "channel")))
    return getattr(d.mx.sym, name)(x)


def _recurrent(d: Draw) -> Any:
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
    keep = d.chance(0.5)
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


def _sequences(d: Draw) -> Any:
    x = d.data((4, 3, 2))
    length = d.data((3,), "length", 4)
    d.inputs["length"] += 1
    use = d.chance(0.5)
    options = {"use_sequence_length": use}
    inputs = [x, length] if use else [x]
    return d.pick(
        lambda: d.mx.sym.SequenceLast(*inputs, **options),
        lambda: d.mx.sym.SequenceMask(*inputs, value=-2, **options),
        lambda: d.mx.sym.SequenceReverse(*inputs, **options),
        lambda: d.mx.sym.SequenceMask(d.mx.sym.SwapAxis(x, dim1=0, dim2=1), *inputs[1:], axis=1, **options),
        lambda: d.mx.sym.SequenceLast(d.mx.sym.SwapAxis(x, dim1=0, dim2=1), *inputs[1:], axis=1, **options),
    )()


def _upsampling(d: Draw) -> Any:
    scale = d.number(1, 3)
    if d.chance(0.5):
        kernel = 2 * scale - scale % 2
        x, w = d.data((2, 3, 4, 5)), d.weight((3, 1, kernel, kernel), "w")
        return d.mx.sym.UpSampling(x, w, scale=scale, sample_type="bilinear", num_filter=3, num_args=2)
    x = d.data((2, 3, 4, 6))
    others = [d.data((2, 3, 2, 3), "other")] * d.number(0, 1)
    mode = d.maybe(multi_input_mode=d.pick("concat", "sum"))
    return d.mx.sym.UpSampling(x, *others, scale=scale, sample_type="nearest", num_args=1 + len(others), **mode)


def _resize(d: Draw) -> Any:
    x = d.data((2, 3, d.number(3, 8), d.number(3, 8)))
    align = d.maybe(align_corners=d.chance(0.5))
    resize2d = d.mx.sym.contrib.BilinearResize2D
    return d.pick(
        lambda: resize2d(x, height=d.number(1, 14), width=d.number(1, 14), **align),
        lambda: resize2d(x, scale_height=d.pick(2, 1.5, 0.6), scale_width=d.pick(2, 1.3, 0.5), **align),
        lambda: resize2d(x, scale_height=d.pick(2, 3), scale_width=d.pick(2, 0.5), mode="odd_scale", **align),
        lambda: resize2d(x, d.data((1, 1, 5, 9), "like"), mode="like", **align),
        lambda: resize2d(x, mode=d.pick("to_even_down", "to_even_up", "to_odd_down", "to_odd_up"), **align),
    )()


def _crop(d: Draw) -> Any:
    x = d.data((2, 3, 8, 9))
    if d.chance(0.5):
        like = d.data((1, 1, d.number(3, 6), d.number(3, 6)), "like")
        return d.mx.sym.Crop(x, like, num_args=2, **d.pick({}, {"offset": (1, 2)}, {"center_crop": True}))
    return d.mx.sym.Crop(x, num_args=1, h_w=(4, 5), **d.pick({}, {"offset": (2, 3)}, {"center_crop": True}))


def _sampling(d: Draw) -> Any:
    x = d.data((2, 3, 5, 6))
    grid = d.random.uniform(-1.4, 1.4, (2, 2, 3, 4)).astype("float32")
    theta = d.data((2, 6), "theta")
    sym = d.mx.sym

    def sampler() -> Any:
        d.inputs["grid"] = grid
        return sym.BilinearSampler(x, sym.var("grid"))

    return d.pick(
        sampler,
        lambda: sym.GridGenerator(theta, transform_type="affine", target_shape=(4, 5)),
        lambda: sym.GridGenerator(d.data((2, 2, 4, 5), "flow"), transform_type="warp"),
        lambda: sym.SpatialTransformer(x, theta, target_shape=(4, 7), transform_type="affine", sampler_type="bilinear"),
    )()


def _deformable(d: Draw) -> Any:
    modulated = d.chance(0.5)
    groups, split = d.pick(1, 2), d.pick(1, 2)
    x = d.data((2, 4, 6, 7))
    stride, pad, dilate = d.number(1, 2), d.number(0, 2), d.number(1, 2)
    sizes = [(n + 2 * pad - 2 * dilate - 1) // stride + 1 for n in (6, 7)]
    inputs = [x, d.data((2, 18 * groups, *sizes), "offset") * 1.5]
    if modulated:
        inputs.append(d.data((2, 9 * groups, *sizes), "mask", "probability"))
    inputs.append(d.weight((6, 4 // split, 3, 3), "w"))
    bias = d.chance(0.5)
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


FAMILIES: dict[str, Callable[[Draw], Any]] = {
    "convolution": _convolution,
    "deconvolution": _deconvolution,
    "fully_connected": _fully_connected,
    "pooling": _pooling,
    "adaptive_pooling": _adaptive_pooling,
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "l2_normalization": _l2_normalization,
    "lrn": _lrn,
    "leaky_relu": _leaky_relu,
    "activation": _activation,
    "softmax": _softmax,
    "softmax_length": _softmax_length,
    "heads": _heads,
    "recurrent": _recurrent,
    "sequences": _sequences,
    "upsampling": _upsampling,
    "resize": _resize,
    "crop": _crop,
    "sampling": _sampling,
    "deformable": _deformable,
    "pooling_v1": lambda d: _pooling(d, "Pooling_v1"),
    "batch_norm_v1": lambda d: _batch_norm(d, "BatchNorm_v1"),
}
