"""Predictions for onnxruntime, with coefficients that make the arithmetic plain."""

import pytest
from planish.files import ModelParts
from planish.passes.graph import to_graph
from planish.passes.layers import list_layers
from planish.passes.targets.calibration_nets import chain
from planish.passes.targets.direct import DirectTarget, graph_features
from planish.passes.targets.features import Blocks
from planish.runtime_check.cost import infer_shapes

BLOCKS = Blocks(16)


def features_of(model):
    found = graph_features(to_graph(ModelParts(model)), infer_shapes(model), BLOCKS)
    return {node.op: features for node, features in found}


def layers_of(parts):
    return list_layers(to_graph(parts), infer_shapes(parts), "all")[0]


def test_layers_add_up_to_the_model():
    parts = chain([32, 64, 48], 14)
    target = DirectTarget("onnxruntime", 16)
    nodes = target.graph_latency(to_graph(parts), infer_shapes(parts))
    convs = [node.latency_ms for node in nodes if node.operator == "Conv"]
    first, second = layers_of(parts)
    assert convs[1] == pytest.approx(target.layer_ms(second))
    crossing = 4e-9 * 32 * 14 * 14 * target.coefficients["crossing_gb"]
    assert convs[0] == pytest.approx(target.layer_ms(first) + crossing), "the model's own input is not in blocks"
    assert target.model_latency_ms(parts) == pytest.approx(sum(node.latency_ms for node in nodes))


def test_a_chain_of_one_costs_what_the_layer_does():
    (layer,) = layers_of(chain([32, 64], 14))
    target = DirectTarget("onnxruntime", 16)

    class Same:
        shape, geometry, operator = layer.weight.shape, layer.conv, None

    assert target.chain_ms(layer, [Same()]) == pytest.approx(target.layer_ms(layer))


def test_what_the_runtime_fuses_costs_nothing(make_model):
    model = make_model(
        """g (float[1,16,8,8] x) => (float[1,16,8,8] y) {
        a = Conv<pads=[1,1,1,1]>(x, w) b = BatchNormalization(a, s, s, s, s) c = Mul(b, k) d = Add(c, k) e = Relu(d)
        y = LRN<size=5>(e) }""",
        w=(16, 16, 3, 3),
        s=(16,),
        k=(1, 16, 1, 1),
    )
    found = features_of(model)
    assert all(found[op] == {} for op in ("BatchNormalization", "Mul", "Add", "Relu"))
    plane = 16 * 8 * 8
    assert found["LRN"] == {
        "op:LRN": pytest.approx(1e-6 * plane),
        "nodes": 1,
        "crossing_gb": pytest.approx(4e-9 * plane),
    }


def test_a_sum_joins_the_conv_before_it(make_model):
    model = make_model(
        """g (float[1,16,8,8] x) => (float[1,16,8,8] y) {
        a = Conv<pads=[1,1,1,1]>(x, w) b = Conv<pads=[1,1,1,1]>(a, v) c = Add(a, b) y = Relu(c) }""",
        w=(16, 16, 3, 3),
        v=(16, 16, 3, 3),
    )
    found = features_of(model)
    assert found["Add"] == {"activation_gb": pytest.approx(4e-9 * 16 * 64)}
    assert found["Relu"] == {}


def test_a_relu_that_two_nodes_read_conv_of_is_no_fusion(make_model):
    model = make_model(
        """g (float[1,16,8,8] x) => (float[1,16,8,8] y, float[1,16,8,8] z) {
        y = Conv<pads=[1,1,1,1]>(x, w) a = Relu(y) z = LRN<size=5>(y) b = Sigmoid(a) }""",
        w=(16, 16, 3, 3),
    )
    assert "op:Relu" in features_of(model)["Relu"]


def test_a_tensor_is_reordered_once_for_all_its_readers(make_model):
    model = make_model(
        """g (float[1,16,8,8] x) => (float[1,16,8,8] y, float[1,16,8,8] z) {
        a = Conv<pads=[1,1,1,1]>(x, w) y = LRN<size=5>(a) z = Softmax<axis=1>(a) }""",
        w=(16, 16, 3, 3),
    )
    found = features_of(model)
    assert ("crossing_gb" in found["LRN"]) != ("crossing_gb" in found["Softmax"])
