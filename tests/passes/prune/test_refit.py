"""Every layer behind a change is fitted anew: depthwise ones, too, and through PReLU."""

import numpy as np
import pytest
from planish.files import as_parts
from planish.passes.base import Result
from planish.passes.graph import to_graph, to_parts
from planish.passes.prune.measuring import measure
from planish.passes.prune.network import look
from planish.passes.prune.removal import remove_and_fit
from planish.passes.statistics import Sampling
from planish.runtime_check.session import Session

NET = """g (float[n,3,9,11] x) => (float[n,20,5,6] y) {
  a = Conv <pads=[1,1,1,1]> (x, wa, ba)
  ar = PRelu (a, slopes)
  d = Conv <pads=[1,1,1,1], group=16> (ar, wd, bd)
  dr = PRelu (d, slopes)
  b = Conv (dr, wb, bb)
  br = PRelu (b, others)
  c = Conv <pads=[1,1,1,1], group=20, strides=[2,2]> (br, wc, bc)
  cr = PRelu (c, others)
  y = Identity (cr)
}"""
SAMPLING = Sampling(samples=30)


@pytest.fixture
def model(make_model, rng):
    shapes = {"wa": (16, 3, 3, 3), "wd": (16, 1, 3, 3), "wb": (20, 16, 1, 1), "wc": (20, 1, 3, 3)}
    weights = {name: rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])) for name, shape in shapes.items()}
    biases = {f"b{name[1:]}": rng.uniform(-0.2, 0.2, len(weight)) for name, weight in weights.items()}
    slopes = {"slopes": rng.uniform(0, 0.4, (16, 1, 1)), "others": rng.uniform(0, 0.4, (20, 1, 1))}
    arrays = {**weights, **biases, **slopes}
    return make_model(NET, **{name: array.astype(np.float32) for name, array in arrays.items()})


def test_a_depthwise_layer_makes_up_for_what_it_is_fed(model, rng):
    smooth = rng.standard_normal((120, 3, 3, 4)).repeat(3, axis=2).repeat(3, axis=3)
    images = smooth[..., :11].astype(np.float32)
    batches = [{"x": images[i : i + 10]} for i in range(0, 80, 10)]
    errors = []
    for left_out in ("nothing", "c"):
        graph = to_graph(as_parts(model))
        network = look(graph, Result())
        statistics = dict(measure(network, batches, SAMPLING, probed=False).statistics)
        statistics.pop(left_out, None)
        remove_and_fit(network, network.groups[0].classes[:4].tolist(), statistics, batches, SAMPLING)
        layers = {node.name: node.inputs[1].shape for node in graph.nodes if node.op == "Conv"}
        assert (tuple(layers["d"]), tuple(layers["c"])) == ((12, 1, 3, 3), (20, 1, 3, 3))
        wanted, got = (Session(m).run({"x": images[80:]})["y"] for m in (model, to_parts(graph)))
        errors.append(np.square(wanted - got).sum() / np.square(wanted - wanted.mean(axis=0)).sum())
    assert errors[0] < 0.97 * errors[1]
