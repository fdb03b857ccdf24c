"""Small generated networks whose latencies together tell every coefficient apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ...files import ModelParts
from ...runtime_check.cost import infer_shapes
from .features import IMAGE_CHANNELS
from .operators import TIMED
from .rates import CHANNELS, SIZES
from .winograd import rate_name

OPSET = 17


class NetBuilder:
    """A chain of nodes on one input of (1, C, H, H).

    Args:
        channels: C.
        size: H.
    """

    def __init__(self, channels: int, size: int) -> None:
        self.channels = channels
        self._input = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, channels, size, size])
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: dict[str, NDArray[np.generic]] = {}
        self._last = "x"
        self._rng = np.random.default_rng(0)

    def conv(
        self, filters: int, kernel: tuple[int, int] = (3, 3), stride: int = 1, group: int = 1, *, relu: bool = True
    ) -> NetBuilder:
        """Append a Conv that pads half its kernel, and a Relu."""
        fan_in = self.channels // group * kernel[0] * kernel[1]
        weight = self._weights((filters, self.channels // group, *kernel), fan_in)
        pads = [(kernel[0] - 1) // 2, (kernel[1] - 1) // 2] * 2
        self.operator("Conv", weight, kernel_shape=list(kernel), pads=pads, strides=[stride, stride], group=group)
        self.channels = filters
        return self.operator("Relu") if relu else self

    def product(self, outputs: int) -> NetBuilder:
        """Append a Gemm over all that there is at every position of one."""
        weight = self._weights((outputs, self.channels), self.channels)
        self.operator("Gemm", weight, transB=1)
        self.channels = outputs
        return self

    def operator(self, name: str, *others: str, **attributes: Any) -> NetBuilder:
        """Append a node of one input from the chain and of `others`."""
        output = f"t{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(name, [self._last, *others], [output], name=output, **attributes))
        self._last = output
        return self

    def constant(self, values: NDArray[np.generic]) -> str:
        """Add an initializer; its name."""
        name = f"c{len(self._tensors)}"
        self._tensors[name] = values
        return name

    def build(self) -> ModelParts:
        """The network."""
        output = onnx.helper.make_tensor_value_info(self._last, onnx.TensorProto.FLOAT, None)
        graph = onnx.helper.make_graph(self._nodes, "calibration", [self._input], [output])
        opsets = [onnx.helper.make_opsetid("", OPSET)]
        parts = ModelParts(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), self._tensors)
        shape = infer_shapes(parts)[self._last]
        parts.model.graph.output[0].CopyFrom(
            onnx.helper.make_tensor_value_info(self._last, onnx.TensorProto.FLOAT, shape)
        )
        return parts

    def _weights(self, shape: tuple[int, ...], fan_in: int) -> str:
        values = self._rng.standard_normal(shape, dtype=np.float32) / np.float32(fan_in**0.5)
        return self.constant(values)


def chain(
    channels: Sequence[int], size: int, kernel: tuple[int, int] = (3, 3), stride: int = 1, group: int = 1
) -> ModelParts:
    """Convolutions one after another, then the mean over positions."""
    net = NetBuilder(channels[0], size)
    for filters in channels[1:]:
        net.conv(filters, kernel, stride, group)
    return net.operator("GlobalAveragePool").build()


def convolution_nets() -> dict[str, ModelParts]:
    """Convolutions of the sizes and shapes that networks have, by a name that says which."""
    nets = {
        "3x3, 64 channels, 56": chain([64] * 3, 56),
        "3x3, 128 channels, 28": chain([128] * 3, 28),
        "3x3, 256 channels, 14": chain([256] * 3, 14),
        "3x3, 512 channels, 7": chain([512] * 3, 7),
        "3x3, 96 channels, 112": chain([32, 96, 32], 112),
        "3x1, 48 and 64 channels, 56": chain([64, 48, 64, 48], 56, (3, 1)),
        "1x3, 96 channels, 28": chain([96] * 4, 28, (1, 3)),
        "1x1, 64 channels, 112": chain([64] * 4, 112, (1, 1)),
        "1x1, 128 and 64 channels, 112": chain([64, 128, 64, 128, 64], 112, (1, 1)),
        "1x1, 192 channels, 28": chain([192] * 4, 28, (1, 1)),
        "1x1, 480 channels, 14": chain([480, 192, 480, 192], 14, (1, 1)),
        "3x3, 16 channels, 56": chain([16] * 5, 56),
        "3x3, 80 channels, 28": chain([80] * 4, 28),
        "5x5, 32 channels, 14": chain([32] * 5, 14, (5, 5)),
        "7x7, 64 channels, 14": chain([64] * 3, 14, (7, 7)),
        "image, 7x7": chain([3, 64], 224, (7, 7), 2),
        "image, 3x3": chain([3, 32], 224),
        "3x3 over 2, 64 channels, 56": chain([64, 128], 56, stride=2),
        "tiny": chain([16] * 33, 4, (1, 1)),
    }
    return nets | _other_layouts() | _depthwise_nets() | _products()


def _other_layouts() -> dict[str, ModelParts]:
    """Widths and groups that leave the blocked layout."""
    return {
        "3x3, 42 channels, 28": chain([42] * 4, 28),
        "3x3, 90 channels, 14": chain([90] * 4, 14),
        "3x1, 64 and 45 channels, 56": chain([64, 45, 64, 45, 64], 56, (3, 1)),
        "1x1, 64 and 30 channels, 28": chain([64, 30, 64, 30, 64], 28, (1, 1)),
        "3x3 in 8 groups, 64 channels, 28": chain([64] * 3, 28, group=8),
    }


def _depthwise_nets() -> dict[str, ModelParts]:
    return {
        "depthwise 3x3, 64 channels, 112": chain([64] * 4, 112, group=64),
        "depthwise 3x3, 128 channels, 112": chain([128] * 4, 112, group=128),
        "depthwise 3x3, 64 channels, 14": chain([64] * 9, 14, group=64),
        "depthwise 3x3, 128 channels, 28": chain([128] * 5, 28, group=128),
        "depthwise 5x5, 96 channels, 14": chain([96] * 5, 14, (5, 5), group=96),
        "depthwise 3x3, 512 channels, 14": chain([512] * 5, 14, group=512),
    }


def _products() -> dict[str, ModelParts]:
    return {
        "product of 6400 and 4096": NetBuilder(6400, 1).operator("Flatten").product(4096).build(),
        "product of 256 rows": _rows_net(),
    }


def _rows_net() -> ModelParts:
    """Products of many rows."""
    net = NetBuilder(1, 256)
    net.operator("Reshape", net.constant(np.array([256, 256])))
    net.channels = 256
    return net.product(512).product(256).product(512).build()


_ATTRIBUTES: Mapping[str, Mapping[str, Any]] = {
    "LRN": {"size": 5, "alpha": 1e-4, "beta": 0.75},
    "MaxPool": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]},
    "AveragePool": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]},
    "Softmax": {"axis": 1},
    "Concat": {"axis": 1},
    "Transpose": {"perm": [0, 2, 3, 1]},
    "Resize": {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
}
_ONCE = frozenset({"Concat", "GlobalAveragePool", "Resize", "Transpose"})
"""Operators that are not repeated: they change the shape."""

_BRANCHING = frozenset({"PRelu"})
"""Operators that branch at every element: on noise they take twice as long as on maps, whose neighbours are alike."""

_ANY_OTHER = "Abs"
"""It stands for the operators that have no coefficient of their own."""


def operator_nets() -> dict[str, ModelParts]:
    """The other operators, each on its own."""
    return {name: _operator_net(name) for name in (*TIMED, _ANY_OTHER)}


@dataclass(frozen=True, slots=True)
class RateNet:
    """A network that measures one rate.

    Attributes:
        parts: the network.
        amount: what it computes or moves, in the unit of the rate times a millisecond.
    """

    parts: ModelParts
    amount: float


_RATE_KERNELS: Mapping[str, tuple[tuple[int, int], int]] = {
    "3x3": ((3, 3), 1),
    "line": ((3, 1), 1),
    "1x1": ((1, 1), 1),
    "direct": ((3, 3), 2),
    "depthwise": ((3, 3), 1),
    "image": ((3, 3), 1),
}
"""Kernel and stride that stand for each kind of convolution."""

_DEAREST_GFLOP, _CHEAPEST_GFLOP = 4.0, 0.001
"""For one convolution of a rate's network: tens of milliseconds, and more than the call takes."""


