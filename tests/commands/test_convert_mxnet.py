import json
import struct

import numpy as np
import onnx
import pytest
from planish.commands import main


@pytest.fixture
def checkpoint(tmp_path):
    """A scalar normalization and a fully connected layer, as save_checkpoint writes them."""
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "_mul_scalar", "name": "scaled", "attrs": {"scalar": "0.5"}, "inputs": [[0, 0, 0]]},
        {"op": "null", "name": "fc_weight", "inputs": []},
        {
            "op": "FullyConnected",
            "name": "fc",
            "attrs": {"num_hidden": "2", "no_bias": "True"},
            "inputs": [[1, 0, 0], [2, 0, 0]],
        },
    ]
    document = {"nodes": nodes, "heads": [[3, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}
    (tmp_path / "net-symbol.json").write_text(json.dumps(document))
    array = np.arange(10, dtype=np.float32).reshape(2, 5)
    data = struct.pack("<QQQIiiqqiii", 0x112, 0, 1, 0xF993FAC9, 0, 2, 2, 5, 1, 0, 0) + array.tobytes()
    data += struct.pack("<QQ", 1, 13) + b"arg:fc_weight"
    (tmp_path / "net-0007.params").write_bytes(data)
    return tmp_path / "net"


def test_a_checkpoint_by_its_prefix(checkpoint, tmp_path, capsys):
    target = tmp_path / "net.onnx"
    assert main(["convert", "mxnet", str(checkpoint), "--input-shape", "data=1,5", "-o", str(target), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["outputs"] == {"fc_output": ["batch", 2]}
    assert report["parameters"] >= 10
    onnx.checker.check_model(onnx.load(target), full_check=True)


def test_symbol_and_params_one_by_one(checkpoint, tmp_path):
    target = tmp_path / "net.onnx"
    files = ["--symbol", f"{checkpoint}-symbol.json", "--params", f"{checkpoint}-0007.params"]
    options = ["--input-shape", "data=1,5", "--strip-preprocessing", "--channel-order", "BGR", "--batch", "3"]
    assert main(["convert", "mxnet", *files, *options, "-o", str(target)]) == 0
    model = onnx.load(target)
    facts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert facts["planish.preprocessing"] == {"channel_order": "BGR", "input": "data", "scale": [0.5]}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 3


def test_random_weights_need_no_params(checkpoint, tmp_path):
    target = tmp_path / "net.onnx"
    arguments = ["convert", "mxnet", str(checkpoint), "--random-weights", "3", "--input-shape", "data=1,5"]
    assert main([*arguments, "-o", str(target)]) == 0


def test_an_internal_tensor_as_output(checkpoint, tmp_path):
    target = tmp_path / "net.onnx"
    arguments = ["convert", "mxnet", str(checkpoint), "--input-shape", "data=1,5", "--output", "scaled_output"]
    assert main([*arguments, "-o", str(target)]) == 0
    assert [value.name for value in onnx.load(target).graph.output] == ["scaled_output"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--epoch", "9"], "there are epochs 7"),
        (["--input-shape", "data=1,x"], "must be like"),
        (["--input-shape", "dato=1,5"], "did you mean 'data'"),
        (["--verify", "mxnet"], "go together"),
        (["--output", "fd"], "did you mean"),
    ],
)
def test_wrong_use_ends_with_2_and_writes_nothing(checkpoint, tmp_path, capsys, change, complaint):
    target = tmp_path / "net.onnx"
    assert main(["convert", "mxnet", str(checkpoint), "--input-shape", "data=1,5", "-o", str(target), *change]) == 2
    assert complaint in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [([], "PREFIX, or --symbol"), (["--symbol", "net-symbol.json"], "give its --params FILE")],
)
def test_files_must_be_given(tmp_path, capsys, arguments, complaint):
    assert main(["convert", "mxnet", *arguments, "-o", str(tmp_path / "net.onnx")]) == 2
    assert complaint in capsys.readouterr().err


def test_the_operators_are_listed(capsys):
    assert main(["convert", "mxnet", "--list-layers"]) == 0
    shown = capsys.readouterr().out
    assert "Convolution" in shown
    assert "ElementWiseSum" in shown
