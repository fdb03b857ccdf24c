"""For each rule that is there for a target, nets in which its pattern stands, often with what should keep it off."""

import numpy as np
import onnx
from hypothesis import strategies as st

from .nets import CHANNELS, Net, pattern


@pattern
def lrn(draw):
    net = Net(draw, channels=draw(st.one_of(CHANNELS, st.sampled_from([77, 96]))))
    attributes = {"alpha": net.pick(1e-4, 0.5), "beta": net.pick(0.75, 0.5, 1.0, 0.6), "bias": net.pick(1.0, 2.0)}
    return net, net.around(net.node("LRN", net.around("x"), size=net.pick(1, 3, 5, 7), **attributes))


@pattern
def prelu(draw):
    net = Net(draw)
    x, channels = net.conv("x", net.channels) if net.maybe() else (net.around("x"), net.channels)
    slopes = net.vector(*net.pick((channels, 1, 1), (1, channels, 1, 1), (), (1,)))
    return net, net.around(net.node("PRelu", x, slopes))


@pattern
def shortcut(draw):
    net = Net(draw)
    x = net.around("x")
    last = np.iinfo(np.int64).max
    steps = net.pick([2, 2], [2, 2], [1, 3], [3, 1], [-1, 2])
    cut = net.node(
        "Slice",
        x,
        net.constant(np.array([0, net.pick(0, 0, 0, 1)])),
        net.constant(np.array([last, last])),
        net.constant(np.array(net.pick([2, 3], [-2, -1]))),
        net.constant(np.array(steps if steps[0] > 0 else [1, 2])),
    )
    before, after = net.draw(st.integers(0, 3)), net.draw(st.integers(0, 3))
    pads = net.constant(np.array([0, before, 0, 0, 0, after, net.pick(0, 0, 0, 1), 0]))
    value = [net.constant(np.array(net.pick(0.0, 0.0, 1.0), np.float32))] if net.maybe() else []
    return net, net.around(net.node("Pad", cut, pads, *value))


@pattern
def merge_groups(draw):
    group = draw(st.sampled_from([2, 4, 8, 16]))
    net = Net(draw, channels=group * draw(st.sampled_from([2, 4, 8])))
    filters = group * net.pick(2, 4, 8)
    return net, net.around(net.conv(net.around("x"), net.channels, group=group, filters=filters)[0])


@pattern
def pad_channels(draw):
    net = Net(draw)
    y, filters = net.conv(net.around("x"), net.channels, pads=[1] * 4)
    for _ in range(net.pick(0, 1, 2)):
        kind = net.pick("Relu", "Sigmoid", "MaxPool", "depthwise", "Exp")
        if kind == "depthwise":
            y, _ = net.conv(y, filters, group=filters, filters=filters, pads=[1] * 4)
        elif kind == "MaxPool":
            y = net.node(kind, y, kernel_shape=[2, 2])
        else:
            y = net.node(kind, y)
    first, _ = net.conv(y, filters, kernel=[1, 1], pads=[0] * 4, filters=3)
    if net.maybe():
        first = net.node("Add", first, net.conv(y, filters, kernel=[1, 1], pads=[0] * 4, filters=3)[0])
    return net, net.around(first)


@pattern
def siblings(draw):
    net = Net(draw)
    x = net.around("x")
    pads = [net.draw(st.integers(0, 1)) for _ in range(4)]
    kernel = [net.pick(1, 3), net.pick(1, 2)]
    branches = [net.conv(x, net.channels, kernel=kernel, pads=pads)[0] for _ in range(net.pick(2, 3))]
    if net.maybe():
        branches.append(net.conv(x, net.channels, kernel=kernel, pads=pads, bias=True)[0])
    return net, net.node("Concat", *[net.around(branch) for branch in branches], axis=1)


@pattern
def winograd(draw):
    net = Net(draw, least=5, most=15)
    group = net.channels if net.maybe() else 1
    kernel = net.pick([3, 3], [3, 3], [5, 5], [3, 4], [5, 5], [3, 2])
    strides = [2, 1] if net.pick(0, 0, 0, 1) else [1, 1]
    y, filters = net.conv(net.around("x"), net.channels, kernel=kernel, group=group, strides=strides)
    if net.maybe():
        y = net.affine(y, filters)
    y = net.around(y)
    if net.maybe():
        y = net.node("Concat", y, y, axis=1) if net.maybe() else net.node("Add", y, y)
    return net, net.around(y)


