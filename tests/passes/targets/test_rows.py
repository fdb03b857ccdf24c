"""What Winograd's algorithm along the rows costs."""

import math

import pytest
from planish.passes.layers import ConvGeometry
from planish.passes.targets import Work, find_target
from planish.passes.targets.registry import target_names
from planish.passes.targets.rows import bands_of, inner_work

BLOCK = find_target("onnxruntime").block


def work(*shape, size=(28, 21), group=1):
    kernel = shape[2:]
    pads = tuple(edge // 2 for edge in (*kernel, *kernel))
    return Work(shape, ConvGeometry(kernel, pads=pads, group=group), size)


@pytest.mark.parametrize(
    ("taps", "height", "rows"), [(3, 28, 7), (3, 27, 7), (3, 8, 4), (3, 7, 4), (3, 4, 4), (3, 32, 7), (5, 28, 4)]
)
def test_the_products_are_fewer_by_m_r_over_n(taps, height, rows):
    dense = work(8 * BLOCK, 4 * BLOCK, taps, taps, size=(height, 21))
    bands = bands_of(dense.geometry, height)
    assert (bands.rows, bands.products, bands.count) == (rows, rows + taps - 1, math.ceil(height / rows))
    computed = rows * bands.count / height
    assert inner_work(dense, BLOCK).gflop == pytest.approx(dense.gflop * computed * bands.products / (rows * taps))


@pytest.mark.parametrize(
    "dense",
    [
        work(8 * BLOCK, 4 * BLOCK, 1, 1),
        work(8 * BLOCK, 4 * BLOCK, 3, 1),
        work(8 * BLOCK, 4 * BLOCK + 1, 3, 3),
        work(8 * BLOCK, 1, 3, 3, group=8 * BLOCK),
        Work((8 * BLOCK, 4 * BLOCK)),
    ],
)
def test_some_have_none(dense):
    assert inner_work(dense, BLOCK) is None
    target = find_target("onnxruntime")
    assert target.final_ms(dense) == target.latency_ms(dense)


def test_wide_convolutions_cost_less_in_the_end_and_more_before_a_sum():
    target, dense = find_target("onnxruntime"), work(16 * BLOCK, 16 * BLOCK, 3, 3)
    assert target.final_ms(dense) < target.final_ms(dense, summed=True) < target.latency_ms(dense)


@pytest.mark.parametrize("name", sorted({*target_names()} - {"onnxruntime"}))
def test_other_runtimes_compute_them_as_they_are(name):
    target, dense = find_target(name), work(16 * BLOCK, 16 * BLOCK, 3, 3)
    assert target.final_ms(dense) == target.latency_ms(dense)
