"""Apply some rules to a model."""

import pytest
from planish.files import as_parts
from planish.passes.exact import Exact
from planish.passes.graph import to_graph, to_parts
from planish.passes.targets import find_target


@pytest.fixture
def apply_rules():
    """Apply rules (all by default) for a target; returns the new model and the result."""

    def run(model, *rules, target="onnxruntime"):
        parts = as_parts(model)
        graph = to_graph(parts)
        settings = {"rules": rules} if rules else {}
        result = Exact(target=find_target(target), **settings).run(graph)
        return to_parts(graph, parts).to_model(), result

    return run
