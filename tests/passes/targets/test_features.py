import itertools

import numpy as np
import pytest
from planish.passes.layers import ConvGeometry
from planish.passes.targets.features import (
    Blocks,
    crossing_gb,
    is_blocked,
    single_run_share,
    takes_plain_input,
    taps_share,
    work_features,
)
from planish.passes.targets.work import Work

BLOCKS = Blocks(16)
EVERY_WIDTH = Blocks(16, alignment=1)


def conv(filters, channels, kernel=(3, 3), size=(14, 14), group=1, strides=(1, 1), dilations=(1, 1)):
    pads = tuple((k - 1) // 2 for k in kernel) * 2
    return Work((filters, channels // group, *kernel), ConvGeometry(kernel, strides, dilations, pads, group), size)


def test_filters_and_channels_are_padded_to_the_block():
    wide = work_features(conv(48, 48), BLOCKS)
    for filters in (33, 40, 48):
        for channels in (36, 48):
            assert work_features(conv(filters, channels), BLOCKS)["conv_gflop"] == pytest.approx(wide["conv_gflop"])
    assert work_features(conv(49, 48), BLOCKS)["conv_gflop"] > wide["conv_gflop"]


@pytest.mark.parametrize(
    ("work", "blocked"),
    [
        (conv(32, 36), True),
        (conv(32, 42), False),
        (conv(42, 32), True),
        (conv(32, 3), True),
        (conv(32, 32, group=32), True),
        (conv(64, 32, group=32), False),
        (conv(64, 64, group=2), True),
        (conv(64, 64, group=8), False),
    ],
)
def test_what_stays_in_blocks(work, blocked):
    assert is_blocked(work, BLOCKS) is blocked
    assert is_blocked(work, EVERY_WIDTH)
    assert ("im2col_gflop" in work_features(work, BLOCKS)) is not blocked
    assert "im2col_gflop" not in work_features(work, EVERY_WIDTH)


def test_an_odd_width_crosses_layouts_on_both_sides():
    odd = conv(32, 42)
    assert crossing_gb(odd, BLOCKS) == pytest.approx(odd.input_gb + odd.output_gb)
    assert crossing_gb(conv(42, 32), BLOCKS) == 0
    assert crossing_gb(conv(32, 42), EVERY_WIDTH) == 0


def test_few_channels_are_read_in_the_plain_layout():
    assert takes_plain_input(conv(32, 8), BLOCKS)
    assert crossing_gb(conv(32, 8), BLOCKS) == pytest.approx(conv(32, 8).input_gb)
    assert crossing_gb(conv(32, 3), BLOCKS) == 0, "an image comes in the plain layout"
    assert "image_gflop" in work_features(conv(32, 3), BLOCKS)


def test_the_left_over_block_is_counted_alone():
    assert "single_block_gflop" not in work_features(conv(64, 64), BLOCKS)
    found = work_features(conv(80, 64), BLOCKS)
    assert found["single_block_gflop"] == pytest.approx(found["conv_gflop"] / 5)


def test_unfolding_is_free_for_pointwise():
    assert "unfolded_gb" not in work_features(conv(32, 42, (1, 1)), BLOCKS)
    assert work_features(conv(32, 42), BLOCKS)["unfolded_gb"] == pytest.approx(4e-9 * 42 * 9 * 196)


def count_taps(size, kernel, stride, dilation, pads):
    """Taps that meet the input along one axis over all of them, one by one."""
    outputs = (size + sum(pads) - dilation * (kernel - 1) - 1) // stride + 1
    places = [o * stride - pads[0] + k * dilation for o, k in itertools.product(range(outputs), range(kernel))]
    return np.mean([0 <= place < size for place in places])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("pads", [(0, 0), (1, 1), (2, 0), (0, 3), (3, 2)])
def test_taps_on_padding_are_left_out(stride, dilation, pads):
    geometry = ConvGeometry((5, 3), (stride, 1), (dilation, 1), (pads[0], 0, pads[1], 0))
    work = Work((2, 3, 5, 3), geometry, (11, 7))
    assert taps_share(work) == pytest.approx(count_taps(11, 5, stride, dilation, pads))


def test_single_runs_are_the_edges_and_the_rest_of_large_kernels():
    assert single_run_share(conv(16, 16)) == 0, "a 3x3 kernel's filters stay in the first-level cache"
    assert single_run_share(conv(16, 16, (7, 7), (7, 7))) == 1
    assert single_run_share(conv(16, 16, (5, 5), (14, 14))) == pytest.approx(5 / 14)


def test_a_product_of_one_row_costs_its_weights():
    assert work_features(Work((8, 6)), BLOCKS) == {"product_weight_gb": pytest.approx(192e-9), "nodes": 1.0}
    assert "product_gflop" in work_features(Work((8, 6), rows=3), BLOCKS)
