"""Milliseconds per unit of each feature where the machine was not calibrated.

From `planish calibrate-target` with onnxruntime 1.31.1 and OpenVINO 2026.4.1 on one core of an AVX-512 server that
reaches 118 GFLOP/s. A core that is faster or slower as a whole cancels in a speed-up; calibrate to learn the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ONNXRUNTIME: Mapping[str, float] = MappingProxyType(
    {
        "activation_gb": 13.5,
        "conv_gflop": 8.93,
        "crossing_gb": 29.8,
        "depthwise_gb": 0.0,
        "depthwise_gflop": 10.1,
        "depthwise_krows": 0.05,
        "far_activation_gb": 13.7,
        "far_depthwise_gb": 8.28,
        "im2col_gflop": 9.88,
        "image_gflop": 8.85,
        "nodes": 0.000538,
        "op:Add": 0.148,
        "op:AveragePool": 0.0241,
        "op:BatchNormalization": 0.124,
        "op:Concat": 0.145,
        "op:GlobalAveragePool": 0.0916,
        "op:LRN": 26.0,
        "op:MaxPool": 0.0232,
        "op:Mul": 0.154,
        "op:PRelu": 1.98,
        "op:Relu": 0.0886,
        "op:Resize": 0.101,
        "op:Sigmoid": 0.309,
        "op:Softmax": 7.96,
        "op:Transpose": 0.366,
        "op:other": 0.105,
        "product_gflop": 8.65,
        "product_weight_gb": 43.2,
        "single_block_gflop": 0.0672,
        "single_run_gflop": 3.69,
        "unfolded_gb": 68.2,
        "weight_gb": 88.8,
    }
)

OPENVINO: Mapping[str, float] = MappingProxyType(
    {
        "activation_gb": 47.5,
        "conv_gflop": 9.52,
        "crossing_gb": 74.9,
        "depthwise_gb": 0.0,
        "depthwise_gflop": 15.6,
        "depthwise_krows": 0.0587,
        "far_activation_gb": 43.8,
        "far_depthwise_gb": 51.2,
        "image_gflop": 10.1,
        "nodes": 0.00336,
        "op:Add": 0.0384,
        "op:AveragePool": 0.074,
        "op:BatchNormalization": 0.0384,
        "op:Concat": 0.0223,
        "op:GlobalAveragePool": 0.0452,
        "op:LRN": 1.0,
        "op:MaxPool": 0.0734,
        "op:Mul": 0.0646,
        "op:PRelu": 0.0569,
        "op:Relu": 0.0447,
        "op:Resize": 0.0,
        "op:Sigmoid": 0.769,
        "op:Softmax": 0.701,
        "op:Transpose": 0.541,
        "op:other": 0.0471,
        "product_gflop": 10.1,
        "product_weight_gb": 44.6,
        "single_block_gflop": 0.0728,
        "single_run_gflop": 3.17,
        "weight_gb": 32.2,
    }
)
