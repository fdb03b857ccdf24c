"""What every kind of `planish convert` says when it is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .console import note, show_json

if TYPE_CHECKING:
    from ..files import ModelParts


def show_conversion(parts: ModelParts, output: str, *, as_json: bool, verbose: bool) -> None:
    """Inputs, outputs, size and notes of a converted model: on standard error, or as JSON on standard output."""
    graph = parts.model.graph
    document: dict[str, Any] = {
        "output": output,
        "inputs": {value.name: _shape(value) for value in graph.input},
        "outputs": {value.name: _shape(value) for value in graph.output},
        "nodes": len(graph.node),
        "parameters": sum(array.size for array in parts.tensors.values()),
        "opset": parts.model.opset_import[0].version,
        "notes": _notes(parts),
    }
    if as_json:
        show_json(document)
        return
    for text in _notes(parts):
        note(f"note: {text}")
    if verbose:
        note("\n".join(f"{node.op_type:20} {node.name}" for node in graph.node))
    for kind in ("inputs", "outputs"):
        note(f"{kind}: " + ", ".join(f"{name} {shape}" for name, shape in document[kind].items()))
    note(f"{output}: {document['nodes']} nodes, {document['parameters']} parameters, opset {document['opset']}")


def _shape(value: Any) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def _notes(parts: ModelParts) -> Sequence[str]:
    metadata = {entry.key: entry.value for entry in parts.model.metadata_props}
    notes: list[str] = json.loads(metadata.get("planish.provenance", "{}")).get("notes", [])
    return notes
