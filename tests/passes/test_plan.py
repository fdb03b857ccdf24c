"""Plans: written, read back, edited, and accnn's config.json."""

import json

import pytest
from planish.errors import OutputError, PlanError
from planish.passes.options import KEEP, Option
from planish.passes.plan import LayerPlan, Plan, find_plan, read_plans, write_plans


def test_what_is_written_is_read_back(tmp_path):
    plan = Plan({"a/b": LayerPlan("spatial", (12,), {"macs": [100, 50], "error": 0.25})}, {"ratio": 2.0})
    path = tmp_path / "plan.json"
    write_plans([plan], path)
    assert read_plans(path)[0] == plan
    assert json.loads(path.read_text())["layers"]["a/b"]["rank"] == 12
    assert len(path.read_text().splitlines()) == 7
    write_plans([Plan({})], path)
    assert read_plans(path)[0] == Plan({}, {})


def test_two_ranks_are_written_as_a_list(tmp_path):
    plan = Plan({"a": LayerPlan("tucker", (16, 48)), "b": LayerPlan("spatial", (16,))})
    write_plans([plan], tmp_path / "plan.json")
    assert read_plans(tmp_path / "plan.json") == (plan,)
    layers = json.loads((tmp_path / "plan.json").read_text())["layers"]
    assert layers == {"a": {"form": "tucker", "ranks": [16, 48]}, "b": {"form": "spatial", "rank": 16}}


def test_accnn_config_is_a_plan(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"conv_params": {"conv1_1": 5, "conv1_2": 24}, "fc_params": {"fc6": 512}}')
    assert read_plans(path)[0].layers == {
        "conv1_1": LayerPlan("spatial", (5,)),
        "conv1_2": LayerPlan("spatial", (24,)),
        "fc6": LayerPlan("gemm", (512,)),
    }
    path.write_text('{"conv_params": {"conv1_1": 5}}')
    assert list(read_plans(path)[0].layers) == ["conv1_1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[1]", "is no plan"),
        ("{}", "is no plan"),
        ('{"planish_plan": 2, "layers": {}}', "is no plan"),
        ('{"planish_plan": 1}', "no object of layer names"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "spatial"}}}', "layer 'a' needs a .rank. .a whole"),
        ('{"planish_plan": 1, "layers": {"a": {"form": "spatial", "rank": 0}}}', "layer 'a' needs a .rank. .a whole"),
        (
            '{"planish_plan": 1, "layers": {"a": {"form": "spatial", "rank": true}}}',
            "layer 'a' needs a .rank. .a whole",
        ),
        ('{"planish_plan": 1, "layers": {"a": {"form": "tucker", "ranks": []}}}', "layer 'a' needs a .rank. .a whole"),
        (
            '{"planish_plan": 1, "layers": {"a": {"form": "tucker", "ranks": [4, 0]}}}',
            "layer 'a' needs a .rank. .a whole",
        ),
        (
            '{"planish_plan": 1, "layers": {"a": {"form": "tucker", "ranks": [4], "rank": 4}}}',
            "layer 'a' needs a .rank. .a whole",
        ),
        ('{"planish_plan": 1, "layers": {"a": {"form": 3, "rank": 4}}}', "layer 'a' needs a .form."),
        ('{"planish_plan": 1, "layers": {"a": 3}}', "layer 'a' needs a .form."),
        ('{"planish_plan": 1, "layers": {}, "settings": []}', "must be an object"),
        ('{"planish_plan": 1, "layers": {}, "pass": 3}', "must be an object"),
        ('{"planish_plan": 1, "plans": 3}', "no list of plans"),
        ('{"planish_plan": 1, "plans": [3]}', "no list of plans"),
        ("[" * 100_000, "is no JSON"),
        ('{"conv_params": {"a": "x"}}', "must give a whole rank"),
        ('{"conv_params": [1]}', "must give a whole rank"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, text, message):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PlanError, match=message):
        read_plans(path)


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(PlanError, match="cannot be read"):
        read_plans(tmp_path / "none.json")
    with pytest.raises(OutputError, match="cannot be written"):
        write_plans([Plan({})], tmp_path / "no" / "plan.json")


def test_each_of_several_passes_finds_its_own_plan(tmp_path):
    made = [
        Plan({"a": LayerPlan("spatial", (16,))}, {"ratio": 2}, "lowrank"),
        Plan({"b": LayerPlan("int8", (8,)), "c": LayerPlan("int8", (8,))}, {}, "quantize"),
    ]
    write_plans(made, tmp_path / "plan.json")
    read = read_plans(tmp_path / "plan.json")
    assert list(read) == made
    assert find_plan(read, "quantize", "plan.json") == made[1]
    with pytest.raises(PlanError, match=r"plan.json: has no plan for the pass 'prune', only for lowrank, quantize"):
        find_plan(read, "prune", "plan.json")
    assert find_plan([Plan({})], "prune", "plan.json") == Plan({})


def test_every_layer_that_is_written_wrongly_is_named(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"planish_plan": 1, "layers": {"a": {"form": "spatial"}, "b": 3, "c": {"form": "x", "rank": 1}}}')
    with pytest.raises(PlanError, match=r"(?s)'a' needs a .rank..*'b' needs a .form.") as refusal:
        read_plans(path)
    assert "'c'" not in str(refusal.value)


def test_chosen_options_become_a_plan_with_costs_before_and_after():
    kept = [Option("a", KEEP, (0,), 100, 50, 2.0, 0.0, 0.0), Option("b", KEEP, (0,), 70, 9, 1.0, 0.0, 0.0)]
    chosen = [Option("a", "spatial", (16,), 40, 20, 0.87654321, 0.04, 0.02), kept[1]]
    plan = Plan.from_options(chosen, kept, {"ranks": "sensitivity"})
    facts = {"macs": [100, 40], "ms": [2.0, 0.8765], "error": 0.04, "sensitivity": 0.5}
    assert plan.layers == {"a": LayerPlan("spatial", (16,), facts)}
    assert "sensitivity" not in Plan.from_options(chosen, kept, {"ranks": "energy"}).layers["a"].facts
