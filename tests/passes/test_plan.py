"""Plans: written, read back, edited, and accnn's config.json."""

import json

import pytest
from planish.errors import OutputError, PlanError
from planish.passes.plan import LayerPlan, Plan, read_plan


def test_what_is_written_is_read_back(tmp_path):
    plan = Plan({"a/b": LayerPlan("spatial", (12,), {"macs": [100, 50], "error": 0.25})}, {"ratio": 2.0})
    path = tmp_path / "plan.json"
    plan.write(path)
    assert read_plan(path) == plan
    assert json.loads(path.read_text())["layers"]["a/b"]["rank"] == 12
    assert len(path.read_text().splitlines()) == 7
    Plan({}).write(path)
    assert read_plan(path) == Plan({}, {})


def test_two_ranks_are_written_as_a_list(tmp_path):
    plan = Plan({"a": LayerPlan("tucker", (16, 48)), "b": LayerPlan("spatial", (16,))})
    plan.write(tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    layers = json.loads((tmp_path / "plan.json").read_text())["layers"]
    assert layers == {"a": {"form": "tucker", "ranks": [16, 48]}, "b": {"form": "spatial", "rank": 16}}


def test_accnn_config_is_a_plan(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"conv_params": {"conv1_1": 5, "conv1_2": 24}, "fc_params": {"fc6": 512}}')
    assert read_plan(path).layers == {
        "conv1_1": LayerPlan("spatial", (5,)),
        "conv1_2": LayerPlan("spatial", (24,)),
        "fc6": LayerPlan("gemm", (512,)),
    }
    path.write_text('{"conv_params": {"conv1_1": 5}}')
    assert list(read_plan(path).layers) == ["conv1_1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[1]", "is no plan"),
        ("{}", "is no plan"),
        ('{"planish_plan": 2, "layers": {}}', "is no plan"),
        ('{"planish_plan": 1}', "no object of layer names"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "spatial"}}}', "layer 'a' needs a form"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "spatial", "rank": 0}}}', "layer 'a' needs a form"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "spatial", "rank": true}}}', "layer 'a' needs a form"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "tucker", "ranks": []}}}', "layer 'a' needs a form"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "tucker", "ranks": [4, 0]}}}', "layer 'a' needs a form"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "tucker", "ranks": [4], "rank": 4}}}', "layer 'a' needs a form"),
        ('{"planish_plan": 1, "layers": {"a": {"form": 3, "rank": 4}}}', "layer 'a' needs a form"),
        ('{"conv_params": {"a": "x"}}', "must give a whole rank"),
        ('{"conv_params": [1]}', "must give a whole rank"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, text, message):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PlanError, match=message):
        read_plan(path)


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(tmp_path / "none.json")
    with pytest.raises(OutputError, match="cannot be written"):
        Plan({}).write(tmp_path / "no" / "plan.json")
