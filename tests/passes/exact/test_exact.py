"""The pass as a whole: measuring, targets, symbolic batch, rules at their own two times."""

from pathlib import Path

import numpy as np
import pytest
from planish.errors import PlanishError
from planish.passes import rewrite
from planish.passes.base import Pass, Result
from planish.passes.budget import Goal
from planish.passes.exact import Exact
from planish.passes.exact.exact import RULES
from planish.passes.targets import find_target

from . import patterns, target_patterns

NET = """g (float[n,8,30,20] x) => (float[n,8,30,20] y) {
  a = Conv (x, u) b = Mul (a, s) l = LRN <size=5, alpha=0.01> (b) y = Conv (l, w) }"""


@pytest.fixture
def model(make_model):
    return make_model(NET, u=(8, 8, 1, 1), s=(8, 1, 1), w=(8, 8, 1, 1))


def test_measuring_keeps_what_is_faster_and_says_what_is_not(model, assert_same):
    after = rewrite(model, [Exact(measured=True)])
    changes = {change.what.partition(":")[0] for change in dict(after.results)["exact"].changes}
    assert {"fold_affine", "lrn"} <= changes  # LRN is ten times slower than what replaces it: no noise hides that
    assert_same(model, after.parts.to_model())


def test_measuring_needs_sizes_and_the_runtime_at_hand(make_model, model):
    with pytest.raises(PlanishError, match="measured on onnxruntime only, not on ncnn"):
        rewrite(model, [Exact(target=find_target("ncnn"), measured=True)])
    text = "g (float[n,8,h,w] x) => (float[n,8,h,w] y) { y = LRN <size=5> (x) }"
    with pytest.raises(PlanishError, match="give --input-shape x=1,3,224,224"):
        rewrite(make_model(text), [Exact(measured=True)])
    given = {"x": (1, 8, 30, 20)}
    assert rewrite(make_model(text), [Exact(measured=True, input_shapes=given)], given).results[0][1].changes


def test_the_batch_stays_symbolic_and_any_batch_runs(model, outputs_of):
    after = rewrite(model, []).parts.to_model()
    assert after.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    for batch in (1, 3):
        before, got = outputs_of(model, after, batch=batch)
        np.testing.assert_allclose(got["y"], before["y"], rtol=0, atol=1e-5 * np.abs(before["y"]).max())


def test_other_passes_see_folded_layers_and_whole_normalizations(model):
    seen = []

    class Look(Pass):
        name = "look"
        exact = True

        def run(self, graph):
            seen.extend(node.op for node in graph.nodes)
            return Result()

    after = rewrite(model, [Look()])
    assert seen == ["Conv", "LRN", "Conv"]
    assert "LRN" not in [node.op_type for node in after.parts.model.graph.node]
    assert [name for name, _ in after.results] == ["exact", "look"]


def test_without_it_nothing_is_done(model):
    after = rewrite(model, [], exact=False)
    assert [node.op_type for node in after.parts.model.graph.node] == ["Conv", "Mul", "LRN", "Conv"]
    assert not after.results


@pytest.mark.parametrize(("unit", "padded"), [("MACs", False), ("parameters", False), ("ms", True)])
def test_a_promised_count_is_kept(make_model, unit, padded):
    width = find_target("onnxruntime").block + 3

    class Promise(Pass):
        name = "promise"
        exact = True
        goal = Goal(unit, 2.0)

        def run(self, graph):
            return Result()

    model = make_model(
        "g (float[n,64,28,28] x) => (float[n,64,14,14] y) { a = Conv (x, u) "
        "p = MaxPool <kernel_shape=[2,2], strides=[2,2]> (a) y = Conv (p, w) }",
        u=(width, 64, 1, 1),
        w=(64, width, 1, 1),
    )
    after = rewrite(model, [Promise()])
    assert (after.after.macs() > after.before.macs()) == padded
    assert bool(dict(after.results)["exact"].changes) == padded


def test_every_rule_is_documented_and_tested():
    folder = Path(__file__).parent
    table = (folder.parents[2] / "docs/exact.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"\n| `{rule.name}` |" in table
        assert (folder / f"test_{rule.name}.py").is_file()
        assert hasattr(target_patterns if rule.targets is not None else patterns, rule.name)
