"""Take channels out of a graph for good."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx_graphsurgeon as gs

from ..graph import constant_values, unique_name
from .channels import Atoms, Coupling, Kept


def cut_channels(coupling: Coupling, removed: Collection[int]) -> None:
    """Remove the channels whose roots are `removed` from the coupling's graph, everywhere."""
    gone = frozenset(removed)
    copies: dict[tuple[int, int, bytes], gs.Constant] = {}
    for cut in coupling.cuts:
        kept = kept_of(coupling, cut.atoms, gone)
        if kept.all():
            continue
        tensor = cut.node.inputs[cut.index]
        key = (id(tensor), cut.axis, kept.tobytes())
        if key not in copies:
            values = np.compress(kept, np.asarray(constant_values(tensor)), axis=cut.axis)
            copies[key] = gs.Constant(unique_name(coupling.graph, f"{tensor.name}_kept"), values)
        cut.node.inputs[cut.index] = copies[key]
    for literal in coupling.literals:
        kept = kept_of(coupling, literal.atoms, gone)
        if not kept.all():
            literal.write(kept)
    _correct_shapes(coupling, gone)


def kept_of(coupling: Coupling, atoms: Atoms, removed: Collection[int]) -> Kept:
    """(C,) whether each channel stays."""
    return np.array([root not in removed for root in coupling.roots(atoms).tolist()], dtype=bool)


def _correct_shapes(coupling: Coupling, removed: frozenset[int]) -> None:
    """The graph notes the shapes of intermediate tensors, which are other ones now."""
    tensors = coupling.graph.tensors()
    for name, channels in coupling.channels.items():
        tensor = tensors.get(name)
        if isinstance(tensor, gs.Variable) and tensor.shape is not None and len(tensor.shape) > channels.axis:
            shape = list(tensor.shape)
            shape[channels.axis] = int(kept_of(coupling, channels.atoms, removed).sum())
            tensor.shape = shape
