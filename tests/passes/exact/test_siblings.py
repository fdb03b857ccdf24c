"""Sibling convolutions as one."""

import dataclasses

from planish.passes.exact.siblings import RULE

NET = """g (float[n,4,9,7] x) => (float[n,3,9,7] y, float[n,5,9,7] z) {
  a = Conv (x, u, b) y = Relu (a) c = Conv (x, w) z = Relu (c) }"""
WEIGHTS = {"u": (3, 4, 1, 1), "b": (3,), "w": (5, 4, 1, 1)}


def test_they_become_one_convolution_and_a_split(make_model, assert_same, apply_rules):
    model = make_model(NET, **WEIGHTS)
    after, _ = apply_rules(model, dataclasses.replace(RULE, targets=None))
    assert [node.op_type for node in after.graph.node] == ["Conv", "Split", "Relu", "Relu"]
    assert_same(model, after)


def test_no_runtime_gains_so_they_stay(make_model, apply_rules):
    _, result = apply_rules(make_model(NET, **WEIGHTS), RULE)
    assert not result.changes
    assert result.skips[0].why == "siblings: would not make onnxruntime faster"
