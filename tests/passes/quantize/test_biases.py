import numpy as np
from planish.passes.quantize.biases import settle_biases
from planish.passes.quantize.reconstruct import FAST
from planish.passes.quantize.static import StaticSettings, observe, quantize_static
from planish.passes.sampling import Activations


def test_channels_get_the_means_of_the_float_network(chain, make_batches, graph_of):
    settings = StaticSettings(repairs=FAST)
    observed = observe(graph_of(chain), make_batches(), settings, {})
    graph, placement = quantize_static(observed, settings)
    last = placement.layers[-1].outputs[0].name

    def shift(network):
        means = [
            np.concatenate([Activations(one, [last])(feeds)[last] for feeds in observed.images]).mean(axis=(0, 2, 3))
            for one in (observed.graph, network)
        ]
        return np.abs(means[0] - means[1]).max()

    before = shift(graph)
    assert shift(settle_biases(observed, graph, placement)) < 0.2 * before
    assert shift(graph) == before
