"""Milliseconds per unit of each feature where the machine was not calibrated.

The five of convolutions were fitted on 63 networks in onnxruntime 1.31 on one core with AVX-512 (see docs/targets.md).
Another core is faster or slower as a whole, which cancels in a speed-up; run `planish calibrate-target` for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT_COEFFICIENTS: Mapping[str, float] = MappingProxyType(
    {
        "conv_gflop": 3.89,
        "single_block_gflop": 0.72,
        "im2col_gflop": 4.69,
        "depthwise_gflop": 20.0,
        "product_gflop": 4.2,
        "activation_gb": 23.6,
        "crossing_gb": 61.0,
        "weight_gb": 29.0,
        "nodes": 0.003,
        "op:LRN": 10.0,
        "op:MaxPool": 0.06,
        "op:AveragePool": 0.1,
        "op:GlobalAveragePool": 0.1,
        "op:Softmax": 2.0,
        "op:Concat": 0.2,
        "op:Add": 0.2,
        "op:Mul": 0.2,
        "op:Relu": 0.15,
        "op:PRelu": 0.3,
        "op:Sigmoid": 1.0,
        "op:BatchNormalization": 0.2,
        "op:Transpose": 0.5,
        "op:Resize": 1.0,
        "op:other": 1.0,
    }
)
