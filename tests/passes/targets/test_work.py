import numpy as np
import pytest
from planish.files import ModelParts
from planish.passes.graph import to_graph
from planish.passes.layers import ConvGeometry, list_layers
from planish.passes.lowrank.form import Stage
from planish.passes.targets.work import Work, chain_works, layer_work
from planish.runtime_check.cost import infer_shapes


def test_a_conv_in_plain_numbers():
    geometry = ConvGeometry((3, 5), strides=(2, 1), pads=(1, 2, 1, 2), group=2)
    work = Work((8, 3, 3, 5), geometry, (7, 11))
    assert work.channels == 6
    assert work.output_size == (4, 11)
    assert work.gflop == pytest.approx(2e-9 * 8 * 3 * 15 * 44)
    assert work.input_gb == pytest.approx(4e-9 * 6 * 77)
    assert work.output_gb == pytest.approx(4e-9 * 8 * 44)
    assert work.weight_gb == pytest.approx(4e-9 * 8 * 45)
    assert not work.is_depthwise


def test_a_product_in_plain_numbers():
    work = Work((8, 3), rows=5)
    assert work.gflop == pytest.approx(2e-9 * 8 * 3 * 5)
    assert work.input_gb == pytest.approx(4e-9 * 15)
    assert work.output_gb == pytest.approx(4e-9 * 40)


def test_a_chain_passes_sizes_on(make_model):
    text = "g (float[1,6,9,11] x) => (float[1,4,5,6] y) { y = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w) }"
    model = make_model(text, w=(4, 6, 3, 3))
    (layer,) = list_layers(to_graph(ModelParts(model)), infer_shapes(model), "all")[0]
    assert layer_work(layer).gflop == pytest.approx(2e-9 * layer.macs)
    stages = [
        Stage("_v", (2, 6, 3, 1), layer.conv.restricted(rows=True, columns=False)),
        Stage("_h", (4, 2, 1, 3), layer.conv.restricted(rows=False, columns=True)),
    ]
    first, second = chain_works(layer, stages)
    assert (first.input_size, first.output_size) == ((9, 11), (5, 11))
    assert (second.input_size, second.output_size) == ((5, 11), (5, 6))
    assert np.prod(layer.weight.shape) * 30 == layer.macs
