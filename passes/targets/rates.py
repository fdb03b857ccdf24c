"""Effective GFLOP/s of Winograd runtimes where they were not measured on this machine; see `winograd.rate_name`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHANNELS = (16, 64, 128, 256, 512)
"""The columns of the tables."""

_COMMON = {"product_weight_gb": 29.0, "product_gflop": 5.0, "op_gb": 60.0}


def _table(rows: Mapping[str, tuple[float, ...]]) -> Mapping[str, float]:
    """By name of the rate, from rows by 'kind@size' with one rate for each of `CHANNELS`."""
    rates = {
        f"{kind}@{channels}x{size}": rate
        for row, found in rows.items()
        for kind, _, size in [row.partition("@")]
        for channels, rate in zip(CHANNELS, found, strict=True)
    }
    return MappingProxyType(rates | _COMMON)


NCNN = _table(
    {
        "3x3@28": (60.0, 330.0, 450.0, 560.0, 600.0),
        "line@28": (60.0, 130.0, 190.0, 220.0, 230.0),
        "1x1@28": (80.0, 180.0, 220.0, 240.0, 240.0),
        "direct@28": (60.0, 180.0, 200.0, 220.0, 220.0),
        "depthwise@28": (30.0, 30.0, 30.0, 30.0, 30.0),
    }
)

MNN = _table(
    {
        "3x3@28": (60.0, 220.0, 300.0, 360.0, 380.0),
        "line@28": (60.0, 90.0, 120.0, 140.0, 150.0),
        "1x1@28": (80.0, 170.0, 210.0, 230.0, 230.0),
        "direct@28": (60.0, 140.0, 150.0, 170.0, 170.0),
        "depthwise@28": (30.0, 30.0, 30.0, 30.0, 30.0),
    }
)

OPENCV = _table(
    {
        "3x3@28": (50.0, 220.0, 260.0, 290.0, 290.0),
        "line@28": (40.0, 60.0, 62.0, 64.0, 64.0),
        "1x1@28": (80.0, 150.0, 190.0, 210.0, 210.0),
        "direct@28": (50.0, 120.0, 130.0, 150.0, 150.0),
        "depthwise@28": (20.0, 20.0, 20.0, 20.0, 20.0),
    }
)
