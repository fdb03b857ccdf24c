"""Runs the golden Caffe cases, converted at the default opset, on several versions of onnxruntime.

    python benchmarks/onnxruntime_versions.py [--versions 1.16.3,1.19.2,1.20.1,1.23.2,] [--opset 17]

Each version is installed into a virtual environment of its own, in a temporary folder; an empty version is the newest.
A case is right if every output has the golden shape and differs by at most 1e-4 of its largest magnitude.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from planish.converter.caffe import convert_caffe
from planish.errors import PlanishError
from planish.files import write_model

CASES = Path(__file__).parents[1] / "../shared/conformance"

RUNNER = r"""
import json, pathlib, sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
right, wrong = 0, []
for facts in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    names = json.loads(facts.read_text())
    golden = numpy.load(facts.with_suffix(".npz"))
    feeds = {name: golden["in_" + name].astype(numpy.float32) for name in names["inputs"]}
    try:
        session = onnxruntime.InferenceSession(str(facts.with_suffix(".onnx")), options, ["CPUExecutionProvider"])
        used = {value.name for value in session.get_inputs()}
        found = dict(zip([v.name for v in session.get_outputs()], session.run(None, {n: feeds[n] for n in used})))
        for name in names["outputs"]:
            expected = golden["out_" + name]
            assert found[name].shape == expected.shape, (found[name].shape, expected.shape)
            largest = numpy.abs(expected).max(initial=1e-30)
            error = numpy.abs(found[name].astype(float) - expected).max(initial=0) / largest
            assert error <= 1e-4, error
        right += 1
    except Exception as error:
        wrong.append((facts.stem, str(error)[:200]))
print(json.dumps({"version": onnxruntime.__version__, "right": right, "wrong": wrong}))
"""


def main() -> int:
    """Convert, run on every version, print; exit code 1 if any answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", default="1.16.3,1.19.2,1.20.1,1.23.2,")
    parser.add_argument("--opset", type=int, default=17)
    arguments = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        models.mkdir()
        convert_all(models, arguments.opset)
        for version in arguments.versions.split(","):
            result = run_on(version, models, Path(folder) / f"venv{version}")
            print(f"onnxruntime {result['version']}: {result['right']} right, {len(result['wrong'])} wrong", flush=True)
            for name, reason in result["wrong"]:
                print(f"  {name}: {reason}")
            failures += len(result["wrong"])
    return 1 if failures else 0


def convert_all(models: Path, opset: int) -> None:
    """The golden cases as ONNX files beside their facts and arrays."""
    for facts in sorted(path for name in ("caffe", "caffe_ssd") for path in (CASES / name).glob("*.json")):
        try:
            parts = convert_caffe(facts.with_suffix(".prototxt"), facts.with_suffix(".caffemodel"), opset=opset)
        except PlanishError as error:
            print(f"refused: {error}")
            continue
        write_model(parts, models / f"{facts.stem}.onnx")
        shutil.copy(facts, models)
        shutil.copy(facts.with_suffix(".npz"), models)


def run_on(version: str, models: Path, venv: Path) -> dict:
    """Install one version and run every model on it."""
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    wanted = [f"onnxruntime=={version}", "numpy<2"] if version else ["onnxruntime"]
    subprocess.run([str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
    command = [str(venv / "bin/python"), "-c", RUNNER, str(models)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
