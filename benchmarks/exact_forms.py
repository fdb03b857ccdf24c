"""One operator between two 1x1 convolutions, in the forms that exact rules choose from.

    python benchmarks/exact_forms.py

Prints process CPU milliseconds of the whole little net at 1 thread in onnxruntime, and of the same net with a Relu in
the operator's place; the difference is what the form costs in onnxruntime's blocked layout.
"""

from __future__ import annotations

import numpy as np
import onnx
from planish.runtime_check.latency import measure
from planish.runtime_check.session import Session

LRN = "q = Mul (c, c) {base} a = Sqrt (s) b = Sqrt (a) d = Mul (a, b) l = Div (c, d)"
FORMS = {
    "LRN": {
        "LRN": "l = LRN <size=5> (c)",
        "banded 1x1 convolution": LRN.format(base="s = Conv (q, band, ones)"),
        "average over channels": LRN.format(
            base="u = Unsqueeze (q, axis) p = AveragePool <kernel_shape=[5,1,1], pads=[2,0,0,2,0,0], "
            "count_include_pad=1> (u) v = Squeeze (p, axis) m = Mul (v, alpha) s = Add (m, one)"
        ),
    },
    "PRelu": {
        "PRelu": "l = PRelu (c, slopes)",
        "Relu and two scalings": "r = Relu (c) p = Conv <group={C}> (c, scale) q = Conv <group={C}> (r, scale) "
        "l = Add (p, q)",
    },
    "power 3/4": {
        "Pow": "a = Abs (c) l = Pow (a, quarters)",
        "roots": "a = Abs (c) b = Sqrt (a) d = Sqrt (b) l = Mul (b, d)",
    },
    "hard swish": {
        "Add, Clip, Mul, Div": "a = Add (c, three) b = Clip (a, zero, six) d = Mul (c, b) l = Div (d, six)",
        "HardSwish": "l = HardSwish (c)",
    },
    "groups of 4": {
        "as they are": "l = Conv <group={C4}, pads=[1,1,1,1]> (c, group4)",
        "groups of 16": "l = Conv <group={C16}, pads=[1,1,1,1]> (c, group16)",
    },
    "siblings": {
        "two convolutions": "p = Conv (c, half) q = Conv (c, half) a = Relu (p) b = Relu (q) "
        "l = Concat <axis=1> (a, b)",
        "one and a Split": "p = Conv (c, w) r = Relu (p) a, b = Split <axis=1> (r, halves) l = Concat <axis=1> (a, b)",
    },
}


def build(body: str, channels: int, size: int) -> onnx.ModelProto:
    """Conv, Relu unless the form wants the bare convolution, the form, Conv."""
    body = body.replace("{C}", str(channels)).replace("{C4}", str(channels // 4)).replace("{C16}", str(channels // 16))
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[1,{channels},{size},{size}] x) => '
        f"(float[1,{channels},{size},{size}] y) {{ c = Conv (x, w) {body} y = Conv (l, w) }}"
    )
    rng = np.random.default_rng(0)
    distance = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels)))
    arrays = {
        "w": rng.standard_normal((channels, channels, 1, 1)) / channels**0.5,
        "half": rng.standard_normal((channels // 2, channels, 1, 1)) / channels**0.5,
        "band": np.where(distance <= 2, 2e-5, 0)[..., None, None],
        "ones": np.ones(channels),
        "slopes": rng.uniform(0, 0.5, (channels, 1, 1)),
        "scale": rng.uniform(0, 0.5, (channels, 1, 1, 1)),
        "group4": rng.standard_normal((channels, 4, 3, 3)) / 6,
        "group16": rng.standard_normal((channels, 16, 3, 3)) / 12,
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


def main() -> None:
    """Print a table for two sizes."""
    for channels, size in ((64, 56), (192, 56), (512, 14)):
        x = {"x": np.random.default_rng(0).standard_normal((1, channels, size, size)).astype(np.float32)}
        for operator, forms in FORMS.items():
            bodies = {"Relu alone": "l = Relu (c)", **forms}
            sessions = [Session(build(body, channels, size), optimizations="all") for body in bodies.values()]
            timings = measure(sessions, x, threads=1, rounds=15).timings
            times = "  ".join(f"{name} {t.cpu_ms:.3f}" for name, t in zip(bodies, timings, strict=True))
            print(f"{channels:4d} x {size:2d} x {size:2d}  {operator:12s} {times}", flush=True)


if __name__ == "__main__":
    main()
