"""The nearest neighbour by rounding down."""

import numpy as np
import pytest
from planish.passes.exact.resize import RULE

NET = 'g (float[n,5,7,6] x) => (float[n,5,h,w] y) {{ y = Resize <mode="nearest"{attributes}> (x, e, {rest}) }}'


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 8, 31])
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel"])
def test_whole_numbers(make_model, assert_same, apply_rules, factor, rounding, coordinates):
    attributes = f', nearest_mode="{rounding}", coordinate_transformation_mode="{coordinates}"'
    model = make_model(
        NET.format(attributes=attributes, rest="scales"),
        e=np.zeros(0, np.float32),
        scales=np.array([1, 1, factor, 2], np.float32),
    )
    after, result = apply_rules(model, RULE)
    assert result.changes
    assert_same(model, after, 0)
    assert not apply_rules(after, RULE)[1].changes


@pytest.mark.parametrize("scales", [(1, 1, 1.5, 2), (1, 1, 0.5, 1)])
def test_other_sizes_stay(make_model, apply_rules, scales):
    model = make_model(
        NET.format(attributes="", rest="scales"), e=np.zeros(0, np.float32), scales=np.array(scales, np.float32)
    )
    _, result = apply_rules(model, RULE)
    assert not result.changes
    assert "does not enlarge by whole numbers" in result.skips[0].why


def test_linear_stays(make_model, apply_rules):
    model = make_model(
        NET.replace("nearest", "linear").format(attributes="", rest="scales"),
        e=np.zeros(0, np.float32),
        scales=np.array([1, 1, 2, 2], np.float32),
    )
    assert not apply_rules(model, RULE)[1].changes
