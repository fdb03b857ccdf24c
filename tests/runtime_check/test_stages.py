"""Two models cut into the same stages."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from planish.files import as_parts
from planish.runtime_check.cost import count
from planish.runtime_check.profile import NodeTime
from planish.runtime_check.stages import OTHER, align


@pytest.fixture
def pair(classifier):
    """The classifier, and one whose convolution is made of two."""
    factorized = classifier()
    graph = factorized.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    graph.initializer.remove(weights["w"])
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.ones((2, 3, 3, 1), np.float32), "w1"),
            numpy_helper.from_array(np.ones((5, 2, 1, 1), np.float32), "w2"),
        ]
    )
    graph.node.remove(graph.node[0])
    graph.node.insert(0, helper.make_node("Conv", ["first", "w2", "b"], ["conv"], name="conv_b"))
    graph.node.insert(0, helper.make_node("Conv", ["data", "w1"], ["first"], name="conv_a", pads=[1, 0, 1, 0]))
    onnx.checker.check_model(factorized)
    return [as_parts(classifier()), as_parts(factorized)]


def test_a_pair_stands_where_its_convolution_stood(pair):
    stages = {stage.name: stage.costs for stage in align(pair, [count(parts) for parts in pair])}
    assert list(stages) == ["conv", "fc"]
    before, after = stages["conv"]
    assert (before.operators, after.operators) == (("Conv",), ("Conv", "Conv"))
    assert (before.macs, after.macs) == (60 * 45, 60 * (18 + 10))
    assert (before.params, after.params) == (45 + 5, 18 + 10 + 5)
    assert before.ms is None


def test_nothing_is_lost(pair):
    costs = [count(parts) for parts in pair]
    for index, cost in enumerate(costs):
        stages = align(pair, costs)
        assert sum(stage.costs[index].macs for stage in stages) == cost.macs()
        assert sum(stage.costs[index].params for stage in stages) == cost.params()


def test_times_are_found_by_node_by_tensor_and_in_fused_names(pair):
    def times(*entries):
        return [NodeTime(name, "Conv", ms) for name, ms in entries]

    measured = (
        times(("conv:relu", 2.0), ("scores", 1.0), ("ReorderInput", 0.25)),
        times(("conv_a", 0.5), ("relu", 0.75), ("fc", 1.0)),
    )
    stages = {stage.name: stage.costs for stage in align(pair, [count(parts) for parts in pair], measured)}
    assert [cost.ms for cost in stages["conv"]] == [2.0, 1.25]
    assert [cost.ms for cost in stages["fc"]] == [1.0, 1.0]
    assert stages[OTHER][0].ms == 0.25


def test_one_model(pair):
    stages = align(pair[:1], [count(pair[0])])
    assert [len(stage.costs) for stage in stages] == [1, 1]


def test_scaling_by_constants_and_conversions_stand_with_their_convolution(pair):
    """Conv, BatchNormalization, Mul and Relu are one stage; quantizing counts for nothing by itself."""
    model = pair[0].model
    graph = model.graph
    graph.node[1].input[0] = "multiplied"
    graph.node.insert(1, helper.make_node("Mul", ["normalized", "two"], ["multiplied"], name="mul"))
    graph.node.insert(1, helper.make_node("BatchNormalization", ["conv", *["five"] * 4], ["normalized"], name="bn"))
    graph.initializer.append(numpy_helper.from_array(np.float32(2), "two"))
    graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "scale"))
    graph.initializer.append(numpy_helper.from_array(np.ones(5, np.float32), "five"))
    graph.node.insert(0, helper.make_node("DequantizeLinear", ["eight", "scale"], ["bias"], name="dq"))
    graph.initializer.append(numpy_helper.from_array(np.ones(7, np.int8), "eight"))
    graph.node[-1].input[2] = "bias"
    onnx.checker.check_model(model)
    stages = align(pair[:1], [count(pair[0])])
    assert [stage.name for stage in stages] == ["conv", "fc"]
    assert [stage.costs[0].operators for stage in stages] == [("Conv", "BatchNormalization", "Mul"), ("Gemm",)]
