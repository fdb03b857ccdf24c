"""Milliseconds of small networks in a target runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from ...files import ModelParts
from ...progress import track
from ...runtime_check.cost import infer_shapes
from ...runtime_check.latency import measure
from .runners import open_runner

if TYPE_CHECKING:
    from ...runtime_check.session import Session

PASSES = 3
"""How often every network has its turn."""

ROUNDS = 3
"""Measurements in one turn."""


def time_nets(
    target: str, nets: Mapping[str, ModelParts], threads: int = 1, *, reopen: bool = True
) -> dict[str, float]:
    """Milliseconds of one run of each network: the quickest of its turns, for other programs only ever add.

    Args:
        target: name of the runtime.
        nets: models whose one input is called 'x'.
        threads: that the runtime may use; CPU time counts with one, wall time with more.
        reopen: whether every turn opens the network anew; two openings of one model differ by a few percent, by how
            their memory lies. Where a conversion makes opening slow, one opening and its turns in a row have to do.
    """
    rng = np.random.default_rng(0)
    samples: dict[str, list[float]] = {name: [] for name in nets}
    turns = [name for _ in range(PASSES) for name in nets] if reopen else list(nets)
    for name in track(turns, f"Timing small networks in {target}"):
        shape = infer_shapes(nets[name])["x"]
        feeds = {"x": rng.standard_normal([size or 1 for size in shape], dtype=np.float32)}
        runner = cast("Session", open_runner(target, nets[name], threads))  # all that `measure` asks of it is `run`
        for _ in range(1 if reopen else PASSES):
            timing = measure([runner], feeds, threads=threads, rounds=ROUNDS).timings[0]
            samples[name].append(timing.cpu_ms if threads == 1 else timing.wall_ms)
    return {name: min(sample) for name, sample in samples.items()}
