"""Latency of models measured side by side: warm, in turns, as wall time and as CPU time of the process.

Wall time is what a user waits for; on a busy machine only CPU time can be trusted. The ratio is taken within each
round, so that what slows the machine down for a while slows all models alike.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .session import Feeds, Session

MIN_ROUNDS = 25
MAX_ROUNDS = 101
SAME = 1.03
"""Two sessions of the same model differ by up to this factor for good, by how their memory happens to lie."""

MIN_MEASURE_SECONDS = 0.01
"""One measurement repeats the model until it takes this long; clocks are too coarse for less."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One model's latency, medians over all rounds.

    Attributes:
        wall_ms: wall time of one run, in milliseconds.
        cpu_ms: CPU time of all threads in one run, in milliseconds.
    """

    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """The first model's time over the second's, so the second's speed-up.

    Attributes:
        median: over all rounds.
        low: lower end of the median's confidence interval.
        high: its upper end.
    """

    median: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Who wins: nobody, unless the whole interval lies beyond what two openings of one model can differ by."""
        if self.low > SAME:
            return f"{self.low:.2f} to {self.high:.2f} times as fast"
        if self.high < 1 / SAME:
            return f"slower: {1 / self.high:.2f} to {1 / self.low:.2f} times the time"
        return "no measurable difference"


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of one or more models on the same input.

    Attributes:
        timings: of each model, in the order given.
        cpu_ratio: first over second model in CPU time; None for one model.
        wall_ratio: the same in wall time.
        rounds: how often each model had its turn.
        load: of the machine in the last minute, in processes; None where the system does not tell.
        threads: intra-operator threads of the sessions.
        batch: samples per run.
    """

    timings: tuple[Timing, ...]
    cpu_ratio: Ratio | None
    wall_ratio: Ratio | None
    rounds: int
    load: float | None
    threads: int
    batch: int

    @property
    def speedup(self) -> Ratio | None:
        """By CPU time at one thread, where load of the machine does not count, else by wall time."""
        return self.cpu_ratio if self.threads == 1 else self.wall_ratio


def measure(
    sessions: Sequence[Session], feeds: Feeds, *, threads: int, seconds: float = 5.0, rounds: int | None = None
) -> Latency:
    """Time the models in turns on the same input.

    Args:
        sessions: opened with optimizations on and with `threads` threads.
        feeds: one batch.
        threads: what the sessions were opened with.
        seconds: how long to measure in all; at least 25 rounds are made, at most 101.
        rounds: exactly so many instead.
    """
    repeats = max(_repeats(session, feeds) for session in sessions)
    samples: list[list[tuple[float, float]]] = []
    begin = time.perf_counter()
    while not _enough(len(samples), rounds, time_is_up=time.perf_counter() - begin > seconds):
        order = range(len(sessions)) if len(samples) % 2 == 0 else range(len(sessions) - 1, -1, -1)
        turn = {index: _time(sessions[index], feeds, repeats) for index in order}
        samples.append([turn[index] for index in range(len(sessions))])
    times = np.array(samples)  # (rounds, models, wall and CPU)
    medians = np.median(times, axis=0) * 1000
    pair = len(sessions) == 2
    return Latency(
        timings=tuple(Timing(float(wall), float(cpu)) for wall, cpu in medians),
        wall_ratio=median_interval(times[:, 0, 0] / times[:, 1, 0]) if pair else None,
        cpu_ratio=median_interval(times[:, 0, 1] / times[:, 1, 1]) if pair else None,
        rounds=len(samples),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        threads=threads,
        batch=len(next(iter(feeds.values()))),
    )


def median_interval(values: NDArray[np.float64], confidence: float = 0.99) -> Ratio:
    """The median and a confidence interval for it that assumes nothing about the distribution.

    The interval's ends are order statistics: how many of n values lie below the median is binomial (n, 1/2).
    """
    ordered = np.sort(values)
    n = len(ordered)
    tail, below = 0.0, 0
    while below < n // 2 and tail + math.comb(n, below) / 2**n <= (1 - confidence) / 2:
        tail += math.comb(n, below) / 2**n
        below += 1
    first = max(below - 1, 0)
    return Ratio(float(np.median(ordered)), float(ordered[first]), float(ordered[n - 1 - first]))


def _enough(done: int, rounds: int | None, *, time_is_up: bool) -> bool:
    if rounds is not None:
        return done >= rounds
    return done >= MAX_ROUNDS or (done >= MIN_ROUNDS and time_is_up)


def _repeats(session: Session, feeds: Feeds) -> int:
    """Warm the model up and find how many runs make one measurement."""
    session.run(feeds)
    wall = min(_time(session, feeds, 1)[0] for _ in range(3))
    return max(1, math.ceil(MIN_MEASURE_SECONDS / max(wall, 1e-6)))


def _time(session: Session, feeds: Feeds, repeats: int) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        session.run(feeds)
    return (time.perf_counter() - wall) / repeats, (time.process_time() - cpu) / repeats
