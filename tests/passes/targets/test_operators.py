import pytest
from planish.files import ModelParts
from planish.passes.graph import to_graph
from planish.passes.targets.direct import graph_features
from planish.passes.targets.features import Blocks
from planish.runtime_check.cost import infer_shapes


def features_of(model):
    return [found for _, found in graph_features(to_graph(ModelParts(model)), infer_shapes(model), Blocks(16))]


def test_pooling_counts_its_window_and_reducing_its_input(make_model):
    model = make_model(
        """g (float[1,5,9,7] x) => (float[1,5,1,1] z) {
        y = MaxPool<kernel_shape=[3,2]>(x) z = GlobalAveragePool(y) }"""
    )
    pooled, reduced = features_of(model)
    assert pooled == {"op:MaxPool": pytest.approx(1e-6 * 5 * 7 * 6 * 6), "nodes": 1}
    assert reduced == {"op:GlobalAveragePool": pytest.approx(1e-6 * 5 * 7 * 6), "nodes": 1}


def test_a_transposed_convolution_multiplies_and_folds(make_model):
    model = make_model(
        "g (float[1,6,5,7] x) => (float[1,4,11,15] y) { y = ConvTranspose<strides=[2,2]>(x, w) }", w=(6, 4, 3, 3)
    )
    (found,) = features_of(model)
    assert found["im2col_gflop"] == pytest.approx(2e-9 * 6 * 4 * 9 * 35)
    assert found["unfolded_gb"] == pytest.approx(4e-9 * 4 * 9 * 35)
    assert found["activation_gb"] == pytest.approx(4e-9 * (6 * 35 + 4 * 165))


def test_what_moves_no_data_costs_nothing_and_the_unknown_its_elements(make_model):
    model = make_model("g (float[1,5,9,7] x) => (float[1,315] z) { y = Erf(x) z = Flatten(y) }")
    unknown, free = features_of(model)
    assert unknown == {"op:other": pytest.approx(1e-6 * 315), "nodes": 1}
    assert free == {}