@pattern
def normalization(draw):
    net = Net(draw)
    x, axes = net.around("x"), net.pick([2, 3], [2, 3], [-1], [1, 2, 3], [3, 2], [1])
    if net.pick(0, 0, 1) and axes == [2, 3]:
        y = net.node("MeanVarianceNormalization", x, axes=axes)
    else:
        centred = net.node("Sub", x, net.node("ReduceMean", x, axes=axes))
        squared = net.node("Pow", centred, net.constant(np.array(2.0))) if net.maybe() else None
        variance = net.node("ReduceMean", squared or net.node("Mul", centred, centred), axes=axes)
        root = net.node("Sqrt", net.node("Add", variance, net.constant(np.array(net.pick(1e-2, 0.1)))))
        y = net.node("Div", centred, root)
    width = net.space[-1]
    for _ in range(net.pick(0, 1, 2)):
        y = net.affine(y, net.channels) if net.maybe() else net.node(net.pick("Mul", "Add"), y, net.vector(width))
    return net, net.around(y)


@pattern
def resize(draw):
    net = Net(draw)
    mode = {
        "coordinate_transformation_mode": net.pick("half_pixel", "pytorch_half_pixel", "asymmetric"),
        "nearest_mode": net.pick("round_prefer_floor", "round_prefer_ceil"),
    }
    factors = [net.pick(1, 2, 3, 4, 7), net.pick(1, 2, 5)]
    if net.maybe():
        scales = net.constant(np.array([1, 1, *factors], np.float32) * net.pick(1.0, 1.0, 1.5 if net.maybe() else 1.0))
        net.initializers.get(scales, np.ones(4))[:2] = 1
        return net, net.node("Resize", net.around("x"), "", scales, mode="nearest", **mode)
    whole = [size * factor for size, factor in zip(net.space, factors, strict=True)]
    sizes = net.constant(np.array([net.batch, net.channels, *whole]))
    return net, net.node("Resize", net.around("x"), "", "", sizes, mode="nearest", **mode)


@pattern
def merge_split(draw):
    count, width, group = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    net = Net(draw, channels=count * width * group)
    x = net.around("x")
    parts = [f"part{index}" for index in range(count)]
    sizes = net.constant(np.full(count, width * group))
    net.nodes.append(onnx.helper.make_node("Split", [x, sizes], parts, axis=1))
    filters, kernel = group * net.pick(1, 2, 3), [net.pick(1, 3), 2]
    order = parts if net.pick(1, 1, 0) else parts[::-1]
    made = [
        net.conv(part, width * group, kernel=kernel, pads=[1, 0, 1, 1], filters=filters, group=group)[0]
        for part in order
    ]
    if not net.maybe():
        net.made.clear()  # nobody else reads the parts
    return net, net.around(net.node("Concat", *made, axis=1))


@pattern
def deconvolution(draw):
    net = Net(draw, least=2)
    stride, extra = net.pick(1, 2, 3), net.pick(0, 1)
    rows, columns = (net.rng.standard_normal(size) for size in (stride + extra + 1, net.pick(2, 4)))
    kernel = np.outer(rows, columns) if net.pick(1, 1, 0) else net.rng.standard_normal((len(rows), len(columns)))
    weight = net.constant(np.tile(kernel[None, None], (net.channels, 1, 1, 1)))
    pads = [net.pick(0, 1), 0, net.pick(0, 1), 1]
    y = net.node(
        "ConvTranspose",
        net.around("x"),
        weight,
        group=net.channels,
        strides=[stride, 2],
        pads=pads,
        output_padding=[0, extra],
    )
    return net, net.around(y)


@pattern
def lp_normalization(draw):
    net = Net(draw, rank=draw(st.integers(3, 4)))
    return net, net.around(net.node("LpNormalization", net.around("x"), axis=net.pick(1, -1, 2), p=net.pick(2, 2, 1)))
