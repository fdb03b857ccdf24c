import json
import os
import signal
import subprocess
import sys

import numpy as np
import onnx
import pytest
from planish.commands import main
from planish.wire import tag, varint

NET = """name: "net"
input: "data" input_shape { dim: 1 dim: 3 dim: 6 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "r" }
"""


def field(number, payload):
    return tag(number) + varint(len(payload)) + payload


def blob(array):
    sizes = b"".join(varint(size) for size in array.shape)
    return field(7, field(5, array.astype("<f4").tobytes()) + field(7, field(1, sizes)))


def caffemodel(weight, bias):
    return field(100, field(1, b"conv") + field(2, b"Convolution") + blob(weight) + blob(bias))


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "net.caffemodel").write_bytes(
        caffemodel(random.standard_normal((4, 3, 3, 3)), random.standard_normal(4))
    )
    return tmp_path


@pytest.fixture
def convert(files):
    def run(*arguments, prototxt="net.prototxt", weights="net.caffemodel", output="out.onnx"):
        named = [str(files / name) for name in (prototxt, weights) if name]
        return main(["convert", "caffe", *named, "-o", output if output == "-" else str(files / output), *arguments])

    return run


def test_a_net_and_its_weights_become_a_model(convert, files, capsys):
    assert convert() == 0
    onnx.checker.check_model(onnx.load(files / "out.onnx"), full_check=True)
    assert "outputs: r ['batch', 4, 4, 6]" in capsys.readouterr().err


def test_json(convert, capsys):
    assert convert("--json", "--batch", "2", "--opset", "18", "--output", "c") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["inputs"] == {"data": [2, 3, 6, 8]}
    assert report["outputs"] == {"c": [2, 4, 4, 6]}
    assert (report["nodes"], report["parameters"], report["opset"]) == (1, 112, 18)


def test_preprocessing_options(convert, files):
    np.save(files / "mean.npy", np.ones((3, 6, 8)))
    assert convert("--mean", str(files / "mean.npy"), "--scale", "0.5", "--channel-order", "RGB") == 0
    metadata = {entry.key: entry.value for entry in onnx.load(files / "out.onnx").metadata_props}
    facts = json.loads(metadata["planish.preprocessing"])
    assert facts["mean_image_shape"] == [3, 6, 8]
    assert facts["scale"] == [0.5]


def test_verify(convert, capsys):
    pytest.importorskip("cv2")
    assert convert("--verify", "opencv") == 0
    assert "verified: output 'r' differs from OpenCV's by" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["convert", "caffe", "--list-layers"]])
def test_list_layers(command, capsys):
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "DetectionOutput" in shown
    assert "round_mode" in shown


def test_standard_output(files):
    arguments = ["convert", "caffe", "net.prototxt", "net.caffemodel", "-o", "-"]
    done = subprocess.run([sys.executable, "-m", "planish", *arguments], cwd=files, capture_output=True, check=True)
    onnx.checker.check_model(onnx.load_from_string(done.stdout))


BAD = {
    "missing prototxt": ({"prototxt": "none.prototxt"}, [], "none.prototxt: cannot be read (No such file"),
    "missing weights": ({"weights": "none.caffemodel"}, [], "none.caffemodel: cannot be read (No such file"),
    "no weights": ({"weights": ""}, [], "give its caffemodel as second argument, or --random-weights SEED"),
    "text as caffemodel": ({"weights": "net.prototxt"}, [], "net.prototxt: not a readable caffemodel"),
    "cut in half": ({"weights": "half.caffemodel"}, [], "half.caffemodel: not a readable caffemodel"),
    "empty": ({"weights": "empty.caffemodel"}, [], "empty.caffemodel: is empty"),
    "syntax error": ({"prototxt": "broken.prototxt"}, [], "broken.prototxt:3: syntax error"),
    "other weights": ({"weights": "other.caffemodel"}, [], "holds no blobs for it"),
    "misshapen weights": ({"weights": "shape.caffemodel"}, [], "but (4, 3, 3, 3) is expected"),
    "unsupported": ({"prototxt": "strange.prototxt"}, [], "2 unsupported layers"),
    "folder missing": ({"output": "none/out.onnx"}, [], "does not exist; create it first"),
    "output is input": ({"output": "net.caffemodel"}, [], "is the input itself"),
    "blob missing": ({}, ["--output", "rr"], "has no blob 'rr'"),
    "bad mean": ({}, ["--mean", "1,x"], "--mean 1,x: must be numbers separated by commas"),
    "mean missing": ({}, ["--mean", "none.npy"], "none.npy"),
    "bad shape": ({}, ["--input-shape", "data=1,x"], "--input-shape data=1,x"),
    "json and model on standard output": ({"output": "-"}, ["--json"], "--json contradicts '-o -'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_and_nothing_written(convert, files, capsys, case):
    content = (files / "net.caffemodel").read_bytes()
    (files / "half.caffemodel").write_bytes(content[: len(content) // 2])
    (files / "empty.caffemodel").write_bytes(b"")
    (files / "other.caffemodel").write_bytes(content.replace(b"conv", b"fc_7"))
    (files / "shape.caffemodel").write_bytes(caffemodel(np.ones((4, 3, 3, 2)), np.ones(4)))
    (files / "broken.prototxt").write_text(NET.replace("num_output:", "num_output"))
    strange = NET.replace('"ReLU"', '"Foo"') + 'layer { name: "b" type: "Bar" bottom: "data" top: "b" }'
    (files / "strange.prototxt").write_text(strange)
    before = {path: path.read_bytes() for path in files.iterdir()}
    where, arguments, problem = BAD[case]
    assert convert(*arguments, **where) == 2
    shown = capsys.readouterr()
    assert problem in shown.err
    assert "Traceback" not in shown.err
    assert not shown.out
    assert {path: path.read_bytes() for path in files.iterdir()} == before


def test_an_unwritable_folder(convert, files, capsys):
    (files / "closed").mkdir()
    (files / "closed").chmod(0o500)
    if os.access(files / "closed", os.W_OK):
        pytest.skip("this user may write everywhere")
    assert convert(output="closed/out.onnx") == 2
    assert "may not be written" in capsys.readouterr().err


def test_an_interruption_leaves_nothing(files, start_interruptible):
    code = (
        "import sys, time, planish.files as files; from planish.commands import main\n"
        "def stall(parts, stream): stream.write(b'half'); print('stalled', flush=True); time.sleep(60)\n"
        "files._write_message = stall\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    before = sorted(files.iterdir())
    arguments = ["convert", "caffe", "net.prototxt", "net.caffemodel", "-o", "out.onnx"]
    process = start_interruptible([sys.executable, "-c", code, *arguments], cwd=files, stdout=subprocess.PIPE)
    assert process.stdout.readline() == "stalled\n"
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 2
    assert shown.strip() == "planish: interrupted; nothing was written"
    assert sorted(files.iterdir()) == before
