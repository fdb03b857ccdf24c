"""The table of runtimes; those that are not installed are left out."""

import importlib.util
import sys

import numpy as np
import onnx
import pytest
from planish.errors import MissingExtraError, ModelError
from planish.runtime_check.check import check
from planish.runtime_check.runtimes import table
from planish.runtime_check.runtimes.table import RuntimeRow, try_runtimes

MODULES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "mnn": "MNN", "ncnn": "ncnn", "opencv": "cv2"} | {
    "litert": "ai_edge_litert"
}
FEEDS = {"data": np.random.default_rng(0).standard_normal((1, 3, 6, 10)).astype(np.float32)}


@pytest.fixture
def path(classifier, tmp_path):
    onnx.save(classifier(), tmp_path / "a.onnx")
    return str(tmp_path / "a.onnx")


def installed(name):
    modules = [MODULES[name], *{"ncnn": ["pnnx"], "litert": ["onnx2tf"]}.get(name, [])]
    return all(importlib.util.find_spec(module) for module in modules)


@pytest.mark.parametrize("name", MODULES)
def test_every_runtime_agrees(path, name):
    if not installed(name):
        pytest.skip(f"the runtime {name} is not installed")
    (row,) = try_runtimes([name], [path], [FEEDS], seconds=0.01)
    assert row.problem == ""
    assert row.agrees
    assert row.version[0].isdigit()
    assert min(row.load_ms, row.cpu_ms, row.wall_ms, row.peak_mb) > 0


def test_runtime_that_is_not_installed_names_the_extra(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'planish\[openvino\]'"):
        try_runtimes(["openvino"], [path], [FEEDS])


def test_unknown_runtime(path):
    with pytest.raises(ModelError, match="no runtime 'openvin'; did you mean 'openvino'"):
        try_runtimes(["openvin"], [path], [FEEDS])


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("kill -SEGV $$", "crashed (SIGSEGV)"),
        ("sleep 20", "not done after 0.3 s"),
        ("echo some reason >&2; exit 3", "ended with 3: some reason"),
    ],
)
def test_runtime_that_crashes_is_a_result(path, tmp_path, monkeypatch, program, problem):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/bash\n{program}\n")
    script.chmod(0o755)
    monkeypatch.setattr(table.sys, "executable", str(script))
    (row,) = try_runtimes(["onnxruntime"], [path], [FEEDS], time_limit=0.3)
    assert row == RuntimeRow("onnxruntime", "", path, problem)


def test_modules_of_the_working_folder_are_not_pythons(path, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    (row,) = try_runtimes(["onnxruntime"], [path], [FEEDS], seconds=0)
    assert row.agrees


def test_memory_is_the_runtimes_own(path):
    held = np.ones(60_000_000)  # 480 MB in this process are none of the worker's
    (row,) = try_runtimes(["onnxruntime"], [path], [FEEDS], seconds=0.01)
    assert 20 < row.peak_mb < 400 < held.nbytes / 1e6


def test_wrong_outputs_are_told(tmp_path, path):
    wanted = {"scores": np.ones((1, 7), np.float32)}
    np.savez(tmp_path / "o.npz", np.ones((1, 8)))
    assert table._compare([wanted], tmp_path / "o.npz") == (None, "output 'scores' has the shape (1, 8), not (1, 7)")
    np.savez(tmp_path / "o.npz", np.full((1, 7), np.nan))
    assert table._compare([wanted], tmp_path / "o.npz") == (None, "output 'scores' is NaN or infinite")
    np.savez(tmp_path / "o.npz", np.full((7,), 1.01, np.float32))
    sqnr, problem = table._compare([wanted], tmp_path / "o.npz")
    assert (round(sqnr), problem) == (40, "")
    assert not RuntimeRow("r", "1", path, "", sqnr).agrees
    assert RuntimeRow("r", "1", path, "", sqnr, quantized=True).agrees
    np.savez(tmp_path / "o.npz", np.ones((1, 7)), np.full((1, 7), 1.01))
    sqnr, _ = table._compare([wanted, wanted], tmp_path / "o.npz")
    assert round(sqnr) == 43  # half of the samples are right


def test_a_crash_after_the_start_keeps_the_version(path, tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text('#!/bin/bash\necho -n 7.8.9 > $(dirname "${@: -1}")/version; kill -ABRT $$\n')
    script.chmod(0o755)
    (row,) = try_runtimes([f"onnxruntime@{script}"], [path], [FEEDS])
    assert (row.problem, row.version) == ("crashed (SIGABRT)", "7.8.9")


def test_another_environments_runtime(path):
    (row,) = try_runtimes([f"onnxruntime@{sys.executable}"], [path], [FEEDS], seconds=0.01)
    assert row.agrees
    assert row.runtime == f"onnxruntime@{sys.executable}"
    with pytest.raises(ModelError, match="there is no /no/python"):
        try_runtimes(["onnxruntime@/no/python"], [path], [FEEDS])
    with pytest.raises(ModelError, match="no runtime 'x'"):
        try_runtimes([f"x@{sys.executable}"], [path], [FEEDS])


def test_rows_stand_in_the_result(path, classifier):
    result = check(path, path, latency_seconds=0, runtimes=["onnxruntime"])
    assert [row.runtime for row in result.runtimes] == ["onnxruntime"] * 2
    with pytest.raises(ModelError, match="other runtimes read models from files"):
        check(classifier(), latency_seconds=0, runtimes=["onnxruntime"])
