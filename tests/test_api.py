"""The functions that `import planish` offers, from a Caffe net to a smaller, checked ONNX model."""

from pathlib import Path

import planish
import pytest
from planish.passes.budget import Goal
from planish.passes.lowrank import Lowrank

DATA = Path(__file__).parents[1] / "models" / "caffe_digits_eval.npz"


def test_every_public_name_is_there_and_others_are_not():
    for name in planish.__all__:
        assert getattr(planish, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'convrt'"):
        _ = planish.convrt


def test_convert_rewrite_write_and_check(tmp_path):
    parts = planish.convert("caffe_digits")
    passes = [Lowrank(goal=Goal("MACs", 1.5))]
    small = planish.rewrite(parts, passes)
    planish.write_model(parts, tmp_path / "a.onnx")
    planish.write_model(small.parts, tmp_path / "b.onnx")
    assert planish.plan(parts, passes) == small.plans == (dict(small.results)["lowrank"].plan,)
    result = planish.check(tmp_path / "a.onnx", tmp_path / "b.onnx", data=DATA, limit=100, latency_seconds=0)
    assert result.passed
    assert small.before.macs() / small.after.macs() >= 1.5


def test_a_source_that_is_none_is_refused():
    with pytest.raises(planish.PlanishError, match="did you mean 'caffe_digits'"):
        planish.convert("caffe_digit")
    with pytest.raises(planish.PlanishError, match="none of the passes makes a plan"):
        planish.plan(planish.convert("caffe_digits"), [])
