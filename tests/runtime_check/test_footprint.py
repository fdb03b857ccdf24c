"""Time to load, and memory."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from planish.errors import ModelError
from planish.runtime_check.footprint import measure_footprint

FEEDS = {"x": np.ones((1, 5), np.float32)}


def with_weights(megabytes):
    weights = np.ones((5, megabytes * 250_000 // 5), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_large_model_takes_its_weights_and_longer_to_load(tmp_path):
    onnx.save(with_weights(60), tmp_path / "large.onnx")
    small, large = measure_footprint(with_weights(1), FEEDS), measure_footprint(tmp_path / "large.onnx", FEEDS)
    assert large.memory_mb - small.memory_mb > 50
    assert large.memory_mb < 400
    assert 0 < small.load_ms < large.load_ms


def test_a_model_that_does_not_run_says_why(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: no such file"):
        measure_footprint(tmp_path / "none.onnx", FEEDS)
