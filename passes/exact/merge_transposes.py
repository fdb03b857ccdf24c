"""`merge_transposes`: two Transposes, one after the other, as one.

Proof sketch: axis i of the result is axis outer[i] of what lies between, which is axis inner[outer[i]] of the input. If
that is i for all i, nothing is left, which `drop_identities` sees.
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from .edit import producer
from .rule import Rewrite, Rule, Scene


def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:  # noqa: ARG001
    """A Transpose of a Transpose, both with their order given; the first stays where others read it."""
    first = producer(node.inputs[0], "Transpose")
    if first is None or "perm" not in first.attrs or "perm" not in node.attrs:
        return None
    merged = [first.attrs["perm"][axis] for axis in node.attrs["perm"]]
    source = first.inputs[0]
    return Rewrite(f"merged with {first.name}", lambda: _apply(node, source, merged))


def _apply(node: gs.Node, source: gs.Tensor, order: list[int]) -> None:
    node.inputs[0] = source
    node.attrs["perm"] = order


RULE = Rule("merge_transposes", frozenset({"Transpose"}), match)
