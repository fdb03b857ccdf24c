"""Random nets in which channels are coupled in every way that occurs."""

import numpy as np
import onnx
from hypothesis import strategies as st

SIZE = (6, 7)
KINDS = ("conv", "grouped", "depthwise", "relu", "normalize", "prelu", "pool", "add", "multiply", "concat", "split")
KINDS += ("shuffle", "slice", "squeeze", "pad")


class Builder:
    """Adds layers to a net, whose tensors are all (n, C, 6, 7)."""

    def __init__(self, rng):
        self.rng, self.nodes, self.arrays, self.channels = rng, [], {}, {"x": 3}

    def weights(self, *shape):
        name = f"w{len(self.arrays)}"
        self.arrays[name] = (self.rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        return name

    def constant(self, values, dtype=np.int64):
        name = f"w{len(self.arrays)}"
        self.arrays[name] = np.array(values, dtype=dtype)
        return name

    def node(self, op, inputs, channels, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        sizes = channels if isinstance(channels, list) else [channels]
        self.channels.update(zip(names, sizes, strict=True))
        self.nodes.append(onnx.helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}", **attributes))
        return names[0]

    def conv(self, source, filters, group=1, kernel=3):
        channels = self.channels[source]
        inputs = [source, self.weights(filters, channels // group, kernel, kernel), self.weights(filters, 1)]
        self.arrays[inputs[2]] = self.arrays[inputs[2]].reshape(-1)
        return self.node("Conv", inputs, filters, group=group, pads=[kernel // 2] * 4)

    def add_kind(self, kind, source, other, filters):
        channels = self.channels[source]
        if kind in {"add", "multiply"} and self.channels[other] == channels:
            return self.node({"add": "Add", "multiply": "Mul"}[kind], [source, other], channels)
        if kind == "concat":
            return self.node("Concat", [source, other], channels + self.channels[other], axis=1)
        if kind == "grouped" and channels % 2 == 0:
            return self.conv(source, 2 * filters, group=2)
        if kind == "depthwise":
            return self.conv(source, channels, group=channels)
        if kind == "normalize":
            numbers = [self.constant(self.rng.uniform(0.5, 1.5, channels), np.float32) for _ in range(4)]
            return self.node("BatchNormalization", [source, *numbers], channels)
        if kind == "prelu":
            slopes = self.constant(self.rng.uniform(0, 0.5, (channels, 1, 1)), np.float32)
            return self.node("PRelu", [source, slopes], channels)
        return self.add_shape(kind, source) or self.conv(source, filters, kernel=1)

    def add_shape(self, kind, source):
        channels = self.channels[source]
        if kind == "relu":
            return self.node("Relu", [source], channels)
        if kind == "pool":
            return self.node("MaxPool", [source], channels, kernel_shape=[3, 3], pads=[1] * 4)
        if kind == "split" and channels > 2:
            parts = [channels // 2, channels - channels // 2]
            return self.node("Split", [source, self.constant(parts)], parts, outputs=2, axis=1)
        if kind == "slice" and channels > 3:
            ranges = [self.constant([number]) for number in (1, channels - 1, 1)]
            return self.node("Slice", [source, *ranges], channels - 2)
        if kind == "pad":
            return self.node("Pad", [source, self.constant([0, 1, 0, 0, 0, 2, 0, 0])], channels + 3)
        if kind == "squeeze":  # and excite
            gate = self.node("Sigmoid", [self.conv(self.node("GlobalAveragePool", [source], channels), 4, kernel=1)], 4)
            return self.node("Mul", [source, self.conv(gate, channels, kernel=1)], channels)
        if kind == "shuffle" and channels % 2 == 0:
            apart = self.constant([0, 2, channels // 2, *SIZE])
            split = self.node("Reshape", [source, apart], channels)
            turned = self.node("Transpose", [split], channels, perm=[0, 2, 1, 3, 4])
            for helper in (split, turned):
                del self.channels[helper]
            return self.node("Reshape", [turned, self.constant([0, channels, *SIZE])], channels)
        return None

    def finish(self, heads):
        """The model, with a convolution for each of the tensors that are heads."""
        outputs = [self.conv(head, 5, kernel=1) for head in dict.fromkeys(heads)]
        shape = ["n", 5, *SIZE]
        graph = onnx.helper.make_graph(
            self.nodes,
            "random",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 3, *SIZE])],
            [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in outputs],
            [onnx.numpy_helper.from_array(array, name) for name, array in self.arrays.items()],
        )
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


@st.composite
def nets(draw):
    """A model of up to twelve layers; GlobalAveragePool's outputs are read only by what makes gates of them."""
    builder = Builder(np.random.default_rng(draw(st.integers(0, 2**20))))
    current = [builder.conv("x", draw(st.sampled_from([6, 8])))]
    for _ in range(draw(st.integers(2, 12))):
        source, other = (draw(st.sampled_from(current[-5:])) for _ in range(2))
        made = builder.add_kind(draw(st.sampled_from(KINDS)), source, other, draw(st.sampled_from([4, 6, 8])))
        current.append(made)
        if made.endswith("_0") and made[:-1] + "1" in builder.channels:
            current.append(made[:-1] + "1")
    heads = [current[-1], draw(st.sampled_from(current))]
    return builder.finish(heads)
