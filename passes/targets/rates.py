"""Effective GFLOP/s of Winograd runtimes where they were not measured on this machine; see `winograd.rate_name`.

From `planish calibrate-target` with ncnn 1.0.20261020, MNN 3.6.1 and OpenCV 4.14 on one core of an AVX-512 server that
reaches 118 GFLOP/s. A core that is faster or slower as a whole cancels in a speed-up; calibrate to learn the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHANNELS = (16, 64, 128, 256, 512)
"""The columns of the tables."""

SIZES = (224, 112, 56, 28, 14, 7)
"""Their rows, heights and widths of the output."""


def _table(
    rows: Mapping[str, Mapping[int, tuple[float | None, ...]]], others: Mapping[str, float]
) -> Mapping[str, float]:
    """By name of the rate, from rows by kind and size with one rate for each of `CHANNELS`, None if not measured."""
    rates = {
        f"{kind}@{channels}x{size}": rate
        for kind, sizes in rows.items()
        for size, found in sizes.items()
        for channels, rate in zip(CHANNELS, found, strict=True)
        if rate is not None
    }
    return MappingProxyType(rates | dict(others))


NCNN = _table(
    {
        "3x3": {
            112: (156.0, 231.0, None, None, None),
            56: (154.0, 250.0, 299.0, None, None),
            28: (120.0, 280.0, 278.0, 309.0, None),
            14: (None, 205.0, 227.0, 182.0, 196.0),
            7: (None, 128.0, 196.0, 92.9, 77.8),
        },
        "line": {
            112: (44.8, 80.3, None, None, None),
            56: (43.8, 84.7, 90.4, None, None),
            28: (37.8, 86.0, 98.4, 98.3, None),
            14: (None, 81.5, 93.9, 99.7, 103.0),
            7: (None, 56.5, 82.6, 95.4, 89.3),
        },
        "1x1": {
            112: (53.5, 82.3, 88.1, None, None),
            56: (49.3, 87.5, 90.9, 100.0, None),
            28: (None, 84.4, 96.5, 101.0, 105.0),
            14: (None, 68.5, 91.8, 102.0, 101.0),
            7: (None, None, 69.5, 89.5, 99.2),
        },
        "direct": {
            112: (36.6, 59.8, None, None, None),
            56: (44.6, 66.6, 76.3, None, None),
            28: (41.0, 87.2, 86.5, 90.4, None),
            14: (None, 84.1, 94.5, 99.4, 97.3),
            7: (None, 66.3, 86.7, 94.8, 84.6),
        },
        "image": {224: (30.0, 27.0, None, None, None)},
        "depthwise": {
            112: (38.3, 30.9, 16.8, 17.1, 14.2),
            56: (33.8, 39.5, 39.6, 43.6, 20.5),
            28: (19.3, 32.1, 36.2, 37.0, 36.5),
            14: (6.44, 18.3, 26.9, 32.3, 32.4),
            7: (1.94, 6.45, 11.6, 18.1, 25.1),
        },
    },
    {"op_gb": 132.0, "product_weight_gb": 24.9},
)

MNN = _table(
    {
        "3x3": {
            112: (134.0, 225.0, None, None, None),
            56: (128.0, 240.0, 260.0, None, None),
            28: (122.0, 232.0, 223.0, 216.0, None),
            14: (None, 135.0, 168.0, 174.0, 147.0),
            7: (None, 128.0, 157.0, 61.9, 89.2),
        },
        "line": {
            112: (53.1, 78.8, None, None, None),
            56: (52.1, 83.9, 93.3, None, None),
            28: (44.0, 84.2, 91.0, 96.9, None),
            14: (None, 79.7, 92.8, 99.6, 95.6),
            7: (None, 71.3, 85.8, 91.4, 87.5),
        },
        "1x1": {
            112: (41.6, 67.7, 70.4, None, None),
            56: (42.8, 74.0, 86.0, 91.9, None),
            28: (None, 80.9, 92.1, 101.0, 99.1),
            14: (None, 75.9, 92.4, 104.0, 106.0),
            7: (None, None, 77.7, 99.1, 100.0),
        },
        "direct": {
            112: (37.5, 62.0, None, None, None),
            56: (44.6, 70.7, 79.1, None, None),
            28: (40.6, 77.6, 85.4, 90.4, None),
            14: (None, 77.4, 89.7, 94.5, 77.5),
            7: (None, 69.9, 80.8, 90.1, 77.9),
        },
        "image": {224: (30.0, 27.0, None, None, None)},
        "depthwise": {
            112: (23.2, 19.1, 13.7, 11.9, 11.6),
            56: (23.3, 22.2, 22.8, 18.2, 13.3),
            28: (21.8, 22.4, 22.8, 23.1, 22.4),
            14: (16.3, 19.6, 21.5, 21.8, 19.1),
            7: (8.47, 14.7, 16.5, 17.4, 16.9),
        },
    },
    {"op_gb": 134.0, "product_weight_gb": 48.2},
)

OPENCV = _table(
    {
        "3x3": {
            112: (89.6, 160.0, None, None, None),
            56: (94.3, 161.0, 205.0, None, None),
            28: (79.0, 164.0, 178.0, 206.0, None),
            14: (None, 114.0, 99.1, 109.0, 132.0),
            7: (None, 37.5, 39.1, 38.0, 32.7),
        },
        "line": {
            112: (30.3, 39.8, None, None, None),
            56: (33.3, 39.9, 43.0, None, None),
            28: (32.1, 43.3, 44.0, 44.6, None),
            14: (None, 41.4, 43.1, 42.7, 43.3),
            7: (None, 34.9, 37.8, 39.1, 36.5),
        },
        "1x1": {
            112: (24.3, 30.8, 35.4, None, None),
            56: (24.9, 35.7, 37.5, 41.6, None),
            28: (None, 39.2, 42.0, 43.0, 44.9),
            14: (None, 38.0, 41.4, 42.2, 43.8),
            7: (None, None, 36.5, 39.4, 39.4),
        },
        "direct": {
            112: (24.1, 35.8, None, None, None),
            56: (29.3, 36.7, 41.0, None, None),
            28: (29.4, 40.7, 41.4, 43.5, None),
            14: (None, 40.5, 42.0, 39.6, 43.2),
            7: (None, 35.5, 37.9, 37.5, 31.9),
        },
        "image": {224: (30.0, 27.0, None, None, None)},
        "depthwise": {
            112: (19.2, 15.2, 14.8, 15.0, 15.2),
            56: (17.2, 14.1, 12.7, 12.1, 11.9),
            28: (12.8, 13.1, 12.7, 8.74, 8.55),
            14: (6.91, 8.1, 8.17, 6.16, 5.26),
            7: (3.34, 4.54, 4.85, 5.0, 4.4),
        },
    },
    {"op_gb": 514.0, "product_weight_gb": 71.9},
)
