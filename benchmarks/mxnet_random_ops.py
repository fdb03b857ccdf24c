"""Compares converted operators with MXNet itself, on random options.

MXNet 1.9.1 lives in a Python of its own (it needs NumPy before 1.24):

    python3.11 -m venv /tmp/mx && /tmp/mx/bin/pip install mxnet==1.9.1 'numpy<1.24'
    MXNET_MKLDNN_ENABLED=0 /tmp/mx/bin/python benchmarks/mxnet_random_ops.py generate /tmp/cases --draws 20
    /tmp/mx/bin/python benchmarks/mxnet_random_ops.py generate /tmp/cases --draws 20 --family recurrent
    python benchmarks/mxnet_random_ops.py compare /tmp/cases

Without oneDNN its RNN computes nothing, with oneDNN some of its layout operators crash: hence the two runs. (Without
oneDNN it also computes SoftmaxOutput of four axes over the whole sample, with oneDNN over the last axis.)

`generate` writes each case as NAME-symbol.json, NAME-0000.params and NAME.npz; draws that MXNet refuses are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def generate(folder: Path, draws: int, only: str | None, *, verbose: bool) -> None:
    """Write `draws` cases of each family; runs in MXNet's Python."""
    import mxnet as mx
    from mxnet_draw import Draw
    from mxnet_draw_detection import FAMILIES as DETECTION
    from mxnet_draw_layers import FAMILIES as LAYERS
    from mxnet_draw_tensors import FAMILIES as TENSORS

    folder.mkdir(parents=True, exist_ok=True)
    written = refused = 0
    for name, family in {**LAYERS, **TENSORS, **DETECTION}.items():
        if only not in (None, name):
            continue
        for index in range(draws):
            draw = Draw(mx, zlib.crc32(f"{name}{index}".encode()) % 2**31)
            try:
                symbol = family(draw)
                results = _forward(mx, symbol, draw)
            except Exception as error:
                refused += 1
                if verbose:
                    print(f"{name}{index}: {str(error)[:200]!r}")
                continue
            prefix = folder / f"{name}{index}"
            symbol.save(f"{prefix}-symbol.json")
            mx.nd.save(f"{prefix}-0000.params", {f"arg:{k}": mx.nd.array(v) for k, v in draw.weights.items()})
            np.savez(
                f"{prefix}.npz",
                **{f"in_{k}": v for k, v in draw.inputs.items()},
                **{f"out_{i}": v for i, v in enumerate(results)},
            )
            written += 1
    print(f"{written} cases written, {refused} draws refused by MXNet")


def _forward(mx: Any, symbol: Any, draw: Any) -> list[np.ndarray]:
    needed = set(symbol.list_inputs())
    draw.inputs = {k: v for k, v in draw.inputs.items() if k in needed}
    values = {k: mx.nd.array(v) for k, v in {**draw.inputs, **draw.weights}.items() if k in needed}
    shapes, _, _ = symbol.infer_shape_partial(**{k: v.shape for k, v in values.items()})
    for key, shape in zip(symbol.list_arguments(), shapes, strict=True):
        values.setdefault(key, mx.nd.zeros(shape or (1,)))
    auxiliary = {k: values[k] for k in symbol.list_auxiliary_states()}
    arguments = {k: values[k] for k in symbol.list_arguments()}
    executor = symbol.bind(mx.cpu(), args=arguments, aux_states=auxiliary, grad_req="null")
    return [output.asnumpy() for output in executor.forward(is_train=False)]


def compare(folder: Path, opset: int, *, verbose: bool) -> int:
    """Convert and run every case; the number of wrong ones."""
    from planish.converter.mxnet import convert_mxnet
    from planish.errors import PlanishError
    from planish.runtime_check.session import Session

    tally = Counter()
    for path in sorted(folder.glob("*-symbol.json")):
        name = path.name.removesuffix("-symbol.json")
        with np.load(folder / f"{name}.npz") as file:
            golden = {key: file[key] for key in file}
        feeds = {key[3:]: value for key, value in golden.items() if key.startswith("in_")}
        wanted = [golden[f"out_{i}"] for i in range(len(golden) - len(feeds))]
        try:
            shapes = {key: value.shape for key, value in feeds.items()}
            parts = convert_mxnet(path, folder / f"{name}-0000.params", input_shapes=shapes, opset=opset)
            found = list(Session(parts.to_model()).run(feeds).values())
        except PlanishError as error:
            tally["refused"] += 1
            print(f"REFUSED {name}: {str(error)[-300:]}")
            continue
        verdict = _verdict(found, wanted)
        notes = next(json.loads(e.value)["notes"] for e in parts.model.metadata_props if "provenance" in e.key)
        fixed = any("batch is fixed" in text for text in notes)
        tally[verdict] += 1
        tally["of which with a fixed batch"] += fixed
        if verdict != "right":
            print(f"{verdict.upper()} {name}: {[a.shape for a in found]} for {[a.shape for a in wanted]}")
        if verbose and fixed:
            print(name, notes)
    print(dict(tally))
    return tally["wrong"]


def _verdict(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> str:
    for a, b in zip(found, wanted, strict=True):
        scale = np.abs(b[np.isfinite(b)]).max(initial=0)
        if (
            a.shape != b.shape
            or a.dtype != b.dtype
            or not np.allclose(a, b, rtol=0, atol=1e-3 * scale + 1e-6, equal_nan=True)
        ):
            return "wrong"
    return "right"


def main() -> int:
    """Generate or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["generate", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=20, help="cases of each family")
    parser.add_argument("--family", help="generate this one only")
    parser.add_argument("--opset", type=int, default=17)
    parser.add_argument("-v", action="store_true", dest="verbose")
    options = parser.parse_args()
    if options.job == "generate":
        generate(options.folder, options.draws, options.family, verbose=options.verbose)
        return 0
    return 1 if compare(options.folder, options.opset, verbose=options.verbose) else 0


if __name__ == "__main__":
    sys.exit(main())
