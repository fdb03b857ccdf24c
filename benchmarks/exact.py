"""What `planish rewrite --pass exact` gains: milliseconds before, after, onnxsim's, onnxslim's, and the difference.

    python benchmarks/exact.py                              every model of ../shared and the catalogue (random weights)
    python benchmarks/exact.py net.onnx --measure           one model, rules timed on the spot
    python benchmarks/exact.py --only googlenet --tools /path/to/python-with-onnxsim-and-onnxslim
    python benchmarks/exact.py --only googlenet --target ncnn --runtime ncnn --python /path/to/python-with-ncnn
    python benchmarks/exact.py --only googlenet --profile     where the time goes, before and after

Times are process CPU milliseconds of one run at 1 thread and batch 1, medians of interleaved rounds, optimizations on.
The difference is the largest over all outputs, over the largest magnitude of that output, with optimizations off.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from planish.files import write_model
from planish.models import networks
from planish.passes import rewrite
from planish.passes.exact import Exact
from planish.passes.targets import find_target
from planish.runtime_check.latency import measure
from planish.runtime_check.profile import profile
from planish.runtime_check.session import Session

SHARED = Path(__file__).parents[1] / "../shared"
MTCNN_SIZES = {"det1": 12, "det2": 24, "det3": 48}
MXNET_SIZES = {**MTCNN_SIZES, "mobilefacenet_y1": 112, "gender_age": 112, "lenet_mnist": 28}
OPEN_SIZE = 224
LEAST_SHARE = 0.02


def conversions() -> Iterator[tuple[str, list[str]]]:
    """Name and arguments of `planish convert` for every Caffe and MXNet model of ../shared and the catalogue."""
    for weights in sorted((SHARED / "assets/models/caffe").glob("*/*.caffemodel")):
        known = [path for path in weights.parent.glob("*.prototxt") if "train_test" not in path.name]
        prototxt = next((path for path in known if path.stem == weights.stem), None)
        prototxt = prototxt or next((path for path in known if "noloss" in path.name), known[0])
        name = weights.stem if weights.parent.name == "mtcnn" else weights.parent.name
        yield f"caffe/{name}", ["caffe", str(prototxt), str(weights)]
    for params in sorted((SHARED / "assets/models").glob("mxnet*/*/*.params")):
        prefix, name = str(params)[: -len("-0000.params")], params.parent.name
        name = Path(prefix).name if name == "mtcnn" else name
        size = MXNET_SIZES.get(name, 227)
        channels = 1 if name == "lenet_mnist" else 3
        yield f"mxnet/{name}", ["mxnet", prefix, "--input-shape", f"data=1,{channels},{size},{size}"]
    for name in networks():
        yield f"catalogue/{name}", [name, "--random-weights", "0"]


def models(folder: Path, only: str | None) -> Iterator[tuple[str, Path]]:
    """Every model, converted into `folder` where it is no ONNX file."""
    for path in sorted([*SHARED.glob("assets/models/onnx/*/*.onnx"), *SHARED.glob("peers/*.onnx")]):
        if only is None or only in path.stem:
            yield f"onnx/{path.stem}", path
    for name, arguments in conversions():
        if only is not None and only not in name:
            continue
        path = folder / f"{name.replace('/', '_')}.onnx"
        output = subprocess.run(
            [sys.executable, "-m", "planish", "convert", *arguments, "-o", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if path.is_file():
            yield name, path
        else:
            print(f"{name}: not converted: {output.stderr.strip().splitlines()[-1:]}", file=sys.stderr)


def noise(session: Session) -> dict[str, np.ndarray]:
    """Seeded input at batch 1, open sizes at 224."""
    rng = np.random.default_rng(0)
    shapes = {n: [1, *(s if isinstance(s, int) else OPEN_SIZE for s in t[1:])] for n, t in session.input_shapes.items()}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def difference(before: Path, after: Path) -> float:
    """The largest difference of any output, over the largest magnitude of that output."""
    sessions = [Session(path) for path in (before, after)]
    expected, got = (session.run(noise(sessions[0])) for session in sessions)
    return max(
        float(np.abs(got[name] - value).max() / max(np.abs(value).max(), 1e-30)) for name, value in expected.items()
    )


def simplified(python: str, tool: str, model: Path, folder: Path) -> Path | None:
    """What onnxsim or onnxslim makes of `model`, in a Python that has them; None where they fail."""
    result = folder / f"{model.stem}.{tool}.onnx"
    subprocess.run([python, "-m", tool, str(model), str(result)], capture_output=True, check=False)
    return result if result.is_file() else None


def compare(name: str, model: Path, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """One row of the table."""
    after = folder / f"{model.stem}.exact.onnx"
    step = Exact(target=find_target(options.target), measured=options.measure)
    rewritten = rewrite(str(model), [step])
    write_model(rewritten.parts, after)
    rules = Counter(change.what.partition(":")[0] for change in dict(rewritten.results)["exact"].changes)
    others = [
        simplified(options.tools, tool, model, folder) if options.tools else None for tool in ("onnxsim", "onnxslim")
    ]
    row: dict[str, object] = {"model": name, "difference": difference(model, after), "rules": dict(rules)}
    if options.profile:
        return {**row, "shares": [shares(path) for path in (model, after)]}
    if options.runtime:
        script = Path(__file__).parent / "exact_runtime.py"
        shape = ",".join(str(size) for size in next(iter(noise(Session(model)).values())).shape)
        output = subprocess.run(
            [options.python, str(script), options.runtime, str(model), str(after), shape],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = output.stdout.strip().splitlines() or ['{"error": "nothing said"}']
        return {**row, **json.loads(lines[-1])}
    paths = [model, after, *(path for path in others if path is not None)]
    sessions = [Session(path, optimizations="all") for path in paths]
    times = iter(measure(sessions, noise(sessions[0]), threads=1, seconds=options.seconds).timings)
    before, after = next(times).cpu_ms, next(times).cpu_ms
    row |= {"before_ms": before, "after_ms": after, "ratio": before / after}
    row["onnxsim_ms"], row["onnxslim_ms"] = (next(times).cpu_ms if path is not None else None for path in others)
    return row


def shares(model: Path) -> str:
    """The operators that take at least a fiftieth of the time, in percent of it."""
    taken: Counter[str] = Counter()
    for node in profile(model, noise(Session(model))):
        taken[node.operator] += node.ms
    whole = taken.total()
    return ", ".join(f"{name} {100 * ms / whole:.0f}" for name, ms in taken.most_common() if ms > LEAST_SHARE * whole)


def show(row: dict[str, object]) -> None:
    """One line of the table, or two of shares."""
    if "shares" in row:
        print("\n".join([str(row["model"]), *(f"    {line}" for line in row["shares"])]), flush=True)
        return
    cells = [f"{value:8.3f}" if isinstance(value, float) else f"{'-':>8}" for value in map(row.get, COLUMNS)]
    gain = f"{row['ratio']:6.3f}" if "ratio" in row else f"{row.get('error')}"
    print(f"{row['model']:36s} {' '.join(cells)} {gain} {row['difference']:8.1e}  {row['rules']}", flush=True)


COLUMNS = ("before_ms", "after_ms", "onnxsim_ms", "onnxslim_ms")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="ONNX files; by default every model there is")
    parser.add_argument("--only", help="models whose name contains this")
    parser.add_argument("--target", default="onnxruntime")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--seconds", type=float, default=4.0, help="to measure each model for")
    parser.add_argument("--tools", help="a Python that has onnxsim and onnxslim")
    parser.add_argument("--profile", action="store_true", help="print the operators' shares of the time instead")
    parser.add_argument("--runtime", help="time in openvino, ncnn, mnn or opencv instead of onnxruntime")
    parser.add_argument("--python", default=sys.executable, help="a Python that has that runtime")
    options = parser.parse_args()
    print(f"{'model':36s} {' '.join(f'{column[:-3]:>8}' for column in COLUMNS)} {'times':>6} {'differ':>8}  rules")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = [(path.stem, path) for path in options.models] or models(folder, options.only)
        for label, path in chosen:
            show(compare(label, path, folder, options))


if __name__ == "__main__":
    main()
