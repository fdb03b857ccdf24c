"""For each rule that simplifies, nets in which its pattern stands, often with what should keep the rule from it."""

import itertools

import numpy as np
from hypothesis import strategies as st

from .nets import Net, pattern


@pattern
def drop_identities(draw):
    net = Net(draw)
    x = net.around("x")
    n, c, (h, w) = net.batch, net.channels, net.space
    for _ in range(net.pick(1, 2, 3)):
        kind = net.pick(
            "Identity", "Dropout", "Reshape", "Transpose", "Slice", "Concat", "Pad", "Mul", "Add", "MaxPool"
        )
        extra, attributes = [], {}
        if kind == "Reshape":
            extra = [net.constant(np.array(net.pick([0, c, h, w], [-1, c, h, w], [0, 0, 0, 0], [0, 0, -1, w])))]
        elif kind == "Transpose":
            attributes = {"perm": net.pick([0, 1, 2, 3], [0, 1, 3, 2]) if h == w else [0, 1, 2, 3]}
        elif kind == "Slice":
            extra = [
                net.constant(np.array([0])),
                net.constant(np.array([net.pick(h, 99)])),
                net.constant(np.array([2])),
            ]
        elif kind == "Pad":
            extra = [net.constant(np.zeros(8, np.int64))]
        elif kind in {"Mul", "Add"}:
            value = 1.0 if kind == "Mul" else 0.0
            shape = net.pick((), (c, 1, 1), (1, 1, 1, 1), (h, w), (n, 1, 1, 1))
            extra = [net.constant(np.full(shape, value))]
        elif kind == "Concat":
            attributes = {"axis": 1}
        elif kind == "MaxPool":
            attributes = {"kernel_shape": [1, 1], "strides": [1, 1]}
        x = net.node(kind, x, *extra, **attributes)
    return net, net.node("Neg", x) if net.maybe() else x


@pattern
def fold_constants(draw):
    net = Net(draw)
    x, c = net.around("x"), net.channels
    value = net.vector(c, 1, 1)
    for op in net.pick(["Neg"], ["Abs", "Sqrt"], ["Exp"]):
        value = net.node(op, value)
    value = net.node(net.pick("Mul", "Add"), value, net.vector(1))
    y = net.node(net.pick("Mul", "Add"), x, value)
    if net.maybe():
        shape = net.node("Shape", y)
        batch = net.node("Gather", shape, net.constant(np.array([0])))
        channels = net.node("Gather", shape, net.constant(np.array([net.pick(1, -3)])))
        for name in (shape, batch, channels):
            net.made.remove(name)  # integers, which no test reads
        wanted = net.node("Concat", batch, channels, net.constant(np.array([-1])), axis=0)
        net.made.remove(wanted)
        y = net.node("Reshape", y, wanted)
    return net, net.node("Neg", y)


@pattern
def merge_duplicates(draw):
    net = Net(draw)
    x, c = net.around("x"), net.channels
    values = net.rng.uniform(0.5, 2, (c, 1, 1)).astype(np.float32)
    branches = []
    for _ in range(net.pick(2, 3)):
        net.initializers[f"twin{len(net.initializers)}"] = values.copy()
        y = net.node("Mul", x, list(net.initializers)[-1])
        branches.append(net.node(net.pick("Relu", "Neg"), y))
    return net, net.node("Sum", *branches)


@pattern
def merge_transposes(draw):
    net = Net(draw)
    x = net.around("x")
    for _ in range(net.pick(2, 3)):
        x = net.node("Transpose", x, perm=net.draw(st.permutations(range(4))))
    return net, net.node("Neg", x)


