"""`planish check` as a user calls it."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from planish.commands import main
from planish.preprocessing import METADATA_KEY, Preprocessing


@pytest.fixture
def files(tmp_path, rng):
    """a.onnx, b.onnx (a with noise on its weights) and data.npz with 40 samples that a labels itself."""
    w = rng.standard_normal((9, 12)).astype(np.float32)

    def model(weights):
        nodes = [
            helper.make_node("Flatten", ["data"], ["flat"]),
            helper.make_node("Gemm", ["flat", "w"], ["prob"], transB=1),
        ]
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 2, 2])],
            [helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["n", 9])],
            [numpy_helper.from_array(weights, "w")],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(made, {METADATA_KEY: Preprocessing(input="data", mean=(7.0,)).to_json()})
        return made

    onnx.save(model(w), tmp_path / "a.onnx")
    onnx.save(model((w + rng.standard_normal(w.shape)).astype(np.float32)), tmp_path / "b.onnx")
    x = rng.standard_normal((40, 3, 2, 2)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=(x.reshape(40, 12) @ w.T).argmax(1))
    return tmp_path


def run(capsys, *arguments):
    code = main(["check", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_table_of_two(files, capsys):
    code, out, err = run(
        capsys, files / "a.onnx", files / "b.onnx", "--data", files / "data.npz", "--latency-seconds", "0.01"
    )
    assert code == 0
    for row in ("MACs", "parameters", "top-1 accuracy", "100.00", "KL divergence", "CPU ms", "wall ms", "SQNR"):
        assert row in out
    assert "40 samples of data.npz" in out
    assert err == ""


def test_one_model_and_random_input_says_so(files, capsys):
    code, out, _ = run(capsys, files / "a.onnx", "--latency-seconds", "0.01")
    assert code == 0
    assert "value" in out
    assert "random input (seed 0); made-up input, says nothing about accuracy" in out
    assert "top-1" not in out


def test_gates_on_one_model(files, capsys):
    gates = ("--max-cpu-ms", "1000", "--max-load-ms", "0", "--max-memory-mb", "5000", "--max-file-mb", "1")
    more = ("--runtime", "onnxruntime", "--max-runtime-failures", "0", "--latency-seconds", "0.01")
    code, out, err = run(capsys, files / "a.onnx", *gates, *more)
    assert code == 1
    assert "gates that failed: max-load-ms:" in err
    assert err.count("limit") == 1
    assert out.count("passed") == 4


def test_load_time_memory_and_load_of_the_machine(files, capsys):
    _, out, _ = run(capsys, files / "a.onnx", files / "b.onnx", "--latency-seconds", "0.01")
    assert "load time, ms" in out
    assert "memory peak, MiB" in out
    assert "load of the machine" in out


def test_profile_says_what_onnxruntime_makes_of_the_models(files, capsys):
    _, out, _ = run(capsys, files / "a.onnx", "--latency-seconds", "0", "--profile")
    assert "0 convolutions in 0.00 of" in out
    assert "Stages" in out


def test_threshold_of_layers(files, capsys):
    arguments = (files / "a.onnx", files / "b.onnx", "--latency-seconds", "0", "--layer-threshold")
    assert "the models part at" in run(capsys, *arguments, "80")[1]
    assert "all tensors of both models agree to -80 dB" in run(capsys, *arguments, "-80")[1]


def test_plan_is_shown_whatever_its_reader_made_of_it(files, capsys):
    plan = {"fc": {"form": "gemm", "rank": 3, "macs": [9, 4], "error": "small"}, "x": {"form": "gemm", "rank": 2}}
    (files / "plan.json").write_text(json.dumps({"planish_plan": 1, "settings": {}, "layers": plan}))
    arguments = ("--plan", files / "plan.json", "--latency-seconds", "0", "--json")
    found = json.loads(run(capsys, files / "a.onnx", *arguments)[1])["plan"]
    assert [(line["layer"], line["ranks"], line["macs"], line["error"]) for line in found] == [
        ("fc", [3], [9.0, 4.0], None),
        ("x", [2], None, None),
    ]


def test_json(files, capsys):
    arguments = ("--data", files / "data.npz", "--limit", "10", "--json", "--latency-seconds", "0", "--batch", "3")
    code, out, _ = run(capsys, files / "a.onnx", files / "b.onnx", *arguments)
    document = json.loads(out)
    assert code == 0
    assert document["models"][0]["macs"] == 108
    assert document["models"][0]["accuracy"]["top1"] == 100
    assert document["data"]["samples"] == 10
    assert document["latencies"] == []
    assert document["differences"][0]["verdict"].startswith("loses")


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_failed_gate_is_exit_code_1_and_named(files, capsys, as_json):
    arguments = ("--data", files / "data.npz", "--latency-seconds", "0", "--max-top1-drop", "0.5", "--min-cosine", "0")
    code, out, err = run(capsys, files / "a.onnx", files / "b.onnx", *arguments, *as_json)
    assert code == 1
    assert "gates that failed: max-top1-drop:" in err
    assert "min-cosine" not in err
    assert ("FAILED" in out) is not bool(as_json)


def test_where_the_models_part(files, capsys):
    code, out, _ = run(capsys, files / "a.onnx", files / "b.onnx", "-v", "--latency-seconds", "0")
    assert code == 0
    assert "layers: the models part at 'prob' (Gemm)" in out
    assert "Tensors of both models" in out


def test_several_threads_and_batches(files, capsys):
    arguments = ("--threads", "1,2", "--latency-batch", "1,4", "--latency-seconds", "0.01")
    _, out, _ = run(capsys, files / "a.onnx", *arguments)
    for label in ("1 thread, batch 1", "1 thread, batch 4", "2 threads, batch 1", "2 threads, batch 4"):
        assert f"wall ms ({label})" in out


def test_junit_and_markdown(files, capsys):
    arguments = ("--data", files / "data.npz", "--latency-seconds", "0", "--max-top1-drop", "0.5", "--min-cosine", "0")
    reports = ("--junit", files / "gates.xml", "--markdown", files / "summary.md")
    code, _, _ = run(capsys, files / "a.onnx", files / "b.onnx", *arguments, *reports)
    assert code == 1
    suite = ET.parse(files / "gates.xml").getroot().find("testsuite")
    assert {case.get("name"): case.find("failure") is None for case in suite.iter("testcase")} == {
        "max-top1-drop": False,
        "min-cosine": True,
    }
    assert "| top-1 accuracy, % | 100.00 |" in (files / "summary.md").read_text()


def test_gates_that_hold(files, capsys):
    arguments = (
        "--data",
        files / "data.npz",
        "--latency-seconds",
        "0",
        "--max-top1-drop",
        "0",
        "--min-agreement",
        "100",
    )
    code, out, err = run(capsys, files / "a.onnx", files / "a.onnx", *arguments)
    assert code == 0
    assert out.count("passed") == 2
    assert err == ""


def test_preprocessing_options_change_the_metadata(files, capsys):
    code, out, _ = run(
        capsys, files / "a.onnx", "--scale", "0.5", "--channel-order", "BGR", "--resize", "short", "--resize-to", "9",
        "--crop", "2", "-v", "--latency-seconds", "0",
    )  # fmt: skip
    assert code == 0
    line = next(line for line in out.splitlines() if "preprocessing: " in line)
    described = Preprocessing.from_json(line.partition("preprocessing: ")[2], line)
    assert described == Preprocessing(
        input="data", size=(2, 2), channel_order="BGR", mean=(7.0,), scale=(0.5,), resize="short", resize_to=9
    )


def test_broken_pictures_are_reported(files, capsys):
    from PIL import Image

    (files / "images").mkdir()
    Image.new("RGB", (4, 5)).save(files / "images" / "good.png")
    (files / "images" / "bad.png").write_text("no image")
    code, out, err = run(capsys, files / "a.onnx", "--data", files / "images", "--latency-seconds", "0")
    assert code == 0
    assert "1 samples of images; 1 broken ones left out" in out
    assert "left out:" in err
    assert "bad.png" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.onnx",), "no such file"),
        (("a.onnx", "--data", "none.npz"), "no such file"),
        (("a.onnx", "--max-top1-drop", "1", "--latency-seconds", "0"), "--max-top1-drop: accuracy needs labelled data"),
        (("a.onnx", "--min-speedup", "2"), "--min-speedup: compares two models"),
        (("a.onnx", "b.onnx", "--min-speedup", "2", "--latency-seconds", "0"), "no such figure"),
        (("a.onnx", "--mean", "red"), "must be numbers"),
        (("a.onnx", "--threads", "0"), "must be whole numbers from 1"),
        (("a.onnx", "--threads", "1.5"), "must be whole numbers from 1"),
        (("a.onnx", "--junit", "a.onnx"), "is the input itself"),
        (("a.onnx", "--markdown", "no/such/folder.md"), "does not exist"),
        (("a.onnx", "--limit", "0"), "Invalid value"),
        (("a.onnx", "--input-shape", "data=1,3,4,4"), "contradicts the model's"),
        (("a.onnx", "--task", "detection"), "none of the outputs fits"),
        (("a.onnx", "--pairs", "none.csv"), "none.csv: cannot be read"),
        (("a.onnx", "--class-names", "none.txt"), "none.txt: cannot be read"),
        (("a.onnx", "--plan", "data.npz"), "data.npz: is no JSON"),
        (("a.onnx", "--runtime", "opencv@no/python"), "there is no no/python"),
        (("a.onnx", "--data", "data.npz", "--labels", "boxes.csv"), "names none of the 40 images"),
        (("a.onnx", "b.onnx", "--max-quality-drop", "1", "--latency-seconds", "0"), "no such figure"),
        (("a.onnx", "--data", "x.npz", "--labels", "far.txt"), "label 9 of sample 39 is out of range"),
    ],
)
def test_bad_input_is_exit_code_2(files, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    (files / "boxes.csv").write_text("file,class,x1,y1,x2,y2\na.jpg,1,0,0,2,2\n")
    (files / "far.txt").write_text("0\n" * 39 + "9\n")
    with np.load(files / "data.npz") as arrays:
        np.savez(files / "x.npz", x=arrays["x"])
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert out == ""
