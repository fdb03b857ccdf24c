"""Every ratio is really carried out: its figures are those of the rewrite itself."""

import json

import pytest
from planish.passes.budget import Goal
from planish.passes.drop import Judge
from planish.passes.graph import to_graph
from planish.passes.options import KEEP, Option
from planish.passes.rewrite import rewrite
from planish.passes.survey.measuring import sensitivity
from planish.runtime_check.cost import count


def test_points_are_what_rewrite_gives(found, digits, halves, step):
    exact, point = found.points
    assert (exact.ratio, point.ratio) == (1.0, 1.8)
    assert exact.plan.layers == {} and exact.drop.points == 0
    rewritten = rewrite(digits, [step.with_goal(Goal("MACs", 1.8))])
    assert point.plan.layers == rewritten.plans[0].layers
    assert point.mac_ratio == pytest.approx(count(digits).macs() / count(rewritten.parts).macs())
    assert point.size_ratio == pytest.approx(count(digits).bytes() / count(rewritten.parts).bytes())
    drop = Judge(to_graph(digits), halves[1].batches())(to_graph(rewritten.parts))
    assert point.drop == drop and drop.samples == found.samples == 16
    assert 0.5 < point.speedup.low <= point.speedup.median <= point.speedup.high


def test_ratios_out_of_reach_are_told(found):
    assert list(found.unreached) == [500.0]
    assert "out of reach" in found.unreached[500.0]


def test_the_document_names_layers_options_and_choices(found):
    document = json.loads(json.dumps(found.to_dict()))
    assert set(document["layers"]) == {offer[0].layer for offer in found.offers} >= {"conv2_2", "conv3_2"}
    conv = document["layers"]["conv2_2"]
    assert conv["sensitivity"] > 0 and {one["form"] for one in conv["options"]} == {"spatial"}
    ranks = [one["ranks"][0] for one in conv["options"]]
    errors = [one["error"] for one in conv["options"]]
    assert ranks == sorted(ranks) and errors == sorted(errors, reverse=True) and KEEP not in ranks
    point = document["points"][1]
    assert point["ratio"] == 1.8 and all(layer["ranks"] for layer in point["layers"].values())


def test_sensitivity_is_the_loss_at_one_percent_of_error():
    kept = Option("a", KEEP, (0,), 100, 10, 1.0, 0.0, 0.0)
    options = [Option("a", "spatial", (4,), 50, 5, 0.5, e, 0.3 * e**1.5) for e in (0.1, 0.03, 0.001)]
    assert sensitivity([kept, *options]) == pytest.approx(0.3 * 0.01**1.5)
    assert sensitivity([kept, options[0]]) == pytest.approx(options[0].loss)
    assert sensitivity([kept]) == 0
