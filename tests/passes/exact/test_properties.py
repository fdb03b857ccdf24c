"""Every rule on random nets around its pattern: alone and with all others in any order, with optimizations off.

PLANISH_EXAMPLES=500 makes it thorough; by default there are few examples.
"""

import dataclasses
import math
import os

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planish.files import as_parts
from planish.passes.exact import Exact
from planish.passes.exact.exact import RULES
from planish.passes.exact.rule import Rewrite
from planish.passes.graph import to_graph, to_parts
from planish.runtime_check.session import Session

from . import patterns, target_patterns
from .nets import PATTERNS

assert {rule.name for rule in RULES} == PATTERNS.keys(), (patterns.__file__, target_patterns.__file__)
EXAMPLES = int(os.environ.get("PLANISH_EXAMPLES", "6"))
TOLERANCE = 1e-4
"""Of the largest magnitude of an output."""


def forced(rule):
    """The rule, wherever it matches."""

    def match(node, scene):
        found = rule.match(node, scene)
        return dataclasses.replace(found, gain_ms=math.inf) if isinstance(found, Rewrite) else found

    return dataclasses.replace(rule, match=match, targets=None)


def rewritten(model, rules):
    parts = as_parts(model)
    graph = to_graph(parts)
    result = Exact(rules=rules).run(graph)
    return to_parts(graph, parts).to_model(), result


def check(model, feeds, rules):
    """Assert that `rules` change nothing but the time it takes; whether they changed anything."""
    after, result = rewritten(model, rules)
    onnx.checker.check_model(after, full_check=True)
    for side in ("input", "output"):
        assert [v.name for v in getattr(model.graph, side)] == [v.name for v in getattr(after.graph, side)]
    expected, got = Session(model).run(feeds), Session(after).run(feeds)
    for name, value in expected.items():
        assert got[name].shape == value.shape
        assert (np.isfinite(got[name]) == np.isfinite(value)).all(), name
        scale = np.abs(value[np.isfinite(value)]).max(initial=1e-30)
        np.testing.assert_allclose(got[name], value, rtol=0, atol=TOLERANCE * scale, err_msg=name)
    again, second = rewritten(after, rules)
    assert not second.changes, [(change.where, change.what) for change in second.changes]
    assert again == after
    return bool(result.changes)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_changes_no_output_and_nothing_the_second_time(rule):
    fired = []

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def search(data):
        net, result = PATTERNS[rule.name](data.draw)
        fired.append(check(net.model(result), net.feeds(), [forced(rule)]))

    search()
    assert any(fired), "no example made the rule do anything"


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_all_rules_together_in_any_order(name):
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def search(data):
        net, result = PATTERNS[name](data.draw)
        check(net.model(result), net.feeds(), data.draw(st.permutations([forced(rule) for rule in RULES])))

    search()
