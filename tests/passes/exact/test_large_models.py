"""Models beyond protobuf's 2 GB."""

import os

import numpy as np
import onnx
import pytest
from planish.commands import main
from planish.runtime_check.session import Session

ROWS, COLUMNS = 4, 1 << 27
"""Of weights of 2 GB, which lie in a file of holes."""


@pytest.fixture
def large(tmp_path):
    """A product, a bias after it, and weights that are 0 but for the last; beside the model, as they must be."""
    weights = tmp_path / "large.bin"
    with weights.open("wb") as stream:
        os.truncate(stream.fileno(), 4 * ROWS * COLUMNS)
        stream.seek(-4, os.SEEK_END)
        stream.write(np.array(3, "<f4").tobytes())
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> '
        f"g (float[n,{COLUMNS}] x) => (float[n,{ROWS}] y) {{ r = Identity (x) m = MatMul (r, w) y = Add (m, b) }}"
    )
    tensor = onnx.TensorProto(name="w", dims=[COLUMNS, ROWS], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=weights.name)
    bias = onnx.numpy_helper.from_array(np.arange(ROWS, dtype=np.float32), "b")
    model.graph.initializer.extend([tensor, bias])
    path = tmp_path / "large.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.slow
def test_weights_stay_beside_the_model_and_the_batch_open(large, tmp_path):
    path = tmp_path / "after" / "fast.onnx"
    path.parent.mkdir()
    assert main(["rewrite", str(large), "--pass", "exact", "-o", str(path)]) == 0
    model = onnx.load(path, load_external_data=False)
    assert [node.op_type for node in model.graph.node] == ["Gemm"]
    (tensor,) = [tensor for tensor in model.graph.initializer if tensor.name == "w"]
    assert tensor.data_location == onnx.TensorProto.EXTERNAL
    beside = path.parent / next(entry.value for entry in tensor.external_data if entry.key == "location")
    assert path.stat().st_size < 1 << 16
    assert beside.stat().st_size >= 4 * ROWS * COLUMNS
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    onnx.checker.check_model(str(path))
    x = np.zeros((1, COLUMNS), np.float32)
    x[0, -1] = 2
    np.testing.assert_array_equal(Session(path).run({"x": x})["y"], [[0, 1, 2, 9]])
