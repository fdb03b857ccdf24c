"""How far a quantized network is from the float one, on calibration images that were held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...runtime_check.fidelity import sqnr_db
from ...runtime_check.session import Feeds, Session
from .. import drop
from ..calibration import Labelled
from ..divergence import Outputs
from ..drop import Drop
from ..graph import to_parts
from ..statistics import batch_size
from .static import Observed


@dataclass(frozen=True, slots=True)
class Bound:
    """What the quantized network must hold on calibration data; None where there is no bound.

    Attributes:
        min_sqnr: signal to quantization noise of the outputs in dB, mean over the images.
        max_drop: points that may be lost, as `drop.Judge` counts them: percent of the images whose class changes,
            or the relative error in percent where no output is a classifier's.
    """

    min_sqnr: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        """Refuse what nothing can hold.

        Raises:
            PlanishError: a bound is no number, or points are fewer than 0.
        """
        if self.min_sqnr is not None and not np.isfinite(self.min_sqnr):
            raise PlanishError(f"--min-sqnr {self.min_sqnr:g}: give a number of decibels")
        if self.max_drop is not None and not self.max_drop >= 0:
            raise PlanishError(f"--max-drop {self.max_drop:g}: points that may be lost cannot be fewer than 0")

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self.min_sqnr is not None or self.max_drop is not None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far a quantized network is from the float one.

    Attributes:
        noise: squared error over squared signal of the outputs.
        sqnr_db: signal to quantization noise in dB, mean over the images.
        drop: what was lost, where that was asked for.
    """

    noise: float
    sqnr_db: float
    drop: Drop | None = None

    def holds(self, bound: Bound) -> bool:
        """Whether the bound is kept."""
        sharp = bound.min_sqnr is None or self.sqnr_db >= bound.min_sqnr
        return sharp and (bound.max_drop is None or self.drop is None or self.drop.points <= bound.max_drop)


class Judge:
    """Measures fidelity on every third calibration batch, which `rest` does not have: fitted ones would flatter.

    Noise at the outputs is what the budget is kept in, for noises of layers add up as points of accuracy do not; the
    points of `--max-drop` are those of the other passes.

    Args:
        observed: the float network and its data.
        drops: whether to count points too.

    Attributes:
        rest: the float network with the other batches.
    """

    def __init__(self, observed: Observed, *, drops: bool = False) -> None:
        batches = observed.images
        self._images = batches[::3] if len(batches) > 2 else batches
        self.rest = observed
        if len(batches) > 2:
            self.rest = replace(observed, images=[one for number, one in enumerate(batches) if number % 3])
        self._graph = observed.graph
        self._reference = outputs_of(observed.graph, self._images)
        held = [Labelled(feeds, None, batch_size(feeds)) for feeds in self._images]
        self._drop = drop.Judge(observed.graph, held) if drops else None

    def __call__(self, graph: gs.Graph) -> Fidelity:
        """How far `graph` is from the float network."""
        found = compare(self._graph, self._reference, outputs_of(graph, self._images))
        return found if self._drop is None else replace(found, drop=self._drop(graph))


def outputs_of(graph: gs.Graph, images: Sequence[Feeds]) -> list[Outputs]:
    """The outputs of every batch."""
    session = Session(to_parts(graph), optimizations="all")
    return [session.run(feeds) for feeds in images]


def compare(graph: gs.Graph, reference: Sequence[Outputs], outputs: Sequence[Outputs]) -> Fidelity:
    """How far `outputs` are from `reference`, batch by batch, over all outputs of real numbers."""
    signals, noises = [], []
    for wanted, got in zip(reference, outputs, strict=True):
        for tensor in graph.outputs:
            a, b = np.asarray(wanted[tensor.name]), np.asarray(got[tensor.name])
            if not np.issubdtype(a.dtype, np.floating):
                continue
            flat, other = (values.reshape(len(values), -1).astype(np.float64) for values in (a, b))
            signals.extend(np.square(flat).sum(axis=1))
            noises.extend(np.square(flat - other).sum(axis=1))
    ratios = [min(sqnr_db(float(s), float(n)), 200.0) for s, n in zip(signals, noises, strict=True) if s]
    return Fidelity(
        noise=float(sum(noises) / max(sum(signals), 1e-30)),
        sqnr_db=float(np.mean(ratios)) if ratios else 0.0,
    )
