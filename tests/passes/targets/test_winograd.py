"""The sign of a rewrite where 3x3 convolutions are cheap."""

import pytest
from planish.passes.layers import ConvGeometry
from planish.passes.targets import find_target
from planish.passes.targets.winograd import WinogradTarget, kind_of, rate_name
from planish.passes.targets.work import Work


@pytest.fixture(autouse=True)
def uncalibrated(monkeypatch, tmp_path):
    monkeypatch.setenv("PLANISH_CACHE", str(tmp_path))


def conv(filters, channels, kernel=(3, 3), size=28, group=1, strides=(1, 1), dilations=(1, 1)):
    pads = tuple((k - 1) // 2 for k in kernel) * 2
    return Work(
        (filters, channels // group, *kernel), ConvGeometry(kernel, strides, dilations, pads, group), (size, size)
    )


def chain_ms(target, *works):
    return sum(target.latency_ms(work) for work in works)


@pytest.mark.parametrize("name", ["ncnn", "mnn", "opencv"])
@pytest.mark.parametrize(("filters", "size"), [(128, 56), (256, 28)])
def test_a_vertical_horizontal_pair_at_half_the_macs_is_slower_than_the_dense_3x3(name, filters, size):
    target, rank = find_target(name), 3 * filters // 4
    dense = target.latency_ms(conv(filters, filters, size=size))
    pair = chain_ms(target, conv(rank, filters, (3, 1), size), conv(filters, rank, (1, 3), size))
    half = filters // 2
    kept = chain_ms(target, conv(half, filters, (1, 1), size), conv(filters, half, size=size))
    assert pair > 1.05 * dense
    assert kept < dense / 1.05
    direct = find_target("onnxruntime")
    assert chain_ms(
        direct, conv(rank, filters, (3, 1), size), conv(filters, rank, (1, 3), size)
    ) < 0.6 * direct.latency_ms(conv(filters, filters, size=size))


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (conv(8, 8), "3x3"),
        (conv(8, 3), "image"),
        (conv(8, 8, strides=(2, 2)), "direct"),
        (conv(8, 8, dilations=(2, 2)), "direct"),
        (conv(8, 8, group=2), "direct"),
        (conv(8, 8, group=8), "depthwise"),
        (conv(8, 8, (5, 5)), "direct"),
        (conv(8, 8, (1, 1)), "1x1"),
        (conv(8, 8, (1, 3)), "line"),
        (conv(8, 8, (5, 1)), "line"),
    ],
)
def test_kinds_of_convolution(work, kind):
    assert kind_of(work) == kind


def test_rates_are_interpolated_in_logarithms_and_constant_beyond():
    points = {(16, 8): 10.0, (64, 8): 20.0, (16, 32): 30.0, (64, 32): 40.0}
    target = WinogradTarget("ncnn", 16, coefficients={rate_name("3x3", *at): rate for at, rate in points.items()})
    assert target.rate(conv(16, 16, size=8)) == pytest.approx(10)
    assert target.rate(conv(32, 32, size=8)) == pytest.approx(15)
    assert target.rate(conv(64, 16, size=8)) == pytest.approx(15), "the geometric mean of both widths"
    assert target.rate(conv(32, 32, size=16)) == pytest.approx(25)
    assert target.rate(conv(999, 999, size=99)) == pytest.approx(40)
    assert target.latency_ms(conv(16, 16, size=8)) == pytest.approx(1e3 * conv(16, 16, size=8).gflop / 10)
