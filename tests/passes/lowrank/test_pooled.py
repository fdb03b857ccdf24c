"""A pointwise convolution before a mean, computed on the mean."""

import numpy as np
import onnx
import pytest
from planish.errors import PlanError
from planish.files import as_parts
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.graph import to_graph, to_parts
from planish.passes.layers import list_layers
from planish.passes.lowrank import Lowrank
from planish.passes.lowrank.fitting import plan_for_layer
from planish.passes.lowrank.pooled import PooledLayer
from planish.passes.statistics import Sampling, gather
from planish.runtime_check.cost import infer_shapes
from planish.runtime_check.session import Session

ALL_POSITIONS = 1000
CHANNELS, CLASSES = 24, 32


def network(rng, activation="Relu", shift=0.0, mean="GlobalAveragePool (r)"):
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (float[n,3,10,14] x) => (float[n,m,i,j] y) '
        f"{{ f = Conv <pads=[1,1,1,1]> (x, u) h = Relu (f) c = Conv (h, w, b) r = {activation} (c) y = {mean} }}"
    )
    model = onnx.parser.parse_model(text)
    values = {
        "u": rng.standard_normal((CHANNELS, 3, 3, 3)),
        "w": rng.standard_normal((CLASSES, CHANNELS, 1, 1)) / CHANNELS,
        "b": shift + rng.standard_normal(CLASSES) / 8,
    }
    model.graph.initializer.extend(onnx.numpy_helper.from_array(v.astype(np.float32), k) for k, v in values.items())
    return model


def images(rng, batches=4):
    return [{"x": rng.standard_normal((4, 3, 10, 14)).astype(np.float32)} for _ in range(batches)]


def outputs(parts, feeds):
    return np.concatenate([Session(parts.to_model(), optimizations="none").run(f)["y"] for f in feeds])


def pooled(model, feeds):
    rewritten = rewrite(model, [Lowrank(plan=plan_for_layer("c", (1,)), forms=["pooled"], batches=feeds)], exact=False)
    assert [change.where for change in dict(rewritten.results)["lowrank"].changes] == ["c"]
    return rewritten


def test_nothing_is_lost_where_all_channels_stay_on_one_side(rng):
    model, feeds = network(rng, shift=20.0), images(rng)
    rewritten = pooled(model, feeds)
    np.testing.assert_allclose(outputs(rewritten.parts, feeds), outputs(as_parts(model), feeds), rtol=1e-5)
    assert [n.op_type for n in rewritten.parts.model.graph.node][2:4] == ["GlobalAveragePool", "Conv"]
    assert rewritten.before.macs() - rewritten.after.macs() == CHANNELS * CLASSES * (10 * 14 - 1)


@pytest.mark.parametrize("activation", ["Relu", "LeakyRelu <alpha=0.3>", "Identity"])
def test_the_error_told_is_that_of_the_mean(rng, activation):
    model, feeds = network(rng, activation), images(rng)
    if activation == "Identity":
        model.graph.node[4].input[0] = "c"
        del model.graph.node[3]
    graph = to_graph(as_parts(model))
    layer = list_layers(graph, infer_shapes(to_parts(graph)), "all")[0][1]
    statistics = gather(graph, [layer], feeds, Sampling(samples=ALL_POSITIONS))["c"]
    wanted, got = outputs(as_parts(model), feeds), outputs(pooled(model, feeds).parts, feeds)
    measured = np.square(wanted - got).sum() / np.square(wanted).sum()
    assert PooledLayer(layer, statistics).errors([(1,)])[0] == pytest.approx(measured, rel=1e-3, abs=1e-9)
    assert (measured > 1e-4) == (activation != "Identity")


def test_the_goal_chooses_it_where_it_loses_least(rng):
    model, feeds = network(rng, shift=1.0), images(rng, 8)
    rewritten = rewrite(model, [Lowrank(goal=Goal("MACs", 1.5), batches=feeds)], exact=False)
    assert {name: planned.form for name, planned in next(iter(rewritten.plans)).layers.items()} == {"c": "pooled"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"activation": "Sigmoid"}, "more of its output counts than the mean"),
        ({"mean": "GlobalMaxPool (r)"}, "more of its output counts than the mean"),
        ({"mean": "MaxPool <kernel_shape=[2,2]> (r)"}, "more of its output counts than the mean"),
    ],
)
def test_other_layers_do_not_take_it(rng, changes, why):
    with pytest.raises(PlanError, match=why):
        pooled(network(rng, **changes), images(rng))


def test_larger_kernels_do_not_take_it(rng):
    with pytest.raises(PlanError, match="more than mix channels"):
        rewrite(network(rng), [Lowrank(plan=plan_for_layer("f", (1,)), forms=["pooled"])], exact=False)


def test_without_data_nobody_knows_what_it_loses(rng):
    skips = dict(rewrite(network(rng), [Lowrank(goal=Goal("MACs", 1.0), forms=["pooled"])]).results)["lowrank"].skips
    assert "shows on calibration data only" in {skip.where: skip.why for skip in skips}["c"]
