"""Layers to keep go by the names of the model as it was given, whatever exact rewrites made of it."""

import numpy as np
import pytest
from planish.errors import PlanishError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.prune import Prune

NET = """g (float[n,3,9,11] x) => (float[n,7,9,11] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa)
  normal = BatchNormalization (a, scale, shift, mean, variance)
  r = Relu (normal)
  b = Conv (r, wb)
  s = Relu (b)
  y = Conv (s, wy)
}"""


@pytest.fixture
def model(make_model, rng):
    parameters = {name: rng.uniform(0.5, 1.5, 16).astype(np.float32) for name in ("scale", "shift", "mean", "variance")}
    made = make_model(NET, wa=(16, 3, 3, 3), wb=(20, 16, 1, 1), wy=(7, 20, 1, 1), **parameters)
    for node in made.graph.node:
        node.name = f"{node.output[0]}_node"
    return made


def pruned(model, kept):
    prune = Prune(goal=Goal("MACs", 1.2), protected=[kept], origin=as_parts(model), ends=True)
    return dict(rewrite(model, [prune]).results)["prune"]


@pytest.mark.parametrize("kept", ["a_node", "normal_node"])
def test_a_merged_layer_is_kept_with_what_it_was_merged_into(model, kept):
    result = pruned(model, kept)
    assert set(result.plan.layers) == {"b_node"}
    assert f"'{kept}'" in {skip.where: skip.why for skip in result.skips}["a_node"]


def test_what_is_no_layer_is_refused(model):
    with pytest.raises(PlanishError, match=r"'r_node' \(Relu\) is no layer that makes or mixes channels"):
        pruned(model, "r_node")
    with pytest.raises(PlanishError, match="no layer 'c_node'; did you mean"):
        pruned(model, "c_node")
