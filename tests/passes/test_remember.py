"""Options are measured once for a network, its data and whatever else they depend on."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.cache import Cache
from planish.passes.graph import to_graph
from planish.passes.options import Option
from planish.passes.remember import remembered_options
from planish.passes.statistics import Sampling

OPTIONS = [
    [Option("a", "keep", (0,), 100, 10, 0.5, 0.0, 0.0), Option("a", "spatial", (16,), 40, 7, 0.25, 0.1, 1 / 3)],
    [Option("b", "keep", (0,), 9, 3, 0.5, 0.0, 0.0), Option("b", "tucker", (8, 12), 4, 2, 0.25, 0.1, 0.0)],
]


@pytest.fixture
def ask(make_model, rng, tmp_path):
    """Ask for options; returns them and whether they were measured."""
    graph = to_graph(as_parts(make_model("g (float[n,3,5,7] x) => (float[n,3,5,7] y) { y = Relu (x) }")))
    batches = [{"x": rng.standard_normal((2, 3, 5, 7)).astype(np.float32)}]

    def made(*facts, cached=True, images=batches):
        calls = []
        sampling = Sampling(cache=Cache(tmp_path) if cached else None)
        options = remembered_options(sampling, graph, images, facts, lambda: calls.append(1) or OPTIONS)
        return options, bool(calls)

    return made


def test_the_second_time_they_are_read(ask):
    assert ask("onnxruntime") == (OPTIONS, True)
    assert ask("onnxruntime") == (OPTIONS, False)


def test_other_facts_and_other_data_are_measured(ask, rng):
    ask("onnxruntime")
    assert ask("ncnn") == (OPTIONS, True)
    other = [{"x": rng.standard_normal((2, 3, 5, 7)).astype(np.float32)}]
    assert ask("onnxruntime", images=other) == (OPTIONS, True)


def test_without_a_cache_they_are_measured_each_time(ask, tmp_path):
    assert ask("onnxruntime", cached=False) == ask("onnxruntime", cached=False) == (OPTIONS, True)
    assert not list(tmp_path.iterdir())
