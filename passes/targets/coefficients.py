"""Milliseconds per unit of each feature where the machine was not calibrated.

Fitted by `planish calibrate-target` with onnxruntime 1.31 on one core of an AVX-512 server (118 GFLOP/s at best).
Another core is faster or slower as a whole, which cancels in a speed-up; calibrate to learn the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DEFAULT_COEFFICIENTS: Mapping[str, float] = MappingProxyType(
    {
        "activation_gb": 10.6,
        "conv_gflop": 8.61,
        "crossing_gb": 27.7,
        "depthwise_gb": 5.0,
        "depthwise_gflop": 9.72,
        "depthwise_krows": 0.0473,
        "far_activation_gb": 8.81,
        "far_depthwise_gb": 4.61,
        "im2col_gflop": 9.53,
        "image_gflop": 8.88,
        "nodes": 0.000553,
        "op:Add": 0.144,
        "op:AveragePool": 0.0236,
        "op:BatchNormalization": 0.111,
        "op:Concat": 0.118,
        "op:GlobalAveragePool": 0.0869,
        "op:LRN": 25.0,
        "op:MaxPool": 0.0217,
        "op:Mul": 0.156,
        "op:PRelu": 4.56,
        "op:Relu": 0.0892,
        "op:Resize": 0.0928,
        "op:Sigmoid": 0.293,
        "op:Softmax": 8.11,
        "op:Transpose": 0.298,
        "op:other": 0.0978,
        "product_gflop": 8.47,
        "product_weight_gb": 38.7,
        "single_block_gflop": 0.171,
        "single_run_gflop": 4.86,
        "unfolded_gb": 69.3,
        "weight_gb": 59.7,
    }
)
