"""`planish calibrate-target` keeps what it measured for `--target`; two networks stand for the many it times."""

import json

import pytest
from planish.commands import main
from planish.commands.calibrate_target import unit_of
from planish.passes.targets import calibrate, find_target
from planish.passes.targets.calibration_nets import chain


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PLANISH_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def few_nets(monkeypatch):
    monkeypatch.setattr(calibrate, "convolution_nets", lambda: {"3x3": chain([32, 48], 14)})
    monkeypatch.setattr(calibrate, "operator_nets", lambda: {"1x1": chain([16, 16], 7, (1, 1))})


def test_what_was_measured_is_kept_and_found(cache, few_nets, capsys):
    assert find_target("onnxruntime").source == "built-in defaults"
    assert main(["calibrate-target", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["target"] == "onnxruntime"
    assert [net["network"] for net in document["networks"]] == ["3x3", "1x1"]
    assert max(document["coefficients"].values()) > 0
    target = find_target("onnxruntime")
    assert target.source == "measured on this machine, 1 thread"
    assert target.coefficients["conv_gflop"] == document["coefficients"]["conv_gflop"]
    assert find_target("onnxruntime", threads=2).source == "built-in defaults"


def test_the_table_names_units_and_errors(cache, few_nets, capsys):
    assert main(["calibrate-target", "-v"]) == 0
    printed = capsys.readouterr().out
    for fact in ("conv_gflop", "ms per GFLOP", "2 networks: mean error", "1x1", str(cache)):
        assert fact in printed


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["--target", "ncn"], "did you mean 'ncnn'?"),
        (["--target", "generic"], "is no runtime that could be measured"),
        (["--threads", "0"], "--threads"),
    ],
)
def test_what_cannot_be_measured_is_refused(cache, arguments, fact, capsys):
    assert main(["calibrate-target", *arguments]) == 2
    assert fact in capsys.readouterr().err
    assert not list(cache.rglob("*"))


@pytest.mark.parametrize(
    ("coefficient", "unit"),
    [
        ("3x3@64x28", "GFLOP/s"),
        ("op:LRN", "ns per element"),
        ("im2col_gflop", "ms per GFLOP"),
        ("op_gb", "ms per GB"),
        ("depthwise_krows", "ms per 1000 rows"),
        ("nodes", "ms per node"),
    ],
)
def test_every_coefficient_has_a_unit(coefficient, unit):
    assert unit_of(coefficient) == unit
