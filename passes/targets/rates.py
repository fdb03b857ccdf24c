"""Effective GFLOP/s of Winograd runtimes where they were not measured on this machine.

Distilled from measurements on one core with AVX-512 whose peak is 266 GFLOP/s (see docs/targets.md); a core that is
faster or slower as a whole cancels in a speed-up.
"""

from __future__ import annotations

from .winograd import Rates

NCNN = Rates(
    {
        "winograd": ((3, 60.0), (64, 330.0), (128, 450.0), (256, 560.0), (512, 600.0)),
        "line": ((16, 60.0), (64, 130.0), (128, 190.0), (256, 220.0), (512, 230.0)),
        "pointwise": ((16, 80.0), (64, 180.0), (128, 220.0), (256, 240.0), (512, 240.0)),
        "direct": ((3, 60.0), (64, 180.0), (256, 220.0)),
        "depthwise": ((1, 30.0),),
    }
)

MNN = Rates(
    {
        "winograd": ((3, 60.0), (64, 220.0), (128, 300.0), (256, 360.0), (512, 380.0)),
        "line": ((16, 60.0), (64, 90.0), (128, 120.0), (256, 140.0), (512, 150.0)),
        "pointwise": ((16, 80.0), (64, 170.0), (128, 210.0), (256, 230.0), (512, 230.0)),
        "direct": ((3, 60.0), (64, 140.0), (256, 170.0)),
        "depthwise": ((1, 30.0),),
    }
)

OPENCV = Rates(
    {
        "winograd": ((3, 50.0), (64, 220.0), (128, 260.0), (256, 290.0), (512, 290.0)),
        "line": ((16, 40.0), (64, 60.0), (128, 62.0), (512, 64.0)),
        "pointwise": ((16, 80.0), (64, 150.0), (128, 190.0), (256, 210.0), (512, 210.0)),
        "direct": ((3, 50.0), (64, 120.0), (256, 150.0)),
        "depthwise": ((1, 20.0),),
    }
)
