"""Effective GFLOP/s of Winograd runtimes where they were not measured on this machine; see `winograd.rate_name`.

From `planish calibrate-target` with ncnn 1.0.20261020, MNN 3.6.1 and OpenCV 4.14 on one core of an AVX-512 server that
reaches 118 GFLOP/s. A core that is faster or slower as a whole cancels in a speed-up; calibrate to learn the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHANNELS = (16, 64, 128, 256, 512)
"""The columns of the tables."""


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
            112: (173.0, 184.0, None, None, None),
            56: (160.0, 287.0, 279.0, None, None),
            28: (124.0, 290.0, 268.0, 293.0, None),
            14: (None, 180.0, 256.0, 208.0, 233.0),
            7: (None, 125.0, 212.0, 82.8, 89.9),
        },
        "line": {
            112: (45.6, 80.2, None, None, None),
            56: (44.7, 84.2, 96.7, None, None),
            28: (36.8, 85.5, 95.0, 104.0, None),
            14: (None, 80.5, 99.2, 102.0, 103.0),
            7: (None, 58.8, 84.2, 90.7, 88.5),
        },
        "1x1": {
            112: (55.0, 86.3, 86.7, None, None),
            56: (50.4, 91.1, 93.7, 100.0, None),
            28: (None, 84.0, 91.8, 90.9, 99.0),
            14: (None, 69.2, 91.2, 94.6, 95.9),
            7: (None, None, 68.3, 76.8, 97.1),
        },
        "direct": {
            112: (35.2, 57.2, None, None, None),
            56: (42.7, 50.5, 68.3, None, None),
            28: (35.2, 67.2, 81.7, 89.6, None),
            14: (None, 70.8, 99.8, 82.0, 98.8),
            7: (None, 65.8, 85.1, 84.3, 64.1),
        },
        "depthwise": {
            112: (36.8, 28.9, 21.7, 16.5, 12.2),
            56: (32.2, 40.3, 36.4, 33.5, 15.1),
            28: (19.7, 27.9, 36.9, 37.6, 35.9),
            14: (6.94, 19.5, 26.6, 32.3, 33.2),
            7: (1.9, 6.89, 7.78, 18.7, 24.9),
        },
    },
    {"op_gb": 143.0, "product_weight_gb": 20.3},
)

MNN = _table(
    {
        "3x3": {
            112: (131.0, 223.0, None, None, None),
            56: (130.0, 244.0, 275.0, None, None),
            28: (121.0, 241.0, 241.0, 234.0, None),
            14: (None, 139.0, 187.0, 194.0, 130.0),
            7: (None, 134.0, 154.0, 68.9, 99.6),
        },
        "line": {
            112: (54.1, 77.8, None, None, None),
            56: (52.7, 82.5, 77.3, None, None),
            28: (44.6, 81.4, 91.2, 91.2, None),
            14: (None, 75.8, 92.2, 99.8, 88.1),
            7: (None, 69.4, 81.2, 89.6, 75.6),
        },
        "1x1": {
            112: (33.3, 50.0, 65.2, None, None),
            56: (40.8, 77.3, 82.8, 86.7, None),
            28: (None, 77.3, 89.4, 84.2, 78.0),
            14: (None, 76.7, 91.9, 91.5, 91.6),
            7: (None, None, 73.9, 95.2, 99.4),
        },
        "direct": {
            112: (39.0, 59.2, None, None, None),
            56: (43.8, 66.6, 75.8, None, None),
            28: (38.9, 67.7, 83.4, 64.7, None),
            14: (None, 58.1, 83.0, 89.4, 76.4),
            7: (None, 52.6, 80.8, 85.5, 77.0),
        },
        "depthwise": {
            112: (21.9, 19.8, 13.3, 7.03, 12.6),
            56: (22.6, 21.2, 21.6, 11.3, 14.5),
            28: (21.5, 22.4, 22.7, 15.9, 22.8),
            14: (16.0, 20.1, 20.4, 21.5, 19.1),
            7: (8.18, 8.74, 13.5, 17.9, 18.5),
        },
    },
    {"op_gb": 138.0, "product_weight_gb": 51.1},
)

OPENCV = _table(
    {
        "3x3": {
            112: (106.0, 178.0, None, None, None),
            56: (98.1, 178.0, 209.0, None, None),
            28: (82.8, 172.0, 183.0, 207.0, None),
            14: (None, 125.0, 115.0, 111.0, 150.0),
            7: (None, 38.5, 40.7, 38.5, 35.1),
        },
        "line": {
            112: (32.8, 39.8, None, None, None),
            56: (33.3, 42.5, 44.6, None, None),
            28: (32.4, 39.8, 45.9, 46.8, None),
            14: (None, 41.5, 45.5, 46.0, 44.2),
            7: (None, 35.9, 40.3, 40.9, 39.2),
        },
        "1x1": {
            112: (25.5, 30.7, 37.3, None, None),
            56: (25.7, 39.2, 38.8, 42.7, None),
            28: (None, 41.0, 44.7, 44.2, 44.2),
            14: (None, 38.3, 43.3, 45.0, 42.5),
            7: (None, None, 37.5, 40.2, 37.3),
        },
        "direct": {
            112: (19.5, 35.5, None, None, None),
            56: (29.9, 38.4, 42.0, None, None),
            28: (30.2, 42.4, 43.4, 45.4, None),
            14: (None, 41.8, 44.7, 44.8, 43.2),
            7: (None, 36.7, 40.1, 40.1, 34.0),
        },
        "depthwise": {
            112: (19.7, 15.6, 14.4, 13.2, 15.2),
            56: (17.8, 16.7, 13.1, 11.4, 11.4),
            28: (12.9, 13.6, 13.6, 9.07, 8.65),
            14: (7.06, 8.26, 8.51, 6.37, 5.76),
            7: (3.3, 4.62, 5.03, 5.06, 5.31),
        },
    },
    {"op_gb": 482.0, "product_weight_gb": 71.0},
)
