"""Low rank at several ratios, each really carried out, judged and timed; what the choice was made from besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import BudgetError
from ...files import ModelParts
from ...progress import track
from ...runtime_check.latency import Ratio, measure
from ...runtime_check.session import Feeds, Session
from ..base import Pass, Result
from ..budget import Goal
from ..calibration import Labelled
from ..drop import Drop, Judge
from ..exact import Exact
from ..graph import to_graph
from ..lowrank import Lowrank
from ..lowrank.registry import forms
from ..options import KEEP, Option
from ..plan import Plan
from ..rewrite import Rewritten, rewrite

TOLD_AT = 0.01
"""The relative error of a layer at which its sensitivity is told."""


@dataclass(frozen=True, slots=True)
class Point:
    """One ratio carried out.

    Attributes:
        ratio: the goal in multiply-accumulates of what may be rewritten; 1 for exact rewrites alone.
        mac_ratio: of the whole model, before over after.
        size_ratio: of the bytes of all weights, before over after.
        speedup: in onnxruntime at one thread, in CPU time.
        drop: what was lost on images that nothing was fitted to.
        plan: what was done to each layer.
    """

    ratio: float
    mac_ratio: float
    size_ratio: float
    speedup: Ratio
    drop: Drop
    plan: Plan

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ratio": self.ratio,
            "mac_ratio": self.mac_ratio,
            "size_ratio": self.size_ratio,
            "speedup": self.speedup.median,
            "speedup_interval": [self.speedup.low, self.speedup.high],
            "figure": self.drop.figure,
            "before": self.drop.before,
            "after": self.drop.after,
            "layers": {name: {"form": p.form, "ranks": p.ranks, **p.facts} for name, p in self.plan.layers.items()},
        }


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a network.

    Attributes:
        offers: for every layer that can become cheaper its options, the first to leave it alone.
        points: one for each ratio that could be reached, ascending.
        unreached: why the others could not, by ratio.
        samples: images that every point was judged on.
    """

    offers: Sequence[Sequence[Option]]
    points: Sequence[Point]
    unreached: Mapping[float, str]
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "layers": {
                offer[0].layer: {"sensitivity": sensitivity(offer), "macs": offer[0].macs, "options": _options(offer)}
                for offer in self.offers
            },
            "points": [point.to_dict() for point in self.points],
            "unreached": {f"{ratio:g}": why for ratio, why in self.unreached.items()},
            "samples": self.samples,
        }


def _options(offer: Sequence[Option]) -> list[dict[str, Any]]:
    return [
        {"form": one.form, "ranks": one.ranks, "macs": one.macs, "ms": one.latency_ms, "error": one.error}
        for one in offer
        if one.form != KEEP
    ]


def sensitivity(offer: Sequence[Option]) -> float:
    """Divergence of the network's output where this layer alone has an error of 1 %, between its options.

    0 where the options tell nothing.
    """
    fitted = [one for one in offer if one.error > 0 and one.loss > 0 and forms()[one.form].fitted]
    known = sorted({one.error: one.loss for one in fitted}.items())
    if not known:
        return 0.0
    errors, losses = np.log(known).T
    return float(np.exp(np.interp(np.log(TOLD_AT), errors, losses)))


def survey(
    parts: ModelParts, lowrank: Lowrank, ratios: Sequence[float], held: Iterable[Labelled], *, seconds: float = 2.0
) -> Survey:
    """Carry out every ratio and measure it.

    Args:
        parts: the model.
        lowrank: the pass with calibration data; its goal is not looked at. With a cache, all that the ratios share is
            measured once.
        ratios: of multiply-accumulates, before over after.
        held: images to judge on, which the pass was not given.
        seconds: every ratio is timed against the original for about so long.

    Raises:
        DataError: the data does not fit the model.
        PlanishError: as `rewrite`.
    """
    exact = Exact(target=lowrank.target, input_shapes=lowrank.input_shapes)
    graph = to_graph(parts)
    batches = list(held)
    judge = Judge(graph, batches)
    first = batches[0]
    feeds = {name: array if len(array) == 1 else array[:1] for name, array in first.feeds.items()}
    original = Session(parts, optimizations="all")
    clock = _Clock(original, feeds if _takes(original, feeds) else first.feeds, seconds)
    exact.simplify(graph, Result())
    offers = lowrank.offers(graph)
    points, unreached = [], {}
    for ratio in track(sorted({1.0, *ratios}), "Rewriting at every ratio"):
        steps: list[Pass] = [exact] if ratio == 1 else [exact, lowrank.with_goal(Goal("MACs", ratio))]
        try:
            rewritten = rewrite(parts, steps, lowrank.input_shapes, exact=False)
        except BudgetError as error:
            unreached[ratio] = str(error)
        else:
            points.append(_point(ratio, rewritten, judge, clock))
    return Survey(offers, points, unreached, judge.samples)


@dataclass(frozen=True, slots=True)
class _Clock:
    """The original, and what it is timed on."""

    original: Session
    feeds: Feeds
    seconds: float

    def speedup(self, model: ModelParts) -> Ratio:
        sessions = [self.original, Session(model, optimizations="all")]
        found = measure(sessions, self.feeds, threads=1, seconds=self.seconds).cpu_ratio
        if found is None:
            raise RuntimeError("two models were measured and no ratio came of it")
        return found


def _takes(session: Session, feeds: Feeds) -> bool:
    """Whether the model does not fix another batch size."""
    return all(
        session.input_shapes[name][0] in {1} or not isinstance(session.input_shapes[name][0], int) for name in feeds
    )


def _point(ratio: float, rewritten: Rewritten, judge: Judge, clock: _Clock) -> Point:
    before, after = rewritten.before, rewritten.after
    plan = next(iter(rewritten.plans), Plan({}))
    return Point(
        ratio=ratio,
        mac_ratio=before.macs() / max(after.macs(), 1),
        size_ratio=before.bytes() / max(after.bytes(), 1),
        speedup=clock.speedup(rewritten.parts),
        drop=judge(to_graph(rewritten.parts)),
        plan=replace(plan, made_by=Lowrank.name),
    )
