"""The law between a layer's error and the network's divergence."""

import numpy as np
import onnx
import pytest
from planish.files import as_parts
from planish.passes.graph import to_graph
from planish.passes.lowrank import Lowrank
from planish.passes.lowrank.sensitivity import affordable_images, fit_power
from planish.passes.statistics import Sampling


@pytest.mark.parametrize("exponent", [1.0, 1.4, 2.0])
def test_a_power_law_is_found_from_two_points(exponent):
    law = fit_power([(0.2, 3 * 0.2**exponent), (0.03, 3 * 0.03**exponent)])
    assert law.exponent == pytest.approx(exponent)
    assert law(0.07) == pytest.approx(3 * 0.07**exponent)


def test_exponents_stay_between_a_line_and_a_square():
    assert fit_power([(0.2, 0.1), (0.1, 0.09)]).exponent == 1
    assert fit_power([(0.2, 0.1), (0.1, 0.001)]).exponent == 2


def test_one_point_makes_a_line_and_a_point_without_error_says_nothing():
    for points in ([(0.04, 0.2)], [(0.04, 0.2), (1e-9, 1e-7)]):
        law = fit_power(points)
        assert law.exponent == 1
        assert law(0.02) == pytest.approx(0.1)


def test_no_error_at_all_costs_nothing():
    law = fit_power([(0.0, 0.0), (0.0, 0.0)])
    assert law(0.0) == 0
    assert np.isfinite(law(1.0))


def test_large_networks_are_probed_on_fewer_images():
    assert affordable_images(1_000_000, 40) == 96
    assert 16 < affordable_images(1_500_000_000, 200) < 96
    assert affordable_images(15_000_000_000, 1000) == 16


def chain_of_layers(rng, count=3):
    """A network of equal layers, each a rotation, so that an error of one is as large at the end."""
    body = " ".join(f"t{i} = Conv ({'x' if i == 0 else f't{i - 1}'}, w{i})" for i in range(count - 1))
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (float[n,128,14,15] x) => (float[n,128,14,15] y) '
        f"{{ {body} y = Conv (t{count - 2}, w{count - 1}) }}"
    )
    model = onnx.parser.parse_model(text)
    for index in range(count):
        rotation = np.linalg.qr(rng.standard_normal((128, 128)))[0].astype(np.float32)
        weight = onnx.numpy_helper.from_array(rotation[..., None, None], f"w{index}")
        model.graph.initializer.append(weight)
    return to_graph(as_parts(model))


def test_errors_of_early_layers_are_mostly_made_up_for(rng):
    graph = chain_of_layers(rng)
    batches = [{"x": rng.standard_normal((8, 128, 14, 15)).astype(np.float32)}]
    offers = Lowrank(batches=batches, forms=["spatial"], sampling=Sampling(samples=100)).offers(graph)
    slopes = np.array([np.mean([option.loss / option.error for option in options[1:]]) for options in offers])
    assert slopes / slopes[-1] == pytest.approx([(1 / 3) ** 0.75, (2 / 3) ** 0.75, 1.0], rel=0.05)
