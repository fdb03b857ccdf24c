"""Small classifiers and small datasets, made on the spot."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from planish.preprocessing import METADATA_KEY, Preprocessing

CLASSES = 7


@pytest.fixture
def classifier(rng):
    """A function that makes Conv, Relu, GlobalAveragePool, Gemm: (batch, 3, 6, 10) to (batch, 7)."""
    weights = {
        "w": rng.standard_normal((5, 3, 3, 1)).astype(np.float32),
        "b": rng.standard_normal(5).astype(np.float32),
        "f": (3 * rng.standard_normal((CLASSES, 5))).astype(np.float32),
        "g": rng.standard_normal(CLASSES).astype(np.float32),
    }

    def make(*, batch="batch", size=(6, 10), preprocessing=None, change=None, input_name="data"):
        tensors = {name: value.copy() for name, value in weights.items()}
        if change is not None:
            change(tensors)
        graph = helper.make_graph(
            [
                helper.make_node("Conv", [input_name, "w", "b"], ["conv"], name="conv", pads=[1, 0, 1, 0]),
                helper.make_node("Relu", ["conv"], ["relu"], name="relu"),
                helper.make_node("GlobalAveragePool", ["relu"], ["pool"], name="pool"),
                helper.make_node("Flatten", ["pool"], ["flat"], name="flat"),
                helper.make_node("Gemm", ["flat", "f", "g"], ["scores"], name="fc", transB=1),
            ],
            "classifier",
            [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, [batch, 3, *size])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, CLASSES])],
            [numpy_helper.from_array(value, name) for name, value in tensors.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        if preprocessing is not None:
            helper.set_model_props(model, {METADATA_KEY: preprocessing.to_json()})
        onnx.checker.check_model(model)
        return model

    return make


@pytest.fixture
def preprocessing():
    """What suits the classifier."""
    return Preprocessing(
        input="data", size=(6, 10), channel_order="BGR", mean=(104.0, 117.0, 123.0), scale=(0.02,), resize="warp"
    )


@pytest.fixture
def pictures(tmp_path, rng):
    """A folder of eight 9x14 pictures `images/0.png` ... and their (8, 9, 14, 3) pixels."""
    pixels = rng.integers(0, 256, (8, 9, 14, 3)).astype(np.uint8)
    folder = tmp_path / "images"
    folder.mkdir()
    for index, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{index}.png")
    return folder, pixels
