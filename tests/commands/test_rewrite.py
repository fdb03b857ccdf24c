"""`planish rewrite` and `planish inspect` as a user calls them, with right and wrong arguments."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest
from planish.commands import main
from planish.converter import convert
from planish.files import read_parts, write_model
from planish.runtime_check.cost import count

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.onnx"
    write_model(convert("caffe_digits"), path)
    return path


def run(*arguments):
    return main([str(argument) for argument in arguments])


def lowrank(model, output, *more):
    return run("rewrite", "--pass", "lowrank", model, "-o", output, *more)


def test_the_ratio_is_met_and_the_input_untouched(digits, tmp_path, capsys):
    before = digits.read_bytes()
    assert lowrank(digits, tmp_path / "small.onnx", "--ratio", 1.8) == 0
    assert digits.read_bytes() == before
    ratio = count(read_parts(digits)).macs() / count(read_parts(tmp_path / "small.onnx")).macs()
    assert 1.8 <= ratio < 1.9
    assert f"{ratio:.2f}" in capsys.readouterr().out
    onnx.checker.check_model(onnx.load(tmp_path / "small.onnx"), full_check=True)


def test_the_report_as_json_and_in_full(digits, tmp_path, capsys):
    assert lowrank(digits, tmp_path / "small.onnx", "--ratio", 1.5, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["before"]["macs"] / document["after"]["macs"] >= 1.5
    by_pass = {entry["pass"]: entry for entry in document["passes"]}
    assert by_pass["lowrank"]["changes"]
    assert lowrank(digits, tmp_path / "small.onnx", "--ratio", 1.5, "-v") == 0
    assert "spatial, rank" in capsys.readouterr().out


def test_a_plan_is_saved_edited_and_carried_out(digits, tmp_path, capsys):
    plan = tmp_path / "plan.json"
    assert lowrank(digits, tmp_path / "a.onnx", "--ratio", 1.5, "--save-plan", plan) == 0
    assert lowrank(digits, tmp_path / "b.onnx", "--plan", plan) == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    plan.write_text(json.dumps({"conv_params": {"conv2_2": 16}, "fc_params": {"ip1": 8}}))
    assert lowrank(digits, tmp_path / "c.onnx", "--plan", plan) == 0
    assert lowrank(digits, tmp_path / "d.onnx", "--layer", "ip1", "--rank", 8) == 0
    names = {node.name for node in onnx.load(tmp_path / "d.onnx").graph.node}
    assert {"ip1_red", "ip1_rec"} <= names
    assert not any(name.endswith("_v") for name in names)
    capsys.readouterr()


def test_calibration_data_is_read_from_the_command_line(digits, tmp_path, capsys):
    data = ROOT / "models" / "caffe_digits_calib.npz"
    options = ("--ratio", 1.5, "--data", data, "--limit", 24, "--samples", 20, "--forms", "spatial,gemm")
    assert lowrank(digits, tmp_path / "small.onnx", *options, "-v") == 0
    assert "spatial, rank" in capsys.readouterr().out


def test_standard_output_takes_the_model(digits, tmp_path):
    command = [sys.executable, "-m", "planish", "rewrite", "--pass", "exact", digits, "-o", "-"]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=True)
    onnx.checker.check_model(onnx.load_from_string(done.stdout))
    assert b"MACs" in done.stderr


BAD = {
    "ratio below one": (("--ratio", 0.5), "must be 1 or more"),
    "ratio no number": (("--ratio", "nan"), "must be 1 or more"),
    "ratio out of reach": (("--ratio", 500), "can be divided by at most"),
    "two goals": (("--ratio", 2, "--speedup", 2), "two goals"),
    "plan and ratio": (("--ratio", 2, "--layer", "ip1", "--rank", 3), "contradicts"),
    "layer without rank": (("--layer", "ip1"), "go together"),
    "no such layer": (("--layer", "conv2_3", "--rank", 4), "no layer 'conv2_3'; did you mean 'conv2_"),
    "rank too large": (("--layer", "ip1", "--rank", 4000), "above its full rank"),
    "no such plan": (("--plan", "none.json"), "cannot be read"),
    "no such form": (("--forms", "spatiel"), "did you mean 'spatial'"),
    "sensitivity without data": (("--ranks", "sensitivity"), "give --data"),
    "no such target": (("--target", "onnxrunime"), "did you mean 'onnxruntime'"),
    "no such data": (("--data", "nowhere/"), "nowhere"),
    "bad input shape": (("--input-shape", "data"), "must be like"),
    "unknown input": (("--input-shape", "dta=1,1,32,32"), "did you mean 'data'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_refused_and_nothing_is_written(digits, tmp_path, capsys, case):
    options, message = BAD[case]
    assert lowrank(digits, tmp_path / "small.onnx", *options) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.iterdir())


def test_bad_files_are_refused(digits, tmp_path, capsys):
    half = tmp_path / "half.onnx"
    half.write_bytes(digits.read_bytes()[:400_000])
    (tmp_path / "text.onnx").write_text("layer { name: 'conv1' }")
    for model, output, message in (
        (tmp_path / "none.onnx", tmp_path / "out.onnx", "no such file"),
        (half, tmp_path / "out.onnx", "was it cut short"),
        (tmp_path / "text.onnx", tmp_path / "out.onnx", "not a readable ONNX model"),
        (digits, digits, "is the input itself"),
        (digits, tmp_path / "no" / "out.onnx", "does not exist"),
        (digits, tmp_path, "is a folder"),
    ):
        assert lowrank(model, output) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()


def test_wrong_arguments_exit_with_two(digits, capsys):
    assert run("rewrite", digits) == 2
    assert run("rewrit") == 2
    assert "did you mean 'rewrite'" in capsys.readouterr().err
    assert run("rewrite", "--pass", "lowrnk", digits, "-o", "x.onnx") == 2
    assert "did you mean 'lowrank'" in capsys.readouterr().err


def test_control_c_leaves_nothing_behind(digits, tmp_path, start_interruptible):
    code = (
        "import sys, time, planish.passes.lowrank.pair as pair; from planish.commands import main\n"
        "def stall(*_): print('stalled', flush=True); time.sleep(60)\n"
        "pair.Pair.factorize = stall\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["rewrite", "--pass", "lowrank", str(digits), "-o", str(tmp_path / "out.onnx")]
    process = start_interruptible([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
    assert process.stdout.readline() == "stalled\n"
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.strip() == "planish: interrupted; nothing was written"
    assert not list(tmp_path.iterdir())


def test_inspect_shows_layers_and_totals(digits, capsys):
    assert run("inspect", digits) == 0
    shown = capsys.readouterr().out
    assert "conv2_2" in shown
    assert "32,742,016" in shown
    assert run("inspect", "--json", digits) == 0
    document = json.loads(capsys.readouterr().out)
    assert sum(layer["macs"] for layer in document["layers"]) == document["macs"] == 32_742_016
    assert run("inspect", digits.with_name("none.onnx")) == 2


def test_a_plan_of_several_passes_refits_byte_for_byte(digits, tmp_path, capsys):
    data = ("--data", ROOT / "models" / "caffe_digits_calib.npz", "--limit", 24)
    plan, wrong = tmp_path / "plan.json", tmp_path / "wrong.json"
    names = ("rewrite", "--pass", "lowrank,quantize", "--fast", digits, *data)
    assert run(*names, "-o", tmp_path / "a.onnx", "--ratio", 1.5, "--save-plan", plan, "--no-cache") == 0
    assert [one["pass"] for one in json.loads(plan.read_text())["plans"]] == ["lowrank", "quantize"]
    assert run(*names, "-o", tmp_path / "b.onnx", "--plan", plan) == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert run("rewrite", "--pass", "prune", digits, *data, "-o", tmp_path / "c.onnx", "--plan", plan) == 2
    assert "no plan for the pass 'prune', only for lowrank, quantize" in capsys.readouterr().err
    layers = {"conv9": {"form": "spatial", "rank": 4}, "ip1": {"form": "gemm", "rank": 9999}}
    wrong.write_text(json.dumps({"planish_plan": 1, "layers": layers}))
    assert lowrank(digits, tmp_path / "c.onnx", "--plan", wrong) == 2
    message = capsys.readouterr().err
    assert "no layer 'conv9'" in message and "'ip1'" in message and "9999" in message
    assert not (tmp_path / "c.onnx").exists()
