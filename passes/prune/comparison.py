"""`planish compare-criteria`: what each rule that chooses channels costs, with and without the fit that follows.

Figures 3 and 4 of He et al., *Channel pruning for accelerating very deep neural networks*, 2017, on any network: one
layer alone loses the same share of its channels under every criterion, and so does the whole network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import PlanishError, nearest
from ...progress import track
from ...runtime_check.cost import count, infer_shapes
from ..base import Result
from ..budget import Goal
from ..graph import to_parts
from .criterion import Candidates, find_criterion
from .decided import removed_by
from .groups import Group, spare_one, whole_parts
from .judge import Judge, Verdict
from .measuring import Measured
from .network import Network
from .offers import readers_of
from .prune import Prune
from .removal import remove, remove_and_fit

WHOLE = "whole network"


@dataclass(frozen=True, slots=True)
class Trial:
    """One network that was pruned, and what became of it.

    Attributes:
        where: the layer whose channels alone were pruned, or `WHOLE`.
        criterion: that chose them.
        fitted: whether what reads them was fitted anew.
        ratio: MACs before over MACs asked for; of one layer, channels.
        macs_left: share of the network's multiply-accumulates that is left.
        verdict: on the evaluation data; None where the ratio is out of reach.
    """

    where: str
    criterion: str
    fitted: bool
    ratio: float
    macs_left: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """Prunes one network again and again.

    Attributes:
        prune: the settings that all trials share, data among them.
        network: the original.
        measured: what its calibration data says.
        judge: of what becomes of it.
    """

    prune: Prune
    network: Network
    measured: Measured
    judge: Judge

    @classmethod
    def of(cls, graph: gs.Graph, prune: Prune, judge: Judge) -> Comparison:
        """Look at `graph` and measure it.

        Raises:
            PlanishError: there is no calibration data, or nothing can be pruned.
        """
        network = prune.look(graph, Result())
        measured = prune.measure(network)
        if measured is None:
            raise PlanishError("criteria are compared on calibration data; give --data")
        return cls(prune, network, measured, judge)

    def trials(self, criteria: Sequence[str], ratios: Sequence[float], layers: Sequence[str]) -> Iterator[Trial]:
        """Every criterion at every ratio, fitted and not: first of each of `layers` alone, then of the whole network.

        Args:
            criteria: their names.
            ratios: channels of a layer before over after; MACs of the network.
            layers: names of layers whose channels are pruned alone.

        Raises:
            BudgetError: the network cannot be pruned as far.
            PlanishError: a criterion or layer is not known, or a ratio is below 1.
        """
        goals = [Goal("MACs", ratio) for ratio in ratios]
        groups = [self._group(name) for name in layers]
        settings = [(name, fitted) for name in criteria for fitted in (True, False)]
        for group in groups:
            for name, fitted in track(settings, f"Pruning {group.name}"):
                for goal in goals:
                    removed = self._of_group(group, name, goal.ratio)
                    yield self._trial(group.name, name, goal.ratio, removed, fitted=fitted)
        for name, fitted in track(settings, "Pruning the whole network"):
            for goal, removed in zip(goals, self._of_network(name, goals, fitted=fitted), strict=True):
                yield self._trial(WHOLE, name, goal.ratio, removed, fitted=fitted)

    def _group(self, name: str) -> Group:
        names = {port.node.name: group for group in self.network.groups for port in group.producers}
        if name not in names:
            raise PlanishError(f"--layer: no layer '{name}' makes channels that may go{nearest(name, names)}")
        return names[name]

    def _of_group(self, group: Group, criterion: str, ratio: float) -> set[int]:
        """The roots that one group loses."""
        coupling = self.network.coupling
        readers = readers_of(group, coupling, self.network.layers, self.measured)
        width = max(1, round(group.size / ratio))
        if width == group.size:
            return set()
        kept = find_criterion(criterion).selections(Candidates(group, coupling, readers), [width])[0]
        spare_one(kept, whole_parts(group, coupling))
        return set(group.classes[~np.asarray(kept)].tolist())

    def _of_network(self, criterion: str, goals: Sequence[Goal], *, fitted: bool) -> Iterator[set[int]]:
        """For each goal the roots that the network loses."""
        step = replace(self.prune, criterion=criterion, fitted=fitted)
        network, offers = step.offers(self.network, step.found_criterion(), self.measured, Result())
        for goal in goals:
            chosen = replace(step, goal=goal).choose(network, offers, self.measured)
            yield removed_by(network, offers, chosen)

    def _trial(self, where: str, criterion: str, ratio: float, removed: Collection[int], *, fitted: bool) -> Trial:
        copy = self.network.copy()
        if fitted and removed and self.prune.batches is not None:
            remove_and_fit(
                copy,
                removed,
                self.measured.statistics,
                self.prune.batches,
                self.prune.sampling,
                readers_only=where != WHOLE,
            )
        else:
            remove(copy, removed)
        macs_left = self._macs(copy.graph) / max(self._macs(self.network.graph), 1)
        return Trial(where, criterion, fitted, ratio, macs_left, self.judge.judge(copy.graph))

    def _macs(self, graph: gs.Graph) -> int:
        parts = to_parts(graph)
        return count(parts, infer_shapes(parts, input_shapes=self.prune.input_shapes)).macs()