def rate_nets() -> dict[str, RateNet]:
    """A network for each rate of a Winograd runtime's table, and one each for its other rates."""
    nets = {}
    for kind, channels, size in product(_RATE_KERNELS, CHANNELS, SIZES):
        made = _rate_net(kind, channels, size)
        if made is not None:
            nets[rate_name(kind, channels, size)] = made
    pools = NetBuilder(64, 56)
    for _ in range(4):
        pools.operator("MaxPool", **_ATTRIBUTES["MaxPool"])
    nets["op_gb"] = RateNet(pools.operator("GlobalAveragePool").build(), 4e-9 * 4 * 64 * 56 * 56)
    weights = 4e-9 * 4096 * 6400
    nets["product_weight_gb"] = RateNet(_products()["product of 6400 and 4096"], weights)
    return nets


def _rate_net(kind: str, channels: int, size: int) -> RateNet | None:
    """Equal convolutions, or one of an image; None where one would be too dear or too cheap to time."""
    kernel, stride = _RATE_KERNELS[kind]
    group = channels if kind == "depthwise" else 1
    inputs = IMAGE_CHANNELS - 1 if kind == "image" else channels
    gflop = 2e-9 * (inputs // group) * channels * prod(kernel) * size**2
    if gflop > _DEAREST_GFLOP or (gflop < _CHEAPEST_GFLOP and group == 1):
        return None
    layers = 2 if stride == 1 and inputs == channels and gflop < _DEAREST_GFLOP / 4 else 1
    parts = chain([inputs] + [channels] * layers, size * stride, kernel, stride, group)
    return RateNet(parts, 1e3 * layers * gflop)


def judging_nets() -> dict[str, ModelParts]:
    """What a table of rates is judged by: a dense pair of layers and the chains that may take its place."""
    nets = {}
    for filters, size in ((128, 56), (256, 28), (512, 14)):
        rank = filters // 4
        nets[f"dense, {filters}@{size}"] = chain([filters] * 3, size)
        vertical = NetBuilder(filters, size)
        shrunk, widened = NetBuilder(filters, size), NetBuilder(filters, size)
        for _ in range(2):
            vertical.conv(3 * rank, (3, 1), relu=False).conv(filters, (1, 3))
            shrunk.conv(2 * rank, (1, 1), relu=False).conv(filters)
            widened.conv(2 * rank, relu=False).conv(filters, (1, 1))
        nets[f"vertical then horizontal, {filters}@{size}"] = vertical.operator("GlobalAveragePool").build()
        nets[f"1x1 then 3x3, {filters}@{size}"] = shrunk.operator("GlobalAveragePool").build()
        nets[f"3x3 then 1x1, {filters}@{size}"] = widened.operator("GlobalAveragePool").build()
    return nets


def _operator_net(name: str, channels: int = 64, size: int = 56) -> ModelParts:
    net = NetBuilder(channels, size)
    for _ in range(3 if name in _BRANCHING else 0):
        net.operator("AveragePool", **_ATTRIBUTES["AveragePool"])
    for _ in range(1 if name in _ONCE else 4):
        net.operator(name, *_operands(name, net), **_ATTRIBUTES.get(name, {}))
    return (net if name == "GlobalAveragePool" else net.operator("GlobalAveragePool")).build()


def _operands(name: str, net: NetBuilder) -> list[str]:
    """What the operator takes besides the tensor it works on."""
    if name in {"Add", "Mul", "Concat"}:
        return ["x"]
    if name == "PRelu":
        return [net.constant(np.full((net.channels, 1, 1), 0.25, np.float32))]
    if name == "BatchNormalization":
        return [net.constant(np.full(net.channels, 0.5, np.float32)) for _ in range(4)]
    if name == "Resize":
        return ["", net.constant(np.array([1, 1, 2, 2], np.float32))]
    return []
