"""`planish inspect`: what a model consists of and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .console import console, json_option, show_json, table
from .options import input_shape_option, parse_input_shapes

if TYPE_CHECKING:
    from ..files import ModelParts
    from ..runtime_check.cost import ModelCost, NodeCost

EPILOG = """\b
Examples:
  planish inspect model.onnx
  planish inspect --all model.onnx
  planish inspect --sparsity --threshold 1e-4 model.onnx
  planish inspect --json model.onnx
"""


@click.command(name="inspect", epilog=EPILOG)
@click.argument("model", type=click.Path())
@click.option("--all", "every_node", is_flag=True, help="Show every node, not only those with MACs or parameters.")
@click.option("--sparsity", is_flag=True, help="Show how many filters, channels and weights of each layer are zero.")
@click.option(
    "--threshold", type=float, default=0.0, metavar="W", help="For --sparsity: weights up to this count as zero."
)
@input_shape_option
@json_option
def command(
    model: str, input_shape: Sequence[str], *, every_node: bool, sparsity: bool, threshold: float, as_json: bool
) -> None:
    """Show the layers of MODEL: output shape, MACs, parameters and their shares, with totals."""
    from ..files import read_parts  # noqa: PLC0415 - keeps `planish --help` quick
    from ..preprocessing import METADATA_KEY  # noqa: PLC0415
    from ..runtime_check.cost import count, infer_shapes  # noqa: PLC0415

    parts = read_parts(model)
    if sparsity:
        _show_sparsity(model, parts, threshold, as_json=as_json)
        return
    cost = count(parts, infer_shapes(parts, input_shapes=parse_input_shapes(input_shape)))
    metadata = {entry.key: entry.value for entry in parts.model.metadata_props}
    nodes = [node for node in cost.nodes if every_node or node.macs or node.params]
    if as_json:
        show_json(_document(model, cost, nodes, metadata))
        return
    out = console()
    columns = ("layer", "operator", "output", "MACs", "share", "parameters", "share")
    rows = [_row(node, cost) for node in nodes]
    total = ("total", f"{len(cost.nodes)} nodes", "", f"{cost.macs():,}", "", f"{cost.params():,}", "")
    out.print(table(model, columns, [*rows, total], left=3))
    out.print(f"{cost.bytes():,} bytes of weights; MACs per sample")
    if METADATA_KEY in metadata:
        out.print(f"preprocessing: {metadata[METADATA_KEY]}", markup=False)


def _show_sparsity(model: str, parts: ModelParts, threshold: float, *, as_json: bool) -> None:
    from ..passes.graph import to_graph  # noqa: PLC0415
    from ..passes.prune.sparsity import sparsity as sparsity_of  # noqa: PLC0415

    layers = sparsity_of(to_graph(parts), threshold)
    if as_json:
        show_json({"model": model, "threshold": threshold, "layers": [asdict(layer) for layer in layers]})
        return
    structures = ("filters", "channels", "columns", "rows", "elements")
    rows = [
        (
            layer.name,
            layer.operator,
            *(f"{zeros.count} of {zeros.of}" for zeros in (getattr(layer, s) for s in structures)),
        )
        for layer in layers
    ]
    out = console()
    out.print(table(f"{model}: zeros", ("layer", "operator", *structures), rows, left=2))
    out.print("--pass shrink removes zero filters and channels; zeros that stand alone make no runtime faster")


def _row(node: NodeCost, cost: ModelCost) -> tuple[str, ...]:
    return (
        node.name,
        node.operator,
        "x".join("?" if size is None else str(size) for size in node.output_shape),
        f"{node.macs:,}",
        _share(node.macs, cost.macs()),
        f"{node.params:,}",
        _share(node.params, cost.params()),
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _document(model: str, cost: ModelCost, nodes: Sequence[NodeCost], metadata: dict[str, str]) -> dict[str, Any]:
    return {
        "model": model,
        "macs": cost.macs(),
        "params": cost.params(),
        "bytes": cost.bytes(),
        "metadata": metadata,
        "layers": [
            {
                "name": node.name,
                "operator": node.operator,
                "output_shape": list(node.output_shape),
                "macs": node.macs,
                "params": node.params,
                "bytes": node.bytes,
            }
            for node in nodes
        ],
    }