@pattern
def flatten(draw):
    net = Net(draw)
    pooled = net.maybe()
    x = net.node("GlobalAveragePool", net.around("x")) if pooled else net.around("x")
    features = net.channels * (1 if pooled else int(np.prod(net.space)))
    if pooled and net.maybe():
        y = net.node("Squeeze", x, net.constant(np.array([2, 3])))
    elif net.maybe():
        y = net.node("Reshape", x, net.constant(np.array(net.pick([0, -1], [-1, features], [0, features]))))
    else:
        shape = net.node("Shape", x)
        batch = net.node("Gather", shape, net.constant(np.array(0)))
        batch = net.node("Unsqueeze", batch, net.constant(np.array([0])))
        wanted = net.node("Concat", batch, net.constant(np.array([net.pick(-1, features)])), axis=0)
        net.made = [x] if x != "x" else []
        y = net.node("Reshape", x, wanted)
    return net, net.node("Gemm", y, net.weights(features, 3), net.vector(3))


@pattern
def gemm(draw):
    net = Net(draw, rank=2)
    product = net.node("MatMul", net.around("x"), net.weights(net.channels, 5))
    bias = net.vector(*net.pick((5,), (1, 5), (), (1,)))
    y = net.node("Add", product, bias) if net.maybe() else net.node("Add", bias, product)
    return net, net.around(y)


@pattern
def power(draw):
    net = Net(draw)
    x = net.around("x")
    base = net.node("Add", net.node("Mul", x, x), net.positive(1)) if net.maybe() else x
    exponent = net.pick(2.0, 3.0, 0.5, 0.75, 0.25, 1.0, 1.5, -0.5, -0.75, -2.0, 1.3)
    if exponent < 0 and base is x:
        exponent = 2.0
    return net, net.around(net.node("Pow", base, net.constant(np.full(net.pick((), (1,)), exponent))))


@pattern
def clip(draw):
    net = Net(draw)
    x = net.around("x")
    kind = net.pick("leaky", "bounds", "bounds", "prelu", "clip")
    if kind == "leaky":
        scaled = net.node("Mul", x, net.constant(np.array(net.pick(0.1, 0.3, 1.5, -0.2))))
        return net, net.around(net.node("Max", scaled, x))
    if kind == "prelu":
        return net, net.node("PRelu", x, net.constant(np.full(net.pick((), (1,), (net.channels, 1, 1)), 0.25)))
    if kind == "clip":
        return net, net.node("Clip", x, net.constant(np.array(net.pick(0.0, -0.5))))
    first, second = net.pick(("Max", "Min"), ("Min", "Max"), ("Relu", "Min"))
    y = net.node(first, x) if first == "Relu" else net.node(first, x, net.constant(np.array(net.pick(0.0, -0.4, 0.7))))
    bound = net.constant(np.full(net.pick((), (1,)), net.pick(0.0, 0.5, 6.0)))
    return net, net.around(net.node(second, *net.pick((y, bound), (bound, y))))


@pattern
def hard_swish(draw):
    net = Net(draw)
    x = net.node("Mul", net.around("x"), net.constant(np.array(3.0)))
    shape = net.pick((), (1,))
    clipped = net.node(
        "Clip",
        net.node("Add", x, net.constant(np.full(shape, 3.0))),
        net.constant(np.array(0.0)),
        net.constant(np.array(net.pick(6.0, 6.0, 5.0))),
    )
    last = net.pick(("Div", 6.0), ("Mul", 1 / 6), ("Div", 5.0))
    constant = net.constant(np.full(shape, last[1]))
    if net.maybe():
        gate = net.node(last[0], clipped, constant)
        return net, net.around(net.node("Mul", *net.pick((x, gate), (gate, x))))
    return net, net.around(net.node(last[0], net.node("Mul", *net.pick((x, clipped), (clipped, x))), constant))


