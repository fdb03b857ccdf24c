"""Streams give what the whole network gives, and compute nothing twice."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes import frontier
from planish.passes.frontier import Frontier
from planish.passes.graph import to_graph
from planish.runtime_check.session import Session

TEXT = (
    "g (float[n,3,9,7] x) => (float[n,5,9,7] y) { a = Conv <pads=[1,1,1,1]> (x, wa) ra = Relu (a) "
    "b = Conv <pads=[1,1,1,1]> (ra, wb) rb = Relu (b) s = Add (rb, ra) c = Conv <pads=[1,1,1,1]> (s, wc) "
    "d = Conv (s, wd) e = Add (c, d) y = Conv (e, we) }"
)
WEIGHTS = {"wa": (4, 3, 3, 3), "wb": (4, 4, 3, 3), "wc": (6, 4, 3, 3), "wd": (6, 4, 1, 1), "we": (5, 6, 1, 1)}
WAVES = [(["x"], ["a", "b", "c", "d", "y"]), (["ra"], ["b", "c", "d", "y"]), (["s"], ["c", "d", "y"]), (["e"], ["y"])]


@pytest.fixture
def net(make_model):
    return to_graph(as_parts(make_model(TEXT, **WEIGHTS)))


@pytest.fixture
def batches(rng):
    return [{"x": rng.standard_normal((size, 3, 9, 7)).astype(np.float32)} for size in (4, 4, 2)]


@pytest.fixture
def computed(monkeypatch):
    """The operators that were computed, stream by stream."""
    opened = []

    class Recorded(Session):
        def __init__(self, model, **options):
            opened.append([node.op_type for node in model.graph.node])
            super().__init__(model, **options)

    monkeypatch.setattr(frontier, "Session", Recorded)
    return opened


def tensors_of(graph, names, feeds):
    from planish.passes.sampling import Activations

    return Activations(graph, names)(feeds)


@pytest.mark.parametrize("limit", [1 << 20, 5000, 0])
def test_tensors_are_those_of_the_network_as_it_is_then(net, batches, limit, computed):
    stream = Frontier(net, batches, limit)
    for wanted, unfinished in WAVES:
        streamed = list(stream.stream(wanted, unfinished))
        assert len(streamed) == len(batches)
        for feeds, tensors in zip(batches, streamed, strict=True):
            for name, value in tensors_of(net, wanted, feeds).items():
                np.testing.assert_allclose(tensors[name], value, rtol=0, atol=1e-6 * np.abs(value).max())
        for node in net.nodes:  # finish the wave: its layers change
            if node.op == "Conv" and node.inputs[0].name in wanted and node.name in unfinished:
                node.inputs[1].values = node.inputs[1].values * np.float32(1.5)


def test_nothing_is_computed_twice(net, batches, computed):
    stream = Frontier(net, batches, 1 << 20)
    for wanted, unfinished in WAVES:
        list(stream.stream(wanted, unfinished))
    assert computed == [["Conv", "Relu"], ["Conv", "Relu", "Add"], ["Conv", "Conv", "Add"]]


def test_what_does_not_fit_is_computed_again(net, batches, computed):
    stream = Frontier(net, batches, 0)
    for wanted, unfinished in WAVES[1:3]:
        list(stream.stream(wanted, unfinished))
    assert [len(operators) for operators in computed] == [2, 5]


def test_files_go_with_the_frontier(net, batches, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stream = Frontier(net, batches, 1 << 20)
    list(stream.stream(*WAVES[1]))
    assert len(list(tmp_path.glob("planish-frontier-*/*.npy"))) == len(batches)
    list(stream.stream(*WAVES[2]))
    assert len(list(tmp_path.glob("planish-frontier-*/*.npy"))) == len(batches)
    del stream
    assert not list(tmp_path.glob("planish-frontier-*"))


def test_nothing_wanted_costs_nothing(net, batches, computed):
    assert list(Frontier(net, batches, 1 << 20).stream([], ["y"])) == [{}, {}, {}]
    assert not computed
