"""The rows and sentences that every form of the report shows."""

from dataclasses import replace

import numpy as np
import pytest
from planish.runtime_check.check import check
from planish.runtime_check.report.markdown import to_markdown
from planish.runtime_check.report.summary import (
    columns,
    rows,
    runtime_problems,
    runtime_rows,
    stage_rows,
    statements,
    title,
)
from planish.runtime_check.result import figures
from planish.runtime_check.runtimes import RuntimeRow
from planish.runtime_check.stages import Stage, StageCost


@pytest.fixture
def labelled(tmp_path, rng):
    x = rng.standard_normal((30, 3, 6, 10)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=rng.integers(0, 7, 30))
    return tmp_path / "d.npz"


def test_one_model_has_values_two_have_ratios(classifier, labelled):
    one = check(classifier(), data=labelled, latency_seconds=0.01)
    two = check(classifier(), classifier(), data=labelled, latency_seconds=0.01)
    assert {len(row) for row in rows(one)} == {len(columns(one))} == {2}
    assert {len(row) for row in rows(two)} == {len(columns(two))} == {4}
    assert title(two) == "classifier -> classifier"
    assert {row[0]: row[3] for row in rows(two)}["MACs"] == "1.00"


def test_equal_models_are_called_equal(classifier, labelled):
    said = statements(check(classifier(), classifier(), data=labelled, latency_seconds=0))
    assert said == [
        "30 samples of d.npz",
        "task: classification, by the output 'scores' (a guess; --task says otherwise)",
        "top-1 accuracy: no measurable loss: not one of 30 samples differs",
        "top-5 accuracy: no measurable loss: not one of 30 samples differs",
        "layers: all tensors of both models agree to 80 dB",
        "onnxruntime's optimizations change nothing but the rounding",
    ]


def test_optimizations_that_change_the_outputs_are_told(classifier):
    result = check(classifier(), latency_seconds=0)
    assert not result.differs_when_deployed
    worse = replace(result, deployed=(replace(result.deployed[0], sqnr_db=33.3),))
    assert worse.differs_when_deployed
    assert "optimizations change the output 'scores' of classifier: SQNR 33.3 dB" in statements(worse)[-1]


def test_long_reasons_stand_below_the_table_of_runtimes(full_result):
    why = (
        "the runtime x needs the Python package 'x', which is not installed; install it with: pip install 'planish[x]'"
    )
    rows = (
        *full_result.runtimes,
        RuntimeRow("x", "", full_result.models[0].name, why, missing=True),
        RuntimeRow("x", "", full_result.models[1].name, why, missing=True),
        RuntimeRow("y", "2", full_result.models[1].name, "Error: something long in a file far away"),
    )
    result = replace(full_result, runtimes=rows)
    assert [row[2] for row in runtime_rows(result)][1:] == [
        "crashed (SIGSEGV)", "not installed", "not installed", "fails, see below",
    ]  # fmt: skip
    assert runtime_problems(result) == [f"x: {why}", "y, small.onnx: Error: something long in a file far away"]
    assert "pip install 'planish\\[x\\]'" in to_markdown(result)
    assert figures(result)["max_runtime_failures"] == 2


def test_stages_show_what_changed(full_result):
    found = {row[0]: row[1:] for row in stage_rows(full_result)}
    assert found["fc"][:3] == ("Gemm", "0.00", "0.0")
    (conv,) = (row for name, row in found.items() if "script" in name)
    assert conv[:3] == ("Conv", "0.00", "0.1")
    costs = StageCost(("Conv",), 2_000_000, 500, 1.5), StageCost(("Conv", "Conv"), 1_000_000, 500, 0.75)
    changed = replace(full_result, stages=(Stage("conv", costs),))
    assert stage_rows(changed) == [("conv", "Conv -> 2 Conv", "2.00 -> 1.00", "0.5", "1.500 -> 0.750")]