@pattern
def fold_affine(draw):
    net = Net(draw)
    x = net.around("x")
    kind = net.pick("Conv", "Conv", "ConvTranspose", "Gemm")
    if kind == "Conv":
        group = net.channels if net.maybe() else 1
        y, filters = net.conv(x, net.channels, group=group)
    elif kind == "ConvTranspose":
        y, filters = net.node(kind, x, net.weights(net.channels, 4, 2, 3), strides=[2, 1]), 4
    else:
        flat = net.node("Flatten", net.node("GlobalAveragePool", x))
        transposed = net.maybe()
        shape = (3, net.channels) if transposed else (net.channels, 3)
        y, filters = net.node("Gemm", flat, net.weights(*shape), net.vector(3), transB=int(transposed)), 3
    for _ in range(net.pick(1, 2, 3)):
        y = net.affine(y, filters, 0 if kind == "Gemm" else 2)
    return net, net.around(y)


@pattern
def fold_affine_into_next(draw):
    net = Net(draw)
    x = net.around("x")
    for _ in range(net.pick(1, 2)):
        x = net.affine(x, net.channels)
    if net.maybe():
        group = net.channels if net.maybe() else 1
        pads = [0] * 4 if net.maybe() else None
        return net, net.around(net.conv(x, net.channels, group=group, pads=pads)[0])
    flat = net.node("Flatten", net.node("GlobalAveragePool", x))
    flat = net.affine(flat, net.channels, 0)
    return net, net.node("Gemm", flat, net.weights(net.channels, 3))


@pattern
def merge_affine(draw):
    net = Net(draw)
    x = net.around("x")
    for _ in range(net.pick(2, 3)):
        x = net.affine(x, net.channels)
    return net, net.around(x)


@pattern
def fold_pad(draw):
    net = Net(draw)
    x = net.node(net.pick("Relu", "Sigmoid", "Neg"), "x")
    kind = net.pick("Conv", "MaxPool", "AveragePool")
    top, left, bottom, right = (net.draw(st.integers(0, 2)) for _ in range(4))
    pads = np.array([0, net.pick(0, 0, 0, 1), top, left, 0, 0, bottom, right])
    value = net.constant(np.array(net.pick(0.0, 0.0, -np.inf if kind == "MaxPool" else 1.0), np.float32))
    padded = net.node("Pad", x, net.constant(pads), value)
    if kind == "Conv":
        return net, net.around(net.conv(padded, net.channels + int(pads[1]))[0])
    attributes = {"kernel_shape": [3, 3], "pads": net.pick([0] * 4, [1, 0, 1, 0]), "strides": net.pick([1, 1], [2, 1])}
    if kind == "AveragePool":
        attributes["count_include_pad"] = net.pick(0, 1)
    return net, net.around(net.node(kind, padded, **attributes))


@pattern
def global_pool(draw):
    net = Net(draw)
    x = net.around("x")
    window = net.pick(net.space, net.space, [net.space[0], 2])
    attributes = {"strides": net.pick([1, 1], [2, 3])}
    attributes |= net.pick({}, {}, {"pads": [0, 1, 0, 0]}, {"auto_pad": "VALID"})
    return net, net.around(net.node(net.pick("AveragePool", "MaxPool"), x, kernel_shape=window, **attributes))


@pattern
def merge_linear(draw):
    net = Net(draw, least=9)  # three strides leave a window's worth
    x = net.around("x")
    if net.maybe():
        x = net.node("Flatten", net.node("GlobalAveragePool", x))
        widths = [net.channels, net.pick(2, 8, 20), net.pick(1, 3), 4]
        for before, after in itertools.pairwise(widths):
            transposed = net.maybe()
            shape = (after, before) if transposed else (before, after)
            x = net.node("Gemm", x, net.weights(*shape), net.vector(after), transB=int(transposed))
        return net, net.around(x)
    channels = net.channels
    for kernel in net.pick([[1, 1], [1, 1]], [[2, 3], [1, 1]], [[1, 1], [2, 3]], [[1, 1], [1, 1], [3, 1]]):
        pads = [1, 0, 0, 1] if net.pick(0, 0, 0, 1) else [0] * 4
        strides = [2, 1] if net.pick(0, 0, 0, 1) else [1, 1]
        x, channels = net.conv(x, channels, kernel=kernel, pads=pads, filters=net.pick(1, 4, 17), strides=strides)
    return net, net.around(x)
