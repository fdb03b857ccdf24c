"""Random small nets around the patterns of exact rules, drawn by hypothesis."""

import numpy as np
import onnx
from hypothesis import strategies as st

CHANNELS = st.integers(1, 9)
PATTERNS = {}
"""By name of a rule: draws a net around its pattern, and its last tensor."""


def pattern(function):
    """Register under the rule's name; the function makes a net and returns its last tensor."""
    PATTERNS[function.__name__] = function
    return function


class Net:
    """A net that grows node by node; every tensor it makes may end as an output or be read once more."""

    def __init__(self, draw, channels=None, rank=4, least=3, most=9):
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.channels = channels if channels is not None else draw(CHANNELS)
        self.space = [draw(st.integers(least, most)) for _ in range(rank - 2)]
        self.open_batch = draw(st.booleans())
        self.batch = draw(st.integers(1, 3))
        self.nodes, self.initializers, self.made = [], {}, []
        self.declared = ["n" if self.open_batch else self.batch, self.channels, *self.space]

    def node(self, op, *inputs, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(onnx.helper.make_node(op, list(inputs), names, **attributes))
        self.made.append(names[0])
        return names[0]

    def constant(self, values, *, shared=False):
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        if self.draw(st.integers(0, 9)) == 0:  # sometimes a node instead of an initializer
            name = f"c{len(self.nodes)}"
            self.nodes.append(onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(array)))
            return name
        for name, other in self.initializers.items():  # sometimes shared with another reader
            same = other.shape == array.shape and other.dtype == array.dtype == np.float32
            if shared and same and self.draw(st.booleans()):
                return name
        name = f"w{len(self.initializers)}"
        self.initializers[name] = array
        return name

    def weights(self, *shape):
        return self.constant(self.rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:]))), shared=True)

    def vector(self, *shape, low=0.3, high=2.0):
        return self.constant(self.rng.uniform(low, high, shape) * self.rng.choice([-1, 1], shape), shared=True)

    def positive(self, *shape):
        return self.constant(self.rng.uniform(0.3, 2.0, shape))

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def maybe(self):
        return self.draw(st.booleans())

    def around(self, x):
        """Perhaps something harmless that another rule may want to touch."""
        return self.node(self.pick("Relu", "Neg", "Sigmoid", "Identity", "Abs"), x) if self.maybe() else x

    def conv(self, x, channels, *, kernel=None, pads=None, filters=None, group=1, strides=None, bias=None):
        filters = filters or group * self.draw(st.integers(1, 6))
        kernel = kernel or [self.draw(st.integers(1, 3)), self.draw(st.integers(1, 3))]
        pads = pads if pads is not None else [self.draw(st.integers(0, 2)) for _ in range(4)]
        inputs = [x, self.weights(filters, channels // group, *kernel)]
        if bias if bias is not None else self.maybe():
            inputs.append(self.vector(filters))
        return self.node(
            "Conv", *inputs, kernel_shape=kernel, pads=pads, group=group, strides=strides or [1, 1]
        ), filters

    def affine(self, x, channels, space=2):
        """One map per channel, in one of the forms that exporters write."""
        form = self.pick("BatchNormalization", "Mul", "Add", "Sub", "Div", "Subtracted")
        if form == "BatchNormalization":
            parameters = [self.vector(channels), self.vector(channels), self.vector(channels), self.positive(channels)]
            return self.node(form, x, *parameters, epsilon=self.pick(1e-5, 0.01))
        shape = self.pick((channels, *[1] * space), (1, channels, *[1] * space), ())
        value = self.vector(*shape)
        return self.node("Sub", value, x) if form == "Subtracted" else self.node(form, x, value)

    def model(self, result, opset=17):
        """The model whose outputs are `result` and some tensors in its middle, some of which others read as well."""
        outputs = [result]
        for name in dict.fromkeys(self.made[:-1]):
            fate = self.draw(st.integers(0, 11))
            if fate == 0 and name != result:
                outputs.append(name)
            elif fate == 1 and name != result:
                outputs.append(self.node("Neg", name))
        used = {name for node in self.nodes for name in node.input}
        graph = onnx.helper.make_graph(
            self.nodes,
            "net",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.declared)],
            [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
            [onnx.numpy_helper.from_array(array, name) for name, array in self.initializers.items() if name in used],
        )
        opsets = [onnx.helper.make_opsetid("", opset)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        inferred = onnx.shape_inference.infer_shapes(model).graph
        known = {value.name: value for value in [*inferred.value_info, *inferred.output]}
        for value in graph.output:
            value.CopyFrom(known[value.name])
        return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def feeds(self):
        return {"x": self.rng.standard_normal((self.batch, *self.declared[1:])).astype(np.float32)}
