"""Bias correction on the quantized network itself, first layer to last.

What a layer's own rounding shifts is corrected where its weights are fitted. What the layers before it shift is not:
here the mean of every channel is measured in the quantized network so far and brought to that of the float one (Nagel
et al., *Data-free quantization through weight equalization and bias correction*, 2019, section 4.2, with measured
means). All layers at once would diverge, for each makes up for what the earlier ones are about to make up for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_graphsurgeon as gs
from numpy.typing import NDArray

from ..sampling import Activations
from ..statistics import batch_size
from .placement import Placement
from .static import Observed

F64 = NDArray[np.float64]


def settle_biases(observed: Observed, graph: gs.Graph, placement: Placement) -> gs.Graph:
    """A copy of the quantized `graph` whose layers have the means of the float network's."""
    settled = graph.copy()
    nodes = {node.name: node for node in settled.nodes}
    layers = [nodes[node.name] for node in placement.layers if node.op == "Conv"]
    wanted = _means(observed, observed.graph, [node.outputs[0].name for node in layers])
    for node in layers:
        name = node.outputs[0].name
        (found,) = _means(observed, settled, [name]).values()
        dequantize = node.inputs[2].inputs[0]
        values, steps = dequantize.inputs[0].values, dequantize.inputs[1].values
        dequantize.inputs[0].values = (values + np.rint((wanted[name] - found) / steps)).astype(np.int32)
    return settled


def _means(observed: Observed, graph: gs.Graph, tensors: Sequence[str]) -> dict[str, F64]:
    """(C,) of every tensor (B, C, ...), over the images kept in memory."""
    activations = Activations(graph, tensors)
    sums = {name: np.zeros(0) for name in tensors}
    for feeds in observed.images:
        for name, values in activations(feeds).items():
            mean = values.mean(axis=(0, *range(2, values.ndim)), dtype=np.float64) * len(values)
            sums[name] = mean if not sums[name].size else sums[name] + mean
    images = sum(map(batch_size, observed.images))
    return {name: total / images for name, total in sums.items()}
