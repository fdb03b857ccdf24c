"""Prune at random, and compare with the original whose pruned channels nobody listens to."""

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from planish.files import as_parts
from planish.passes.graph import constant_values, to_graph, to_parts
from planish.passes.prune.coupling import couple
from planish.passes.prune.cutting import cut_channels, kept_of
from planish.passes.prune.groups import find_groups, spare_one, whole_parts
from planish.passes.prune.quadratic import Quadratic
from planish.runtime_check.cost import infer_shapes


def deaf(graph, coupling, removed):
    """The original, but the layers that read removed channels have weights of 0 for them."""
    copy = graph.copy()
    nodes = {node.name: node for node in copy.nodes}
    for port in coupling.consumers:
        cut = next(c for c in coupling.cuts if c.node is port.node and c.index == 1 and c.atoms is port.atoms)
        node = nodes[port.node.name]
        weight = constant_values(node.inputs[1])
        shape = [1] * weight.ndim
        shape[cut.axis] = -1
        heard = kept_of(coupling, port.atoms, removed).reshape(shape)
        node.inputs[1] = gs.Constant(f"{node.name}.deaf", (weight * heard).astype(weight.dtype))
    return to_parts(copy).to_model()


@pytest.fixture
def quadratic_of(rng):
    """The form of a layer of five filters, 1x3, whose channels fall into these classes."""

    def make(classes):
        mixing = rng.standard_normal((len(classes) * 3,) * 2)
        gram = mixing @ mixing.T + 0.1 * np.eye(len(mixing))
        kernel = rng.standard_normal((5, len(gram)))
        return Quadratic(gram, kernel, np.array(classes), 3, float(np.vdot(kernel @ gram, kernel)), 1.0)

    return make


@pytest.fixture
def prune_at_random(rng, outputs_of):
    """Take half of every group's channels out; returns the groups, and the models pruned and before."""

    def run(model, batch=2, tolerance=1e-5):
        graph = to_graph(as_parts(model))
        graph.toposort()
        coupling = couple(graph, infer_shapes(to_parts(graph)))
        groups = find_groups(coupling)
        removed = set()
        for group in groups:
            if group.protected is None:
                kept = np.ones(group.size, dtype=bool)
                kept[rng.choice(group.size, group.size // 2, replace=False)] = False
                spare_one(kept, whole_parts(group, coupling))
                removed.update(group.classes[~kept].tolist())
        expected = deaf(graph, coupling, removed)
        cut_channels(coupling, removed)
        pruned = to_parts(graph).to_model()
        onnx.checker.check_model(pruned, full_check=True)
        wanted, got = outputs_of(expected, pruned, batch=batch)
        for name, value in wanted.items():
            np.testing.assert_allclose(got[name], value, atol=tolerance * max(1, float(np.abs(value).max())))
        return {group.name: group for group in groups}, pruned

    return run
