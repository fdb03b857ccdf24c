"""`planish convert NETWORK`: from the catalogue to an ONNX file or to standard output."""

import io
import json
import struct
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from planish.commands import main
from planish.converter.convert import convert
from planish.models import data_file, find_network
from planish.models.catalogue import FOLDER
from planish.preprocessing import read_preprocessing
from planish.runtime_check.session import Session


@pytest.fixture
def digits():
    with np.load(data_file(find_network("caffe_digits"), "evaluation")) as data:
        return data["x"][:50].transpose(0, 3, 1, 2).astype(np.float32) / 255, data["y"][:50]


@pytest.fixture
def write_squeezenet():
    """write_squeezenet(path, older) -> the first convolution's weight, of those that the file got."""

    def write(path, *, older):
        parts = convert("mxnet_squeezenet1_1", random_weights=3)
        symbol = json.loads(find_network("mxnet_squeezenet1_1").structure())
        variables = [node for node in symbol["nodes"][1:] if node["op"] == "null"]
        body = struct.pack("<QQQ", 0x112, 0, len(variables))
        for node in variables:
            array = parts.tensors[node["name"]]
            body += struct.pack(f"<Iii{array.ndim}q", 0xF993FAC9, 0, array.ndim, *array.shape)
            body += struct.pack("<iii", 1, 0, 0) + array.tobytes()
        body += struct.pack("<Q", len(variables))
        for node in variables:
            name = (node["attrs"]["__block_name__"] if older else node["name"]).encode()
            body += struct.pack("<Q", len(name)) + name
        path.write_bytes(body)
        return parts.tensors["features.0.weight"]

    return write


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty cache, and nobody who answers."""
    monkeypatch.setenv("PLANISH_CACHE", str(tmp_path / "cache"))
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    return tmp_path / "cache"


def test_a_packaged_network(tmp_path, digits, capsys):
    path = tmp_path / "digits.onnx"
    assert main(["convert", "caffe_digits", "-o", str(path)]) == 0
    assert "prob ['batch', 10]" in capsys.readouterr().err
    model = onnx.load(path)
    assert read_preprocessing(model) == find_network("caffe_digits").preprocessing
    x, y = digits
    assert (Session(model).run({"data": x})["prob"].argmax(1) == y).mean() > 0.95


@pytest.mark.parametrize("arguments", [["-"], ["-o", "-"]])
def test_standard_output_takes_the_model_and_nothing_else(arguments, tmp_path, monkeypatch):
    main(["convert", "caffe_digits", "-o", str(tmp_path / "digits.onnx")])
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["convert", "caffe_digits", *arguments]) == 0
    assert stream.buffer.getvalue() == (tmp_path / "digits.onnx").read_bytes()


def test_same_input_same_bytes(tmp_path):
    for name in ("a", "b"):
        path = tmp_path / f"{name}.onnx"
        assert main(["convert", "caffe_squeezenet_v1_1", "--random-weights", "3", "-o", str(path)]) == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_random_weights_need_no_download_and_follow_their_seed(tmp_path, offline):
    models = {}
    for seed in (0, 1):
        path = tmp_path / f"{seed}.onnx"
        options = ["--random-weights", str(seed), "--batch", "2", "--opset", "15", "-o", str(path)]
        assert main(["convert", "caffe_squeezenet_v1_1", *options]) == 0
        models[seed] = onnx.load(path)
    assert models[0].opset_import[0].version == 15
    assert models[0].graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    first, second = ({t.name: onnx.numpy_helper.to_array(t) for t in m.graph.initializer} for m in models.values())
    assert not np.array_equal(first["conv1/weight"], second["conv1/weight"])
    assert not offline.exists()


@pytest.mark.parametrize(("name", "older"), [("structural", False), ("block", True)])
def test_mxnet_takes_its_parameters_under_either_kind_of_name(name, older, tmp_path, write_squeezenet):
    params, path = tmp_path / f"{name}.params", tmp_path / "squeezenet.onnx"
    expected = write_squeezenet(params, older=older)
    assert main(["convert", "mxnet_squeezenet1_1", "--weights", str(params), "-o", str(path)]) == 0
    model = onnx.load(path)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(stored["conv0_weight" if older else "features.0.weight"], expected)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert read_preprocessing(model) == find_network("mxnet_squeezenet1_1").preprocessing


def test_mxnet_with_random_weights_needs_no_download(tmp_path, offline):
    path = tmp_path / "mobilenet.onnx"
    assert main(["convert", "mxnet_mobilenet1_0", "--random-weights", "0", "--batch", "2", "-o", str(path)]) == 0
    (answer,) = Session(onnx.load(path)).run({"data": np.ones((2, 3, 224, 224), np.float32)}).values()
    assert answer.shape == (2, 1000)
    assert np.isfinite(answer).all()
    assert answer.std() > 0
    assert not offline.exists()


def test_weights_of_ones_own(tmp_path, digits):
    path = tmp_path / "digits.onnx"
    own = FOLDER / "caffe_digits.caffemodel"
    assert main(["convert", "caffe_digits", "--weights", str(own), "-o", str(path)]) == 0
    assert (Session(onnx.load(path)).run({"data": digits[0]})["prob"].argmax(1) == digits[1]).mean() > 0.95


def test_offline_the_error_says_which_file_to_put_where(tmp_path, offline, capsys):
    path = tmp_path / "squeezenet.onnx"
    assert main(["convert", "caffe_squeezenet_v1_1", "-o", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"put it at {offline / 'squeezenet_v1.1.caffemodel'}, or name the file with --weights" in said
    assert said.startswith("downloading squeezenet_v1.1.caffemodel, 5 MB, license: BSD-2-Clause")
    assert "the server cannot be reached" in said
    assert "Traceback" not in said
    assert not path.exists()


def test_json_report(tmp_path, capsys):
    assert main(["convert", "caffe_digits", "--json", "-o", str(tmp_path / "digits.onnx")]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"] == {"data": ["batch", 1, 32, 32]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["caffe_digit", "-o", "{out}"], "did you mean 'caffe_digits'"),
        (["caffe_digits"], "say once where the model goes"),
        (["caffe_digits", "-", "-o", "{out}"], "say once where the model goes"),
        (["caffe_digits", "--json", "-"], "--json contradicts '-'"),
        (["caffe_digits", "--weights", "{in}", "--random-weights", "0", "-o", "{out}"], "contradicts --random-weights"),
        (["caffe_digits", "--weights", "{in}", "-o", "{in}"], "is the input itself"),
        (["caffe_digits", "--weights", "missing.caffemodel", "-o", "{out}"], "missing.caffemodel"),
        (["caffe_squeezenet_v1_1", "--weights", "{in}", "-o", "{out}"], "conv1"),
        (["mxnet_squeezenet1_1", "--weights", "{in}", "-o", "{out}"], "in.caffemodel"),
        (["caffe_digits", "-o", "no/such/folder/a.onnx"], "does not exist"),
        (["caffe_digits", "--opset", "3", "-o", "{out}"], "opset 3"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(arguments, message, tmp_path, capsys):
    (tmp_path / "in.caffemodel").write_bytes((FOLDER / "caffe_digits.caffemodel").read_bytes())
    places = {"out": str(tmp_path / "out.onnx"), "in": str(tmp_path / "in.caffemodel")}
    assert main(["convert", *(argument.format(**places) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.caffemodel"]


def test_weights_without_a_published_checksum_are_taken_with_a_warning(tmp_path, offline, monkeypatch, capsys):
    entry = find_network("caffe_digits")
    offline.mkdir()
    (offline / "unchecked.caffemodel").write_bytes((FOLDER / entry.weights.file).read_bytes())
    published = replace(entry.weights, file="unchecked.caffemodel", urls=("http://127.0.0.1:9/x",), note="none given")
    monkeypatch.setattr("planish.models.find_network", lambda _: replace(entry, weights=published))
    assert main(["convert", "caffe_digits", "-o", str(tmp_path / "digits.onnx")]) == 0
    assert "warning: nobody has published a checksum of unchecked.caffemodel; none given" in capsys.readouterr().err
