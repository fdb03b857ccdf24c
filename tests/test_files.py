"""Models are written whole or not at all, and read without being held twice."""

import io
import stat
import sys

import numpy as np
import onnx
import pytest
from planish import files
from planish.errors import ModelError, OutputError
from planish.files import ModelParts, check_output, read_model, read_parts, replacing, write_model


@pytest.fixture
def parts(rng):
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gemm", ["x", "w", "b"], ["y"]), onnx.helper.make_node("Add", ["y", "small"], ["z"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, ["n", 30])],
        [onnx.helper.make_tensor_value_info("z", 1, ["n", 20])],
        [onnx.numpy_helper.from_array(np.float32([2]), "small")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, {"k": "v"})
    weights = rng.standard_normal((30, 20)).astype(np.float32)
    return ModelParts(model, {"w": weights, "b": rng.standard_normal(20).astype(np.float64).astype(np.float32)})


def arrays(model):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def assert_arrays_equal(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert array.dtype == second[name].dtype
        np.testing.assert_array_equal(array, second[name])


def test_streamed_and_whole_models_are_the_same(parts, tmp_path):
    write_model(parts, tmp_path / "a.onnx")
    write_model(parts.to_model(), tmp_path / "b.onnx")
    first, second = read_model(tmp_path / "a.onnx"), read_model(tmp_path / "b.onnx")
    onnx.checker.check_model(first)
    assert_arrays_equal(arrays(first), arrays(second))
    assert first.metadata_props == second.metadata_props == parts.model.metadata_props


def test_views_of_any_layout_are_written_in_order(parts, tmp_path):
    parts.tensors["w"] = np.asfortranarray(parts.tensors["w"])
    parts.tensors["b"] = np.repeat(parts.tensors["b"], 2)[::2]
    write_model(parts, tmp_path / "a.onnx")
    assert_arrays_equal(arrays(read_model(tmp_path / "a.onnx")), arrays(parts.to_model()))


def test_weights_are_read_as_views_of_the_file(parts, tmp_path):
    write_model(parts, tmp_path / "a.onnx")
    read = read_parts(tmp_path / "a.onnx")
    assert set(read.tensors) == {"w"}
    assert not read.tensors["w"].flags.owndata
    assert not read.tensors["w"].flags.writeable
    assert_arrays_equal(arrays(read.to_model()), arrays(parts.to_model()))


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "uint8", "int64", "bool"])
def test_every_type_survives(dtype, tmp_path, rng, parts):
    parts.tensors = {"w": rng.integers(0, 2, (50, 60)).astype(dtype)}
    write_model(parts, tmp_path / "a.onnx")
    assert_arrays_equal(arrays(read_parts(tmp_path / "a.onnx").to_model()), arrays(parts.to_model()))


def test_a_model_over_the_limit_gets_a_data_file(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PROTOBUF_LIMIT", 1000)
    write_model(parts, tmp_path / "a.onnx")
    assert (tmp_path / "a.onnx.data").stat().st_size == 30 * 20 * 4 + 20 * 4
    assert_arrays_equal(arrays(read_model(tmp_path / "a.onnx")), arrays(parts.to_model()))
    read = read_parts(tmp_path / "a.onnx")
    assert set(read.tensors) == {"w", "b"}
    assert_arrays_equal(arrays(read.to_model()), arrays(parts.to_model()))


def test_external_data_must_lie_beside_the_model(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PROTOBUF_LIMIT", 1000)
    (tmp_path / "in").mkdir()
    write_model(parts, tmp_path / "in" / "a.onnx")
    (tmp_path / "secret").write_bytes(b"0" * 10_000)
    model = onnx.load(tmp_path / "in" / "a.onnx", load_external_data=False)
    model.graph.initializer[1].external_data[0].value = "../secret"
    (tmp_path / "in" / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="no file beside the model"):
        read_parts(tmp_path / "in" / "a.onnx")


def test_external_data_must_be_long_enough(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PROTOBUF_LIMIT", 1000)
    write_model(parts, tmp_path / "a.onnx")
    (tmp_path / "a.onnx.data").write_bytes(b"0" * 100)
    with pytest.raises(ModelError, match="ends beyond its file"):
        read_parts(tmp_path / "a.onnx")


@pytest.mark.parametrize("read", [read_model, read_parts])
@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"\x00" * 100, b"\x08\x08"])
def test_what_is_no_model_is_refused(tmp_path, read, content):
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.onnx"):
        read(path)
    with pytest.raises(ModelError, match="no such file"):
        read(tmp_path / "b.onnx")


def test_every_truncation_is_refused_or_harmless(parts, tmp_path):
    write_model(parts, tmp_path / "a.onnx")
    whole = (tmp_path / "a.onnx").read_bytes()
    for size in range(0, len(whole), 97):
        (tmp_path / "cut.onnx").write_bytes(whole[:size])
        with pytest.raises(ModelError):
            read_parts(tmp_path / "cut.onnx")


def test_a_tensor_of_another_size_than_its_shape_is_refused(parts, tmp_path):
    model = parts.to_model()
    model.graph.initializer[1].dims[0] = 10**9
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="should have"):
        read_parts(tmp_path / "a.onnx")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as stream:
        stream.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.onnx"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "a") as stream:
        stream.write(b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_outputs_that_cannot_be_are_refused_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "in.onnx").write_bytes(b"x")
    (tmp_path / "link.onnx").symlink_to(tmp_path / "in.onnx")
    for path, message in (
        (tmp_path / "in.onnx", "is the input itself"),
        (tmp_path / "link.onnx", "is the input itself"),
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "out.onnx", "does not exist"),
    ):
        with pytest.raises(OutputError, match=message):
            check_output(path, tmp_path / "in.onnx")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(OutputError, match="is a terminal"):
        check_output("-")
    with pytest.raises(OutputError, match="cannot be written"):
        write_model(ModelParts(onnx.ModelProto()), tmp_path / "none" / "out.onnx")


def test_standard_output_gets_the_same_bytes(parts, tmp_path, monkeypatch):
    write_model(parts, tmp_path / "a.onnx")
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    write_model(parts, "-")
    assert stream.buffer.getvalue() == (tmp_path / "a.onnx").read_bytes()
