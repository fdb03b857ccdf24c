import numpy as np
import pytest
from planish.passes.graph import to_parts
from planish.passes.quantize.grid import activation_grid
from planish.passes.quantize.placement import place
from planish.passes.quantize.ties import Steps, step_between, untie_grids, untied_scales
from planish.runtime_check.cost import infer_shapes


def _distance_to_ties(multiples):
    return np.abs(multiples % 1 - 0.5).min()


def _untied(graph_of, model, shapes=None):
    """The steps of all tensors of `model`, chosen from arbitrary ones."""
    graph = graph_of(model)
    placement = place(graph, {})
    rng = np.random.default_rng(3)
    grids = {
        group: activation_grid(-rng.uniform(1, 3), rng.uniform(1, 3))
        for group in sorted(set(placement.groups.values()))
    }
    untied = untie_grids(graph, placement, grids, infer_shapes(to_parts(graph)))
    return graph, {name: untied[group].scale for name, group in placement.groups.items()}


@pytest.mark.parametrize("wanted", [1 / 40, 1 / 700, 1 / 4321, 1.3])
def test_products_stay_away_from_ties(wanted):
    steps = Steps(0.0173, 0.0421)
    scales = np.array([wanted, 1.01 * wanted], np.float32) * np.float32(steps.output / steps.input)
    untied = untied_scales(scales, steps)
    np.testing.assert_allclose(untied, scales, rtol=1.1e-3)
    sums = np.arange(-100_000, 100_000)
    quotients = untied.astype(np.float64) * steps.input / steps.output
    for quotient in quotients:
        multiples = sums * quotient
        assert _distance_to_ties(multiples[np.abs(multiples) < 256]) > 0.9 * min(1 / 4300, quotient / 2)


def test_scales_without_an_integer_output_stay():
    scales = np.array([0.1, 0.2], np.float32)
    assert untied_scales(scales, Steps(0.3, None)) is scales


def test_pixels_less_a_mean_are_not_halfway():
    pixels = (np.arange(256) - 127.5).astype(np.float32)
    step = step_between(1.0, pixels)
    assert step == pytest.approx(1, rel=0.0101)
    assert _distance_to_ties(pixels / step) > 1e-3
    assert _distance_to_ties(pixels / 1.0) == 0


def test_sums_share_a_step(make_model, graph_of):
    model = make_model(
        """g (float[b,3,24,20] x) => (float[b,5,24,20] y) {
            c1 = Conv(x, w1)  r1 = Relu(c1)  c2 = Conv(r1, w2)  s = Add(c2, r1)  r2 = Relu(s)
            c3 = Conv(r2, w2)  y = Conv(c3, w3)
        }""",
        w1=(16, 3, 1, 1), w2=(16, 16, 1, 1), w3=(5, 16, 1, 1),
    )  # fmt: skip
    _, steps = _untied(graph_of, model)
    assert steps["c2"] == steps["r1"] == steps["r2"]
    assert steps["x"] != steps["r1"]


def test_averages_and_activations_stay_away_from_ties(make_model, graph_of):
    model = make_model(
        """g (float[2,3,24,20] x) => (float[2,5,1,1] y) {
            c1 = Conv(x, w1)  l = LeakyRelu<alpha = 0.1>(c1)  c2 = Conv(l, w2)  p = PRelu(c2, slope)
            c3 = Conv(p, w2)  q = GlobalAveragePool(c3)  c4 = Conv(q, w2)
            y = Conv(c4, w3)
        }""",
        w1=(16, 3, 1, 1), w2=(16, 16, 1, 1), w3=(5, 16, 1, 1), slope=(16, 1, 1),
    )  # fmt: skip
    graph, steps = _untied(graph_of, model)
    values = np.arange(-255, 256)
    slopes = next(node for node in graph.nodes if node.op == "PRelu").inputs[1].values.astype(np.float64)
    for slope in (1, *slopes.reshape(-1)):
        assert _distance_to_ties(values * slope * steps["c2"] / steps["p"]) > 5e-5
    for slope, denominator in ((1, 1023), (0.1, 5 * 1023)):
        assert _distance_to_ties(values * slope * steps["c1"] / steps["l"]) > 0.9 / (2 * denominator)
    sums = np.arange(-255 * 480, 255 * 480)
    assert _distance_to_ties(sums / 480 * steps["c3"] / steps["q"]) > 2e-5
