"""What both converters need to emit ONNX: names, constants, nodes, metadata.

Handlers call `OnnxBuilder.node` and `OnnxBuilder.constant` and pass tensor names around as plain strings. Weights stay
the arrays that the readers gave (views of a memory-mapped file) until `files.write_model` streams them out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray

from ..files import ModelParts
from ..preprocessing import METADATA_KEY, Preprocessing

PRODUCER = "planish"
PROVENANCE_KEY = "planish.provenance"
"""The key in `ModelProto.metadata_props` of where a model came from; its value is JSON."""

DEFAULT_OPSET = 17
"""Newest opset at which every onnxruntime from 1.16 on runs AveragePool with asymmetric pads right (bug 26708)."""

BATCH = "batch"
"""Name of the symbolic batch dimension."""

_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}

Dimension = int | str | None


class OnnxBuilder:
    """Collects the nodes, constants, inputs and outputs of one ONNX graph.

    Names of nodes and tensors are unique; where a wanted one is taken, a number is appended.

    Args:
        name: the graph's name.
        opset: version of the default operator set.
    """

    def __init__(self, name: str, opset: int = DEFAULT_OPSET) -> None:
        self.name = name
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, NDArray[np.generic]] = {}
        self.metadata: dict[str, str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._tensor_names: set[str] = set()
        self._node_names: set[str] = set()

    def tensor_name(self, wanted: str) -> str:
        """`wanted`, or the first of `wanted_1`, `wanted_2`, ... that no other tensor has; taken from now on."""
        return _claim(wanted, self._tensor_names)

    def constant(self, value: ArrayLike, name: str, dtype: Any = None) -> str:
        """Add an initializer and return its name. Arrays are kept, not copied."""
        array = np.asarray(value, dtype=dtype)
        claimed = self.tensor_name(name)
        self.tensors[claimed] = array
        return claimed

    def integers(self, values: int | Sequence[int], name: str = "int64") -> str:
        """An int64 constant: axes, shapes, starts and ends. An int gives rank 0, a sequence rank 1."""
        return self.constant(values, name, np.int64)

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str | None = None,
        *,
        name: str | None = None,
        **attributes: Any,
    ) -> str:
        """Append a node with one output and return the output's name.

        Args:
            operator: ONNX operator of the default domain.
            inputs: tensor names; '' leaves an optional input out.
            output: wanted name of the output tensor; None makes one up.
            name: wanted name of the node, by default the output's.
            attributes: those that are None are left out.
        """
        return self.node_with_outputs(operator, inputs, [output or f"{name or operator}_out"], name=name, **attributes)[
            0
        ]

    def node_with_outputs(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        name: str | None = None,
        **attributes: Any,
    ) -> list[str]:
        """Append a node with several outputs ('' leaves one out) and return their names."""
        claimed = [self.tensor_name(output) if output else "" for output in outputs]
        node_name = _claim(name or next(output for output in claimed if output), self._node_names)
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(onnx.helper.make_node(operator, list(inputs), claimed, name=node_name, **given))
        return claimed

    def rename(self, tensor: str, wanted: str, *, since: int = 0) -> str:
        """Give a node's output another name, claimed like any; nodes before number `since` do not know the tensor."""
        claimed = self.tensor_name(wanted)
        for node in self.nodes[since:]:
            for names in (node.input, node.output):
                for index, name in enumerate(names):
                    if name == tensor:
                        names[index] = claimed
        self._tensor_names.discard(tensor)
        return claimed

    def rename_node(self, node: onnx.NodeProto, wanted: str) -> None:
        """Give a node another name, claimed like any."""
        self._node_names.discard(node.name)
        node.name = _claim(wanted, self._node_names)

    def input(self, name: str, shape: Sequence[Dimension], dtype: int = onnx.TensorProto.FLOAT) -> str:
        """Declare a graph input; strings in `shape` are symbolic dimensions."""
        claimed = self.tensor_name(name)
        self._inputs.append(onnx.helper.make_tensor_value_info(claimed, dtype, list(shape)))
        return claimed

    def output(self, name: str, shape: Sequence[Dimension] | None = None, dtype: int = onnx.TensorProto.FLOAT) -> None:
        """Declare the tensor `name` a graph output."""
        self._outputs.append(onnx.helper.make_tensor_value_info(name, dtype, None if shape is None else list(shape)))

    def describe(self, preprocessing: Preprocessing | None, provenance: Mapping[str, Any]) -> None:
        """Put preprocessing and provenance into the model's metadata."""
        if preprocessing is not None:
            self.metadata[METADATA_KEY] = preprocessing.to_json()
        self.metadata[PROVENANCE_KEY] = json.dumps(dict(provenance), sort_keys=True)

    def build(self) -> ModelParts:
        """The finished model; only constants that some node or output uses are kept."""
        graph = onnx.helper.make_graph(self.nodes, self.name, self._inputs, self._outputs)
        model = onnx.helper.make_model(
            graph,
            producer_name=PRODUCER,
            opset_imports=[onnx.helper.make_opsetid("", self.opset)],
            ir_version=_IR_VERSIONS.get(self.opset, 11),
        )
        onnx.helper.set_model_props(model, dict(sorted(self.metadata.items())))
        used = {name for node in self.nodes for name in node.input} | {output.name for output in self._outputs}
        return ModelParts(model, {name: array for name, array in self.tensors.items() if name in used})


def _claim(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 0
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
