"""The MXNet converter's API."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ModelError, SourceError, UnsupportedError, nearest
from ...files import ModelParts
from ...preprocessing import Preprocessing
from ..onnx_builder import DEFAULT_OPSET
from .call import Weights
from .graph import GraphBuilder, unread_inputs
from .inputs import InputShapes, find_inputs
from .params import Array, read_params
from .registry import find_operator
from .self_check import check_shapes
from .shapes import BatchBoundError, readable
from .strip import strip_normalization
from .symbol import VARIABLE, Entry, Symbol, read_symbol
from .verify import verify_with_mxnet

PathLike = str | os.PathLike[str]

OPSETS = range(13, 22)
"""Opsets that can be written. From 19 on onnxruntime up to 1.23 averages wrongly over asymmetric pads (bug 26708)."""


def convert_mxnet(
    symbol: PathLike,
    params: PathLike | None = None,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    opset: int = DEFAULT_OPSET,
    outputs: Sequence[str] = (),
    random_weights: int | None = None,
    strip_preprocessing: bool = False,
    preprocessing: Preprocessing | None = None,
    check: bool = True,
    verify_python: PathLike | None = None,
) -> ModelParts:
    """Convert an MXNet network to ONNX.

    Args:
        symbol: the `-symbol.json`, of any release.
        params: the `.params` of a checkpoint, of `HybridBlock.export` or of `save_parameters`.
        input_shapes: shapes of the inputs, where the symbol does not tell them.
        batch: fixes the batch size; by default it is dynamic wherever the graph allows it.
        opset: of the ONNX model.
        outputs: tensors to be the outputs, by MXNet's name of an internal (`fc1_output`) or of an operator; by default
            the symbol's heads.
        random_weights: seed of He initialisation of the weights that `params` lacks.
        strip_preprocessing: moves scalar normalization at the input into the model's metadata.
        preprocessing: what the model's metadata says about its input.
        check: whether the model's shapes are compared, in onnxruntime, with those of MXNet's rules.
        verify_python: a Python in which MXNet is installed: its answers are compared with the model's, and notes say
            the outcome.

    Returns:
        The model; its weights are views of the mapped params. `planish.provenance` in its metadata holds notes.

    Raises:
        SourceError: a file cannot be read, or contradicts itself or another.
        UnsupportedError: operators without ONNX form, all at once.
        ModelError: onnxruntime does not give the shapes, or the answers, that MXNet does.
    """
    if opset not in OPSETS:
        raise SourceError(f"opset {opset} cannot be written; give one of {OPSETS[0]} to {OPSETS[-1]}")
    network = read_symbol(symbol)
    arrays = {} if params is None else read_params(params)
    if strip_preprocessing:
        network, preprocessing = strip_normalization(network, preprocessing)
    heads = find_heads(network, outputs)
    shapes = find_inputs(network, network.order(heads, unread_inputs()), arrays, input_shapes or {})
    weights = "" if params is None else str(params)
    conversion = _Conversion(network, arrays, heads, weights, random_weights, opset)
    graph = conversion.run(shapes, batch, check=check)
    if verify_python is not None:
        if params is None or outputs or strip_preprocessing or random_weights is not None:
            raise SourceError("--verify needs a params file, and the network whole: no --output, --strip-preprocessing")
        graph.notes.extend(verify_with_mxnet(Path(verify_python), Path(symbol), Path(params), graph, shapes.batch))
    files = {"structure": Path(symbol).name, "weights": Path(weights).name}
    facts = {"framework": "mxnet", **files, "notes": graph.notes}
    graph.builder.describe(preprocessing, facts)
    return graph.builder.build()


def find_heads(symbol: Symbol, outputs: Sequence[str]) -> list[Entry]:
    """The entries of the tensors `outputs`, or the symbol's heads.

    Raises:
        SourceError: there is no such tensor.
    """
    if not outputs:
        return list(symbol.heads)
    names: dict[str, Entry] = {}
    for index, node in enumerate(symbol.nodes):
        names[node.name] = Entry(index, 0)
        known = None if node.operator == VARIABLE else find_operator(node.operator)
        for position, name in enumerate(known.outputs if known and known.outputs else ["output"]):
            names[f"{node.name}_{name}"] = Entry(index, position)
        for position in range(_outputs_read(symbol, index)):
            names[f"{node.name}_output{position}"] = Entry(index, position)
    for name in outputs:
        if name not in names:
            raise SourceError(f"{symbol.where}: has no tensor '{name}' to be an output{nearest(name, names)}")
    return [names[name] for name in outputs]


def _outputs_read(symbol: Symbol, index: int) -> int:
    entries = [entry for node in symbol.nodes for entry in node.inputs if entry.node == index]
    return max((entry.output for entry in [*entries, *(h for h in symbol.heads if h.node == index)]), default=0) + 1


@dataclass(frozen=True, slots=True)
class _Conversion:
    """Tries a dynamic batch first, then the fixed one."""

    symbol: Symbol
    arrays: Mapping[str, Array]
    heads: Sequence[Entry]
    params: str
    seed: int | None
    opset: int

    def run(self, shapes: InputShapes, batch: int | None, *, check: bool) -> GraphBuilder:
        if batch is not None:
            return self._fixed(shapes.at_batch(batch), [], check=check)
        try:
            return self._checked(shapes.dynamic(), [], shapes.batch, check=check)
        except (BatchBoundError, SourceError, UnsupportedError, ModelError) as bound:
            # What fails with the fixed batch too is the network's own error; what does not was the batch's.
            reason = readable(str(bound)).removeprefix(f"{self.symbol.where}: ")
            return self._fixed(shapes, [f"the batch is fixed at {shapes.batch}: {reason}"], check=check)

    def _fixed(self, shapes: InputShapes, notes: list[str], *, check: bool) -> GraphBuilder:
        try:
            return self._checked(shapes.shapes, notes, shapes.batch, check=check)
        except BatchBoundError as error:
            raise SourceError(f"{self.symbol.where}: a tensor has more than 2^40 elements along one axis") from error

    def _checked(
        self, inputs: Mapping[str, tuple[int, ...]], notes: list[str], batch: int, *, check: bool
    ) -> GraphBuilder:
        graph = self._build(inputs, notes)
        if check:
            check_shapes(graph.builder.build(), graph, batch)
        return graph

    def _build(self, inputs: Mapping[str, tuple[int, ...]], notes: list[str]) -> GraphBuilder:
        weights = Weights(self.params, self.seed)
        graph = GraphBuilder(self.symbol, self.arrays, inputs, weights, self.opset, notes)
        graph.run(self.heads, Path(self.symbol.where).name.removesuffix("-symbol.json"))
        return graph
