"""Low rank by accnn's rule, from weights at measured ranks, and fitted to data, side by side.

    OMP_NUM_THREADS=1 python benchmarks/lowrank.py googlenet --scope kxk --ratios 2 3
    OMP_NUM_THREADS=1 python benchmarks/lowrank.py model.onnx --data calib.csv --eval eval.csv --ratios 1.5 2

Named networks are those of ../shared/assets (benchmarks/real_nets.py), each with its own images and the figure that it
is judged by; any other model is a path, judged on --eval as `--max-drop` judges. Per line: the figure of the original
and of the rewritten network, the share of the MACs that is left, CPU seconds of the rewrite (reading the images not
counted) and, with --latency, how many times faster onnxruntime runs it on one thread, CPU time.

- accnn: singular value decomposition of the weights, ranks by the product of energies (MXNet's accnn).
- weights: the same factors, ranks by measured sensitivity.
- planish: ranks by measured sensitivity, factors fitted to the calibration data layer by layer.
- aimet: AIMET's spatial SVD with its own choice of ranks. Only where `--methods` names it and
  its packages are installed (benchmarks/aimet_svd.py): it judges every layer nine times on --aimet-images images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aimet_svd import AimetSvd, missing
from planish.files import ModelParts, read_parts
from planish.passes import rewrite
from planish.passes.budget import Goal
from planish.passes.calibration import open_calibration
from planish.passes.drop import Judge
from planish.passes.exact.trial import speedup
from planish.passes.graph import to_graph
from planish.passes.lowrank import Lowrank
from planish.passes.rewrite import Rewritten
from planish.passes.statistics import Sampling
from planish.runtime_check.session import Feeds, Session
from real_nets import NETS

WEIGHT_FORMS = ("spatial", "gemm")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is rewritten.

    Attributes:
        parts: the network.
        batches: what it is calibrated on.
        score: the figure of a rewritten network, higher is better.
        original: the figure as it is.
        unit: of the figure.
        shapes: of inputs whose sizes it leaves open.
    """

    parts: ModelParts
    batches: Sequence[Feeds]
    score: Callable[[ModelParts], float]
    original: float
    unit: str
    shapes: Mapping[str, Sequence[int]]


def named(name: str) -> Subject:
    """A network of ../shared/assets."""
    net = NETS[name]
    parts = net.model()

    def score(rewritten: ModelParts) -> float:
        return net.score(rewritten, Session(rewritten, optimizations="all"))

    return Subject(parts, net.calibration(parts), score, score(parts), net.unit, net.shapes)


def given(path: str, data: str, evaluation: str) -> Subject:
    """Any other network, with images of its own."""
    parts = read_parts(path)
    judge = Judge(to_graph(parts), open_calibration(parts, evaluation).batches())
    original = judge(to_graph(parts))

    def score(rewritten: ModelParts) -> float:
        return judge(to_graph(rewritten)).after

    return Subject(parts, list(open_calibration(parts, data)), score, original.before, original.figure, {})


def by_accnn(subject: Subject, goal: Goal, settings: argparse.Namespace) -> Rewritten:
    """MXNet's accnn."""
    step = Lowrank(goal=goal, ranks="energy", scope=settings.scope, forms=WEIGHT_FORMS)
    step.origin, step.input_shapes = subject.parts, subject.shapes
    return rewrite(subject.parts, [step], subject.shapes)


def from_weights(subject: Subject, goal: Goal, settings: argparse.Namespace) -> Rewritten:
    """Measured ranks, and no data in the factors."""
    measured = Lowrank(
        goal=goal,
        scope=settings.scope,
        forms=WEIGHT_FORMS,
        batches=subject.batches,
        origin=subject.parts,
        sampling=Sampling(settings.samples),
        input_shapes=subject.shapes,
    )
    plan = dict(rewrite(subject.parts, [measured], subject.shapes).results)["lowrank"].plan
    return rewrite(subject.parts, [Lowrank(plan=plan, input_shapes=subject.shapes)], subject.shapes)


def by_planish(subject: Subject, goal: Goal, settings: argparse.Namespace) -> Rewritten:
    """All that the pass does by default."""
    step = Lowrank(
        goal=goal,
        scope=settings.scope,
        forms=settings.forms,
        refine=settings.refine,
        batches=subject.batches,
        origin=subject.parts,
        sampling=Sampling(settings.samples),
        input_shapes=subject.shapes,
    )
    return rewrite(subject.parts, [step], subject.shapes)


def by_aimet(subject: Subject, goal: Goal, settings: argparse.Namespace) -> Rewritten:
    """AIMET's spatial SVD, after and before the same exact rewrites as the others."""
    step = AimetSvd(goal, settings.scope, subject.batches, settings.aimet_images, subject.shapes)
    return rewrite(subject.parts, [step], subject.shapes)


METHODS = {"accnn": by_accnn, "weights": from_weights, "planish": by_planish, "aimet": by_aimet}


def line(subject: Subject, name: str, ratio: float, settings: argparse.Namespace) -> str:
    """One method at one ratio."""
    started = time.process_time()
    result = METHODS[name](subject, Goal("MACs", ratio), settings)
    seconds = time.process_time() - started
    score = subject.score(result.parts)
    left = result.after.macs() / result.before.macs()
    faster = ""
    if settings.latency:
        found = speedup(to_graph(subject.parts), to_graph(result.parts), subject.shapes)
        faster = f", {found.median:.2f} times as fast"
    loss = subject.original - score
    return (
        f"{name} {ratio:g}: {score:.2f} {subject.unit} ({-loss:+.2f}), {left:.3f} of the MACs, {seconds:.0f} s{faster}"
    )


def available(methods: Sequence[str]) -> list[str]:
    """Those that can be run here; why AIMET is left out is printed."""
    reason = missing() if "aimet" in methods else None
    if reason:
        print(f"aimet: left out: {reason}")
    return [name for name in methods if name != "aimet" or reason is None]


def main() -> None:
    """Print one line per ratio and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", help=f"a path, or one of {', '.join(NETS)}")
    parser.add_argument("--data", help="calibration images, for a path")
    parser.add_argument("--eval", help="images to judge on, for a path")
    parser.add_argument("--ratios", type=float, nargs="+", default=[2.0])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["accnn", "weights", "planish"])
    parser.add_argument("--scope", choices=["all", "conv", "kxk", "fc"], default="all")
    parser.add_argument("--forms", nargs="+", default=[])
    parser.add_argument("--refine", type=int, default=0)
    parser.add_argument("--samples", type=int, default=Sampling().samples)
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--aimet-images", type=int, default=100, help="calibration images that AIMET judges on")
    settings = parser.parse_args()
    if settings.net not in NETS and not (Path(settings.net).is_file() and settings.data and settings.eval):
        parser.error(f"'{settings.net}' is no network of the assets; a path needs --data and --eval too")
    subject = named(settings.net) if settings.net in NETS else given(settings.net, settings.data, settings.eval)
    print(f"{settings.net}, {len(subject.batches)} calibration batches: {subject.original:.2f} {subject.unit}")
    methods = available(settings.methods)
    for ratio in settings.ratios:
        for name in methods:
            print(line(subject, name, ratio, settings), flush=True)


if __name__ == "__main__":
    main()
