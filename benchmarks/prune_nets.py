"""Prune published networks, and judge them by what they are for.

    OMP_NUM_THREADS=1 python benchmarks/prune_nets.py googlenet --ratio 1.5 [--criterion lasso] [--no-refit]

Per line: the figure of the original and of the pruned network, the share of the MACs that is left, CPU seconds and peak
MB of pruning, calibration images included.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from planish.files import write_model
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.prune import Prune
from planish.passes.statistics import Sampling
from planish.runtime_check.session import Session
from real_nets import NETS


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", choices=list(NETS))
    parser.add_argument("--ratio", type=float, default=1.5)
    parser.add_argument("--criterion", default="lasso")
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--no-refit", action="store_true")
    parser.add_argument("--save", type=Path)
    settings = parser.parse_args()
    net = NETS[settings.net]
    parts = net.model()
    started = time.process_time()
    step = Prune(
        goal=Goal("MACs", settings.ratio),
        criterion=settings.criterion,
        fitted=not settings.no_refit,
        batches=net.calibration(parts),
        sampling=Sampling(settings.samples),
        input_shapes=net.shapes,
    )
    result = rewrite(parts, [step], net.shapes)
    seconds = time.process_time() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if settings.save is not None:
        write_model(result.parts, settings.save)
    before, after = (net.score(p, Session(p, optimizations="all")) for p in (parts, result.parts))
    left = result.after.macs() / result.before.macs()
    print(
        f"{settings.net} {settings.criterion}{' unfitted' if settings.no_refit else ''}: {before:.2f} to {after:.2f} "
        f"{net.unit} at {left:.3f} of the MACs, {seconds:.1f} CPU s, {megabytes:.0f} MB"
    )


if __name__ == "__main__":
    main()
