"""Mutates nets and weights and reads them: every answer must be a model that runs, or a PlanishError.

    python tests/converter/caffe/fuzz.py --seconds 600 text
    python tests/converter/caffe/fuzz.py --seconds 600 wire
    python tests/converter/caffe/fuzz.py --seconds 600 reader

The seeds are the small files of corpus/ and, where they are, the golden cases of ../shared/conformance. A finding is
kept beside the working folder as finding-*.prototxt and finding-*.caffemodel. Memory is limited, and so is the time of
one input.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

from planish.converter.caffe import convert_caffe
from planish.converter.caffe.caffemodel import read_caffemodel
from planish.converter.caffe.sources import read_net_message
from planish.converter.caffe.structure import read_structure
from planish.errors import PlanishError

CORPUS = Path(__file__).parent / "corpus"
CONFORMANCE = Path(__file__).parents[3] / "../shared/conformance"
EXTRA_MEMORY = 200 * 2**20
SECONDS_PER_INPUT = 20
NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "3",
    "7",
    "64",
    "65536",
    "2147483647",
    "99999999999",
    "1e38",
    "-0.0",
    "inf",
    "nan",
    "1.5",
)
OUR_BUG = "this is a bug of planish"


class Finding(Exception):
    """An input that was neither converted nor refused."""


def seeds(target):
    """(prototxt, caffemodel) as bytes."""
    folders = [CORPUS, CONFORMANCE / "caffe", CONFORMANCE / "caffe_ssd"]
    pairs = []
    for prototxt in sorted(path for folder in folders for path in folder.glob("*.prototxt")):
        caffemodel = prototxt.with_suffix(".caffemodel")
        pairs.append((prototxt.read_bytes(), caffemodel.read_bytes() if caffemodel.is_file() else b""))
    return [pair for pair in pairs if pair[1] or target == "text"]


def mutate_text(text, dice):
    """Tokens replaced, dropped, doubled or swapped; at times plain bytes."""
    if dice.random() < 0.2:
        return mutate_bytes(text, dice)
    tokens = re.findall(rb"\s+|[\w.+-]+|.", text)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(tokens))
        action = dice.randrange(5)
        if action == 0 and (numbers := [i for i, token in enumerate(tokens) if token[:1].isdigit()]):
            tokens[dice.choice(numbers)] = dice.choice(NUMBERS).encode()
        elif action == 1:
            tokens[at] = dice.choice(tokens)
        elif action == 2:
            del tokens[at : at + dice.choice((1, 2, 8))]
        elif action == 3:
            tokens[at:at] = tokens[at : at + dice.choice((1, 4, 16))] * dice.choice((1, 2, 50))
        else:
            other = dice.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        tokens = tokens or [b" "]
    return b"".join(tokens)


def mutate_bytes(data, dice):
    """Bytes flipped, cut, doubled or overwritten with values that lengths and sizes break at."""
    data = bytearray(data or b"\0")
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.randrange(len(data))
        action = dice.randrange(5)
        if action == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif action == 1:
            data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif action == 2:
            del data[at : at + dice.choice((1, 2, 16, len(data)))]
        elif action == 3:
            data[at:at] = data[at : at + dice.choice((1, 8, 64))]
        else:
            data[at:at] = dice.choice((b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80" * 12))
        data = data or bytearray(b"\0")
    return bytes(data)


def read(target, prototxt, caffemodel, folder):
    """One input through the reader; raises Finding."""
    net, weights = folder / "net.prototxt", folder / "net.caffemodel"
    net.write_bytes(prototxt)
    weights.write_bytes(caffemodel)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    try:
        if target == "text":
            read_structure(read_net_message(net))
        elif target == "wire":
            read_caffemodel(weights)
        else:
            convert_caffe(net, weights)
    except PlanishError as error:
        if OUR_BUG in str(error):
            raise Finding(str(error)) from error
    except Exception as error:
        raise Finding(f"{type(error).__name__}: {error}") from error
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    if grown > 2 * (len(prototxt) + len(caffemodel)) + EXTRA_MEMORY:
        raise Finding(f"took {grown >> 20} MB")


@contextlib.contextmanager
def deadline(seconds):
    """Turns a hang into a Finding."""

    def stop(*_):
        raise Finding(f"took more than {seconds} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def fuzz(target, *, seed, inputs=None, seconds=None):
    """Try mutations; yields (number, message, prototxt, caffemodel) for each finding."""
    dice = random.Random(seed)
    pairs = seeds(target)
    end = time.monotonic() + seconds if seconds else None
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        while (inputs is None or number < inputs) and (end is None or time.monotonic() < end):
            prototxt, caffemodel = dice.choice(pairs)
            if target == "text" or (target == "reader" and dice.random() < 0.6):
                prototxt = mutate_text(prototxt, dice)
            else:
                caffemodel = mutate_bytes(caffemodel, dice)
            if target == "text" and dice.random() < 0.3:  # a binary net
                prototxt = mutate_bytes(dice.choice(pairs)[1], dice)
            try:
                with deadline(SECONDS_PER_INPUT):
                    read(target, prototxt, caffemodel, Path(folder))
            except Finding as finding:
                yield number, str(finding), prototxt, caffemodel
            number += 1
    print(f"{target}: {number} inputs", file=sys.stderr)


def main():
    """Run until the time is over; exit code 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=("text", "wire", "reader"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = 0
    for number, message, prototxt, caffemodel in fuzz(arguments.target, seed=arguments.seed, seconds=arguments.seconds):
        found += 1
        print(f"{number}: {message[:600]}", flush=True)
        Path(f"finding-{arguments.target}-{number}.prototxt").write_bytes(prototxt)
        Path(f"finding-{arguments.target}-{number}.caffemodel").write_bytes(caffemodel)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
