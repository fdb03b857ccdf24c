"""Mutates symbols and parameter files and converts them: every answer must be a model or a PlanishError.

    python tests/converter/mxnet/fuzz.py --seconds 600

The seeds are the golden cases of ../shared/conformance/mxnet, where they are, and the symbols of corpus/. A finding is
kept as finding-N-symbol.json and finding-N.params in the working folder. Memory and the time of one input are limited.
"""

import argparse
import contextlib
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
from planish.converter.mxnet import convert_mxnet
from planish.errors import PlanishError

CORPUS = Path(__file__).parent / "corpus"
GOLDEN = Path(__file__).parents[3] / "../shared/conformance/mxnet"
TEXTS = (
    *("0", "-1", "1", "2", "3", "7", "64", "100000", "2147483648", "-2147483648", "9" * 30, "1e300", "nan", "None", ""),
    *("()", "(0,)", "(1, 1)", "(2, 3)", "(-1, 0)", "(-4, -1, 2)", "(0, 0, 0, 0, 0)", "(3", "[1,2]", "True", "False"),
    *("max", "avg", "float16", "int32", "(1000000, 1000000)", "__import__('os')", "channel", "0.5", "-0.5", "((1,),)"),
)


def mutate_symbol(text, choose):
    """One to three changes somewhere in a symbol's JSON."""
    document = json.loads(text)
    for _ in range(choose.randint(1, 3)):
        nodes = [entry for entry in document["nodes"] if isinstance(entry, dict) and "op" in entry]
        node = choose.choice(nodes)
        key = next((key for key in ("attrs", "attr", "param") if node.get(key)), None)
        kind = choose.randrange(7)
        if kind <= 2 and key:
            node[key][choose.choice(sorted(node[key]))] = choose.choice(TEXTS)
        elif kind == 3 and key:
            del node[key][choose.choice(sorted(node[key]))]
        elif kind == 4 and node["inputs"]:
            entry = choose.choice(node["inputs"])
            entry[choose.randrange(len(entry))] = choose.choice([0, 1, 2, 5, -1, 10**9, len(document["nodes"]) - 1])
        elif kind == 5:
            node["op"] = choose.choice([other["op"] for other in nodes])
        else:
            document[choose.choice(["nodes", "heads"])].append(choose.choice([[0, 0, 0], [3, 1], {}, 7, None]))
    return json.dumps(document)


def mutate_bytes(data, choose):
    """One to three bytes changed, or the end cut off."""
    changed = bytearray(data)
    for _ in range(choose.randint(1, 3)):
        if changed and choose.random() < 0.2:
            del changed[choose.randrange(len(changed)) :]
        if changed:
            changed[choose.randrange(min(len(changed), 200))] = choose.choice([0, 1, 2, 4, 127, 128, 255])
    return bytes(changed)


def seeds(*more):
    """(symbol text, params bytes, input shapes) of every seed."""
    for folder in (CORPUS, GOLDEN, *more):
        for path in sorted(folder.glob("*-symbol.json")):
            name = path.name.removesuffix("-symbol.json")
            params, case = folder / f"{name}-0000.params", folder / f"{name}.json"
            shapes = json.loads(case.read_text())["inshape"] if case.exists() else {"data": [2, 3, 5, 7]}
            if (folder / f"{name}.npz").exists() and not case.exists():
                with np.load(folder / f"{name}.npz") as arrays:
                    shapes = {key[3:]: list(arrays[key].shape) for key in arrays if key.startswith("in_")}
            yield path.read_text(), params.read_bytes() if params.exists() else b"", shapes


def attempt(symbol, params, shapes, folder):
    """Convert; anything but a PlanishError comes out."""
    symbol_file, params_file = folder / "net-symbol.json", folder / "net-0000.params"
    symbol_file.write_text(symbol)
    params_file.write_bytes(params)
    with contextlib.suppress(PlanishError):
        convert_mxnet(symbol_file, params_file if params else None, input_shapes=shapes, random_weights=0)
        return True
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "folders", nargs="*", type=Path, help="more seeds, as benchmarks/mxnet_random_ops.py writes them"
    )
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    choose, pool = random.Random(options.seed), list(seeds(*options.folders))
    end, tried, converted, findings = time.monotonic() + options.seconds, 0, 0, 0
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("more than 20 seconds")))
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            symbol, params, shapes = choose.choice(pool)
            if choose.random() < 0.75 or not params:
                symbol = mutate_symbol(symbol, choose)
            else:
                params = mutate_bytes(params, choose)
            tried += 1
            signal.alarm(20)
            try:
                converted += attempt(symbol, params, shapes, Path(folder))
            except Exception as error:
                findings += 1
                place = traceback.extract_tb(error.__traceback__)[-1]
                print(
                    f"finding {findings}: {type(error).__name__}: {str(error)[:150]} at {place.filename}:{place.lineno}"
                )
                Path(f"finding-{findings}-symbol.json").write_text(symbol)
                Path(f"finding-{findings}.params").write_bytes(params)
            finally:
                signal.alarm(0)
    print(f"{tried} inputs, {converted} converted, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
