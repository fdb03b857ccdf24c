"""`shortcut`: the parameterless shortcut of a residual net, Slice and Pad of channels, as a strided 1x1 convolution.

Proof sketch: x[:, :, ::s, ::s] with p zero channels before and q after is, at every output position, an identity matrix
with p rows of zeros above it and q below, applied to the channels at that position: a 1x1 convolution with stride s.
Slice and Pad know no blocked layout, so the residual branch, the Add and the Relu after it all leave it, while a
convolution stays in it and takes the Add and the Relu along. ncnn's converter can read such a network only so; to
OpenVINO and MNN it makes no difference on ResNet-56, and OpenCV loses 8 %.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values
from .edit import constant, producer, reads_alone, replace, scalar_value
from .rule import Rewrite, Rule, Scene

_NS_PER_ELEMENT = 2.0
_CONV_NS_PER_CHANNEL = 0.008


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
    """A Pad of channels with zeros, of a Slice with equal strides over all of both spatial axes."""
    cut = producer(node.inputs[0], "Slice")
    pads = constant_values(node.inputs[1]) if len(node.inputs) > 1 else None
    shape = scene.shape(cut.inputs[0]) if cut is not None else None
    if cut is None or pads is None or len(pads) != 8 or shape is None or shape[1] is None:
        return None
    if node.attrs.get("mode", "constant") != "constant" or (len(node.inputs) > 3 and node.inputs[3].name):
        return None
    value = scalar_value(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2].name else 0.0
    before, after = int(pads[1]), int(pads[5])
    if value != 0 or np.delete(pads, [1, 5]).any() or before < 0 or after < 0:
        return None
    strides = _strides(cut)
    if strides is None or not scene.is_float(cut.inputs[0]):
        return "the Slice before it does not take every s-th row and column"
    if not reads_alone(scene.graph, node, node.inputs[0]):
        return f"what {cut.name} computes is used elsewhere too"
    gain_ns = _NS_PER_ELEMENT - _CONV_NS_PER_CHANNEL * shape[1]
    channels = (before, shape[1], after)
    return Rewrite(
        f"{cut.name} and Pad as a strided 1x1 convolution",
        lambda: _apply(scene.graph, node, cut, channels, strides),
        gain_ns,
    )


def _strides(cut: gs.Node) -> tuple[int, int] | None:
    """The strides of a Slice of rows and columns that begins at 0 and leaves out nothing at the end."""
    if len(cut.inputs) != 5:
        return None
    values = [constant_values(tensor) for tensor in cut.inputs[1:]]
    if any(value is None for value in values):
        return None
    starts, ends, axes, steps = ([int(v) for v in np.reshape(value, -1)] for value in values if value is not None)
    moved = {axis % 4 if axis < 0 else axis: step for axis, step in zip(axes, steps, strict=True)}
    whole = all(start == 0 for start in starts) and all(end >= 1 << 30 for end in ends)
    if not whole or not set(moved) <= {0, 1, 2, 3} or moved.get(0, 1) != 1 or moved.get(1, 1) != 1:
        return None
    strides = (moved.get(2, 1), moved.get(3, 1))
    return strides if min(strides) >= 1 else None


def _apply(
    graph: gs.Graph, node: gs.Node, cut: gs.Node, channels: tuple[int, int, int], strides: tuple[int, int]
) -> None:
    before, through, after = channels
    weights = np.zeros((before + through + after, through, 1, 1), np.float32)
    weights[before : before + through, :, 0, 0] = np.eye(through, dtype=np.float32)
    inputs = [cut.inputs[0], constant(graph, f"{node.name}.identity", weights)]
    replace(graph, node, "Conv", inputs, {"kernel_shape": [1, 1], "strides": list(strides)})


RULE = Rule("shortcut", frozenset({"Pad"}), match, targets=frozenset({"onnxruntime", "ncnn"}))
