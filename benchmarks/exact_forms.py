"""One operator between two 1x1 convolutions, in the forms that exact rules choose from.

    python benchmarks/exact_forms.py
    python benchmarks/exact_forms.py --runtime ncnn --python /path/to/python-with-ncnn

Prints process CPU milliseconds of the whole little net at 1 thread in onnxruntime, and of the same net with a Relu in
the operator's place; the difference is what the form costs in onnxruntime's blocked layout. With --runtime: whether
another runtime computes what the rules write for onnxruntime, and how many times as fast.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from planish.files import as_parts
from planish.passes.exact import (
    Exact,
    clip,
    deconvolution,
    hard_swish,
    lp_normalization,
    lrn,
    merge_groups,
    normalization,
    power,
    prelu,
    resize,
    winograd,
)
from planish.passes.exact.rule import Rewrite, Rule, Scene
from planish.passes.graph import to_graph, to_parts
from planish.runtime_check.latency import measure
from planish.runtime_check.session import Session

Forms = TypeVar("Forms")
TENT = np.array([0.25, 0.75, 0.75, 0.25])
LRN = "q = Mul (c, c) {base} a = Sqrt (s) b = Sqrt (a) d = Mul (a, b) l = Div (c, d)"
FORMS = {
    "LRN": {
        "banded 1x1 convolution": LRN.format(base="s = Conv (q, band, ones)"),
        "average over channels": LRN.format(
            base="u = Unsqueeze (q, axis) p = AveragePool <kernel_shape=[5,1,1], pads=[2,0,0,2,0,0], "
            "count_include_pad=1> (u) v = Squeeze (p, axis) m = Mul (v, alpha) s = Add (m, one)"
        ),
    },
    "siblings": {
        "two convolutions": "p = Conv (c, half) q = Conv (c, half) a = Relu (p) b = Relu (q) "
        "l = Concat <axis=1> (a, b)",
        "one and a Split": "p = Conv (c, w) r = Relu (p) a, b = Split <axis=1> (r, halves) l = Concat <axis=1> (a, b)",
    },
}

RULED = {
    "3x3 convolution": ("l = Conv <pads=[1,1,1,1]> (c, square)", winograd.RULE),
    "5x5 convolution": ("l = Conv <pads=[2,2,2,2]> (c, large)", winograd.RULE),
    "LRN": ("l = LRN <size=5> (c)", lrn.RULE),
    "PRelu": ("l = PRelu (c, slopes)", prelu.RULE),
    "groups of 4": ("l = Conv <group={C4}, pads=[1,1,1,1]> (c, group4)", merge_groups.RULE),
    "power 3/4": ("a = Abs (c) l = Pow (a, quarters)", power.RULE),
    "hard swish": ("a = Add (c, three) b = Clip (a, zero, six) d = Mul (c, b) l = Div (d, six)", hard_swish.RULE),
    "leaky Relu, apart": ("k = Mul (c, quarters) l = Max (c, k)", clip.RULE),
    "mean and variance": ("l = MeanVarianceNormalization <axes=[2,3]> (c)", normalization.RULE),
    "layer norm, apart": (
        "m = ReduceMean <axes=[-1]> (c) d = Sub (c, m) q = Mul (d, d) v = ReduceMean <axes=[-1]> (q) "
        "e = Add (v, one) t = Sqrt (e) l = Div (d, t)",
        normalization.RULE,
    ),
    "L2 normalization": ("l = LpNormalization <axis=1> (c)", lp_normalization.RULE),
    "nearest, twice": ('l = Resize <mode="nearest"> (c, nothing, twice)', resize.RULE),
    "bilinear, twice": ("l = ConvTranspose <group={C}, strides=[2,2], pads=[1,1,1,1]> (c, tent)", deconvolution.RULE),
}
"""What a rule rewrites, everywhere it matches."""


def build(body: str, channels: int, size: int) -> onnx.ModelProto:
    """Conv, Relu unless the form wants the bare convolution, the form, Conv."""
    body = body.replace("{C}", str(channels)).replace("{C4}", str(channels // 4))
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[1,{channels},{size},{size}] x) => '
        f"(float[1,{channels},h,w] y) {{ c = Conv (x, w) {body} y = Conv (l, w) }}"
    )
    rng = np.random.default_rng(0)
    distance = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels)))
    arrays = {
        "w": rng.standard_normal((channels, channels, 1, 1)) / channels**0.5,
        "half": rng.standard_normal((channels // 2, channels, 1, 1)) / channels**0.5,
        "band": np.where(distance <= 2, 2e-5, 0)[..., None, None],
        "ones": np.ones(channels),
        "slopes": rng.uniform(0, 0.5, (channels, 1, 1)),
        "square": rng.standard_normal((channels, channels, 3, 3)) / (3 * channels**0.5),
        "large": rng.standard_normal((channels, channels, 5, 5)) / (5 * channels**0.5),
        "tent": np.tile(np.outer(TENT, TENT), (channels, 1, 1, 1)),
        "twice": np.array([1, 1, 2, 2]),
        "nothing": np.zeros(0),
        "group4": rng.standard_normal((channels, 4, 3, 3)) / 6,
        **{
            name: np.array(v)
            for name, v in {"alpha": 1e-4, "one": 1, "quarters": 0.75, "three": 3, "zero": 0, "six": 6}.items()
        },
    }
    integers = {"axis": np.array([1]), "halves": np.array([channels // 2, channels // 2])}
    used = {name for node in model.graph.node for name in node.input}
    for name, values in {**{n: v.astype(np.float32) for n, v in arrays.items()}, **integers}.items():
        if name in used:
            model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return model


def ruled(model: onnx.ModelProto, rule: Rule) -> onnx.ModelProto:
    """`model` with `rule` applied wherever it matches, whether that is predicted to gain or not."""

    def match(node: gs.Node, scene: Scene) -> Rewrite | str | None:
        found = rule.match(node, scene)
        return replace(found, gain_ms=math.inf) if isinstance(found, Rewrite) else found

    graph = to_graph(as_parts(model))
    Exact(rules=(replace(rule, match=match),)).run(graph)
    return to_parts(graph, as_parts(model)).to_model()


def show(channels: int, size: int, operator: str, models: dict[str, onnx.ModelProto]) -> None:
    """One line of the table."""
    x = {"x": np.random.default_rng(0).standard_normal((1, channels, size, size)).astype(np.float32)}
    timings = measure([Session(m, optimizations="all") for m in models.values()], x, threads=1, rounds=15).timings
    times = "  ".join(f"{name} {t.cpu_ms:.3f}" for name, t in zip(models, timings, strict=True))
    print(f"{channels:4d} x {size:2d} x {size:2d}  {operator:17s} {times}", flush=True)


def elsewhere(runtime: str, python: str, channels: int = 64, size: int = 20) -> None:
    """One line per rule: what another runtime makes of its result."""
    script = Path(__file__).parent / "exact_runtime.py"
    for operator, (body, rule) in RULED.items():
        before = build(body, channels, size)
        with tempfile.TemporaryDirectory() as folder:
            paths = [f"{folder}/{name}.onnx" for name in ("before", "after")]
            for path, model in zip(paths, (before, ruled(before, rule)), strict=True):
                onnx.save(model, path)
            command = [python, str(script), runtime, *paths, f"1,{channels},{size},{size}"]
            lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().splitlines()
        found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None
        told = f"{found['ratio']:.2f} times, {found['runtime_difference']:.0e} apart" if found else "is not read"
        print(f"{operator:17s} {told}", flush=True)


def chosen(forms: Mapping[str, Forms], only: str) -> dict[str, Forms]:
    """The operators whose name contains `only`."""
    return {operator: found for operator, found in forms.items() if only in operator}


def main() -> None:
    """Print a table for three sizes, or for another runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="operators whose name contains this")
    parser.add_argument("--runtime", help="try the rules' results in openvino, ncnn, mnn or opencv")
    parser.add_argument("--python", default=sys.executable, help="a Python that has that runtime")
    options = parser.parse_args()
    if options.runtime:
        elsewhere(options.runtime, options.python)
        return
    for channels, size in ((64, 56), (192, 56), (512, 14)):
        alone = build("l = Relu (c)", channels, size)
        for operator, forms in chosen(FORMS, options.only).items():
            built = {name: build(body, channels, size) for name, body in forms.items()}
            show(channels, size, operator, {"Relu alone": alone, **built})
        for operator, (body, rule) in chosen(RULED, options.only).items():
            before = build(body, channels, size)
            show(channels, size, operator, {"Relu alone": alone, "before": before, "after": ruled(before, rule)})


if __name__ == "__main__":
    main()
