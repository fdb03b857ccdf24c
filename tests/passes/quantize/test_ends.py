import pytest
from planish.passes.quantize.ends import sensitive_ends
from planish.passes.quantize.judge import Fidelity
from planish.passes.quantize.static import StaticSettings, observe


class _Judge:
    """Says what was found, whatever the graph."""

    def __init__(self, noise):
        self.noise = noise

    def __call__(self, graph):
        self.integer = [node.name for node in graph.nodes if node.op == "DequantizeLinear" and "_weight_" in node.name]
        return Fidelity(self.noise, 0.0, 0.0)


@pytest.fixture
def observed(chain, make_batches, graph_of):
    return observe(graph_of(chain), make_batches(), StaticSettings(quantize_outputs=True), {})


def test_a_noisy_first_layer_stays_float(observed):
    judge = _Judge(noise=0.9)
    first = observed.graph.inputs[0].outputs[0].name
    shares = sensitive_ends(observed, StaticSettings(), set(), judge, noise=0.1)
    assert shares == {first: pytest.approx(9)}
    assert len(judge.integer) == 1


def test_a_quiet_one_does_not(observed):
    assert not sensitive_ends(observed, StaticSettings(), set(), _Judge(noise=0.001), noise=0.1)


def test_heads_are_looked_at_where_they_are_to_be_integer(observed):
    settings = StaticSettings(quantize_outputs=True)
    assert len(sensitive_ends(observed, settings, set(), _Judge(noise=9.0), noise=0.1)) == 2
