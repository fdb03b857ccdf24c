"""Runs the handlers over a symbol: one ONNX graph, or all the reasons why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError, UnsupportedError, nearest
from ..onnx_builder import OnnxBuilder
from .call import OperatorCall, Unbound, UnsupportedOperator, Value, Weights, onnx_type
from .registry import Operator, find_operator, operators
from .shapes import Shape, symbolic
from .symbol import VARIABLE, Entry, Node, Symbol

_NO_EFFECT = {
    *("workspace", "cudnn_tune", "cudnn_off", "cudnn_algo_verbose", "momentum", "grad_scale", "ignore_label"),
    *("use_ignore", "normalization", "out_grad", "smooth_alpha", "valid_thresh", "ctx", "num_args", "sparse_grad"),
    *("forward_stype", "min_calib_range", "max_calib_range", "key", "ndev", "im2col_step", "p", "is_int"),
    *("lower_bound", "upper_bound", "margin", "regularization_coefficient", "use_linear", "sparseness_target"),
    *("penalty", "output_mean_var", "infer_range"),
}
"""Options that cannot matter for inference, or not on the CPU; some are options of one operator that others lack."""

_INDEX_TYPES = {"int16": "int32", "uint16": "int32", "uint32": "int64", "uint64": "int64"}
"""Types of stored arrays that no ONNX operator here knows, and wider ones that hold their values."""


@dataclass(slots=True)
class GraphBuilder:
    """One conversion.

    Attributes:
        symbol: the network.
        params: its arrays by name.
        inputs: shapes of the variables that are data; a size may stand for the dynamic batch.
        weights: makes the weights that `params` lacks.
        opset: of the ONNX model.
        notes: what the user will be told.
        values: the outputs of the nodes converted so far.
    """

    symbol: Symbol
    params: Mapping[str, NDArray[np.generic]]
    inputs: Mapping[str, Shape]
    weights: Weights
    opset: int
    notes: list[str] = field(default_factory=list)
    values: dict[Entry, Value | Unbound] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)
    builder: OnnxBuilder = field(init=False)
    _names: dict[Entry, str] = field(default_factory=dict)

    def run(self, heads: Sequence[Entry], name: str) -> OnnxBuilder:
        """Convert what `heads` need and declare them.

        Raises:
            UnsupportedError: some operators have no ONNX form; names them all.
            SourceError: the network contradicts itself or its parameters.
            BatchBoundError: the batch must be fixed.
        """
        self.builder = OnnxBuilder(name, self.opset)
        self._convert_nodes(self.symbol.order(heads, unread_inputs()))
        for head in heads:
            self._declare_output(head)
        return self.builder

    def _convert_nodes(self, order: Sequence[int]) -> None:
        reasons: list[str] = []
        lost: set[int] = set()
        for index in order:
            node = self.symbol.nodes[index]
            if node.operator == VARIABLE:
                self.values[Entry(index, 0)] = self._variable(node)
                continue
            known = find_operator(node.operator)
            if known is None:
                hint = nearest(node.operator, (entry.name for entry in operators()))
                reasons.append(f"{node}: no handler for this operator{hint}")
            elif not lost.intersection(entry.node for entry in node.inputs):
                try:
                    self._convert(index, node, known)
                    continue
                except UnsupportedOperator as refusal:
                    reasons.append(str(refusal))
                except UnsupportedError as refusal:
                    reasons.extend(f"{node}: {reason}" for reason in refusal.reasons)
            lost.add(index)
        if reasons:
            raise UnsupportedError(self.symbol.where, reasons)

    def _variable(self, node: Node) -> Value | Unbound:
        """A variable is data if its shape was given, else a parameter, else nobody knows yet."""
        if node.name in self.inputs:
            shape = self.inputs[node.name]
            dtype = self.symbol.attributes(replace(node, options=node.hidden)).dtype("dtype", "float32")
            return Value(self.builder.input(node.name, symbolic(shape), onnx_type(dtype)), shape, dtype)
        if node.name not in self.params:
            return Unbound(node.name)
        array = self.params[node.name]
        dtype = _INDEX_TYPES.get(array.dtype.name, array.dtype.name)
        tensor = self.builder.constant(array.astype(dtype, copy=False), node.name)
        return Value(tensor, array.shape, dtype)

    def _convert(self, index: int, node: Node, known: Operator) -> None:
        options = self.symbol.attributes(node)
        unused = Unbound("label")
        inputs = tuple(
            unused if position in known.unread else self.value(entry, node)
            for position, entry in enumerate(node.inputs)
        )
        call = OperatorCall(node, options, self.builder, inputs, self.weights, self.notes)
        first = len(self.builder.nodes)
        made = known.handler(call)
        results = [made] if isinstance(made, Value) else list(made)
        ignored = sorted(set(node.options) - options.used - _NO_EFFECT)
        if ignored:
            call.note(f"ignored options that are not known to it: {', '.join(ignored)}")
        for position, value in enumerate(results):
            symbolic(value.shape)  # raises where a size is none that ONNX can express
            name = _output_name(node, known, position, len(results))
            self._names[Entry(index, position)] = name
            self.values[Entry(index, position)] = self._named(value, name, node.name, first)

    def value(self, entry: Entry, reader: Node) -> Value | Unbound:
        """What a node made.

        Raises:
            UnsupportedOperator: it does not make that output.
        """
        if entry not in self.values:
            producer = self.symbol.nodes[entry.node]
            raise UnsupportedOperator(
                f"{reader}: reads output {entry.output} of {producer}, which exists only in training"
            )
        return self.values[entry]

    def _named(self, value: Value, wanted: str, node_name: str, first: int) -> Value:
        """Name the ONNX node that made `value` after the operator, and its tensor as MXNet does."""
        for node in self.builder.nodes[first:]:
            if value.tensor in node.output:
                if not any(other.name == node_name for other in self.builder.nodes[first:]):
                    self.builder.rename_node(node, node_name)
                return replace(value, tensor=self.builder.rename(value.tensor, wanted, since=first))
        return value

    def _declare_output(self, head: Entry) -> None:
        node = self.symbol.nodes[head.node]
        value = self.values.get(head)
        if not isinstance(value, Value):
            raise SourceError(f"{self.symbol.where}: output {head.output} of {node} is wanted, but nothing computes it")
        name = self._names.get(head, node.name)
        if value.tensor != name or name in self.outputs or node.operator == VARIABLE:
            value = replace(value, tensor=self.builder.node("Identity", [value.tensor], name, name=f"{name}/Identity"))
        self.outputs[value.tensor] = value.shape
        self.builder.output(value.tensor, symbolic(value.shape), onnx_type(value.dtype))

    def fed(self) -> dict[str, Value]:
        """The data inputs of the graph."""
        values = (value for value in self.values.values() if isinstance(value, Value))
        return {value.tensor: value for value in values if value.tensor in self.inputs}


def unread_inputs() -> dict[str, tuple[int, ...]]:
    """By operator, the positions of the inputs that inference does not read."""
    return {entry.name: entry.unread for entry in operators() if entry.unread}


def _output_name(node: Node, known: Operator, position: int, count: int) -> str:
    """As MXNet's `list_outputs`."""
    if position < len(known.outputs):
        return f"{node.name}_{known.outputs[position]}"
    return f"{node.name}_output{position if count > 1 else ''}"
