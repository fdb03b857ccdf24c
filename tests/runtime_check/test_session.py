"""Opening and running models."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from planish.errors import DataError, ModelError
from planish.files import ModelParts
from planish.runtime_check.session import Session

FEEDS = {"data": np.ones((2, 3, 6, 10), np.float32)}


def test_outputs_by_name_from_model_and_from_file(classifier, tmp_path):
    onnx.save(classifier(), tmp_path / "m.onnx")
    from_model, from_file = (Session(m).run(FEEDS) for m in (classifier(), tmp_path / "m.onnx"))
    assert list(from_model) == ["scores"]
    np.testing.assert_array_equal(from_model["scores"], from_file["scores"])
    wanted = ReferenceEvaluator(classifier()).run(None, FEEDS)[0]
    np.testing.assert_allclose(from_model["scores"], wanted, rtol=1e-5)


def test_optimizations_are_off_unless_asked_for(classifier):
    """With them on, onnxruntime merges Conv and Relu and no longer knows the tensor between."""
    model = classifier()
    plain, fused = (Session(model, optimizations=o, outputs=["conv"]) for o in ("off", "all"))
    assert plain.output_names == ["scores", "conv"]
    np.testing.assert_allclose(plain.run(FEEDS)["conv"], fused.run(FEEDS)["conv"], rtol=1e-5, atol=1e-6)
    assert [value.name for value in model.graph.output] == ["scores"]


def test_what_a_session_tells(classifier):
    session = Session(classifier(), name="mine")
    assert session.name == "mine"
    assert session.input_names == ["data"]
    assert session.input_shapes == {"data": ("batch", 3, 6, 10)}
    assert session.input_types == {"data": "tensor(float)"}


def test_missing_and_wrong_data(classifier):
    session = Session(classifier(), name="m")
    with pytest.raises(DataError, match="m: no data for input data; the data has x"):
        session.run({"x": FEEDS["data"]})
    with pytest.raises(DataError, match="m: onnxruntime cannot run the model on this data"):
        session.run({"data": np.ones((2, 4, 6, 10), np.float32)})


def test_models_that_cannot_be_opened(classifier, tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: no such file"):
        Session(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match=r"text\.onnx: onnxruntime cannot open the model"):
        Session(tmp_path / "text.onnx")
    broken = classifier()
    broken.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="cannot open"):
        Session(broken)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_big_tensors_beside_the_model_give_the_same(rng, dtype):
    element = {"float32": "float", "float64": "double"}.get(np.dtype(dtype).name, np.dtype(dtype).name)
    header = '<ir_version: 8, opset_import: ["" : 17]>'
    body = "{ z = Gemm (x, w, b) y = Reshape (z, s) }"
    text = f"{header} g ({element}[n,70] x) => ({element}[n,m] y) {body}"
    model = onnx.parser.parse_model(text)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 100]), "s"))
    tensors = {
        "w": rng.standard_normal((70, 200)).astype(dtype).T.copy().T,
        "b": rng.standard_normal(200).astype(dtype),
    }
    parts = ModelParts(model, tensors)
    feeds = {"x": rng.standard_normal((3, 70)).astype(dtype)}
    expected = Session(parts.to_model()).run(feeds)["y"]
    for optimizations in ("off", "all"):
        found = Session(parts, optimizations=optimizations).run(feeds)["y"]
        np.testing.assert_allclose(found, expected, rtol=1e-2 if dtype == np.float16 else 1e-5, atol=1e-3)
    assert parts.model.graph.initializer[0].name == "s"
    assert len(parts.model.graph.initializer) == 1
