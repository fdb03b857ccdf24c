"""The options that set thresholds: what makes `planish check` fail."""

from __future__ import annotations

from typing import Any

import click

GATES = {
    "max_top1_drop": "Top-1 accuracy that may be lost, in percentage points.",
    "max_top5_drop": "Top-5 accuracy that may be lost, in percentage points.",
    "min_top1": "Top-1 accuracy of the last model, in percent.",
    "min_agreement": "Samples that both models give the same class, in percent.",
    "max_kl": "Mean Kullback-Leibler divergence of the class probabilities, in nats.",
    "min_quality": "mAP or verification accuracy of the last model in percent, or PSNR in dB.",
    "max_quality_drop": "What may be lost of that.",
    "min_speedup": "Latency of the first model over that of the second.",
    "min_mac_ratio": "MACs of the first model over those of the second.",
    "min_size_ratio": "Bytes of weights of the first model over those of the second.",
    "max_abs_error": "Largest error of any output value.",
    "max_relative_error": "L2 norm of the error over that of the output.",
    "min_cosine": "Cosine of the angle between the outputs.",
    "min_sqnr": "Signal to noise of the outputs, in dB.",
    "min_layer_sqnr": "Signal to noise of every tensor that both models have, in dB.",
    "max_cpu_ms": "CPU time of one run of the last model, in milliseconds.",
    "max_load_ms": "Time to load the last model, in milliseconds.",
    "max_memory_mb": "Memory that the last model takes, in MiB.",
    "max_file_mb": "Size of the last model's file, in megabytes.",
    "max_runtime_failures": "Installed runtimes of --runtime that fail on the last model or give something else.",
}
"""Help by the name of the field of `Thresholds`."""


def gate_options(function: Any) -> Any:
    """An option for each of `GATES`."""
    for name, text in reversed(GATES.items()):
        function = click.option(f"--{name.replace('_', '-')}", type=float, help=f"Gate. {text}")(function)
    return function
