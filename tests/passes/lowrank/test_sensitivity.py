"""The law between a layer's error and the network's divergence."""

import numpy as np
import pytest
from planish.passes.lowrank.sensitivity import affordable_images, fit_power


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
