"""What Winograd's algorithm along the rows costs."""

import pytest
from planish.passes.layers import ConvGeometry
from planish.passes.targets import Work, find_target
from planish.passes.targets.registry import target_names
from planish.passes.targets.rows import inner_work

BLOCK = find_target("onnxruntime").block


def work(*shape, size=(28, 21), group=1):
    kernel = shape[2:]
    pads = tuple(edge // 2 for edge in (*kernel, *kernel))
    return Work(shape, ConvGeometry(kernel, pads=pads, group=group), size)


def test_the_products_are_fewer_by_m_r_over_n():
    dense = work(8 * BLOCK, 4 * BLOCK, 3, 3)
    inner = inner_work(dense, BLOCK)
    assert inner.gflop == pytest.approx(dense.gflop * 6 / (4 * 3))
    inner = inner_work(work(8 * BLOCK, 4 * BLOCK, 5, 5), BLOCK)
    assert inner.gflop == pytest.approx(work(8 * BLOCK, 4 * BLOCK, 5, 5).gflop * 8 / (4 * 5))


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
