"""`--pass exact`: the same function up to rounding, in less time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...runtime_check.latency import Ratio
from ..base import Pass, Result, Skip, register
from ..targets import Target, find_target
from . import (
    clip,
    deconvolution,
    drop_identities,
    flatten,
    fold_affine,
    fold_affine_into_next,
    fold_constants,
    fold_pad,
    gemm,
    global_pool,
    hard_swish,
    lp_normalization,
    lrn,
    merge_affine,
    merge_duplicates,
    merge_groups,
    merge_linear,
    merge_split,
    merge_transposes,
    normalization,
    pad_channels,
    power,
    prelu,
    resize,
    shortcut,
    siblings,
    winograd,
)
from .drop_dead import drop_dead
from .rule import Rule, Scene
from .trial import speedup

RULES: tuple[Rule, ...] = (
    fold_constants.RULE,
    drop_identities.RULE,
    merge_duplicates.RULE,
    merge_transposes.RULE,
    flatten.RULE,
    gemm.RULE,
    global_pool.RULE,
    power.RULE,
    clip.RULE,
    hard_swish.RULE,
    fold_affine.RULE,
    fold_affine_into_next.RULE,
    merge_affine.RULE,
    fold_pad.RULE,
    merge_linear.RULE,
    lrn.RULE,
    normalization.RULE,
    lp_normalization.RULE,
    resize.RULE,
    deconvolution.RULE,
    merge_split.RULE,
    prelu.RULE,
    shortcut.RULE,
    merge_groups.RULE,
    siblings.RULE,
    pad_channels.RULE,
    winograd.RULE,
)
"""All rules; which of them comes first matters neither to correctness nor to what is left in the end."""

MEASURABLE = "onnxruntime"
"""The one target that rules can be measured on as they are applied."""

_MAX_SWEEPS = 100
_STANDARD_DOMAINS = frozenset({None, "", "ai.onnx"})


@register
@dataclass(slots=True)
class Exact(Pass):
    """Exact rewrites for a target runtime.

    *Given* any graph; *result*: a graph that computes the same up to rounding and that the target runs faster. Rules
    that simplify are applied wherever they match; rules that put other operators in the place of slow ones, where that
    makes the target faster: by rules of thumb, or measured on the spot. Declines what its rules say, place by place.

    Attributes:
        target: the runtime that shall become faster.
        measured: whether rules for the target are timed on this machine and applied only if that makes it faster.
        input_shapes: of inputs whose sizes the model leaves open, for predictions and measurements.
        rules: in the order they are tried.
    """

    name: ClassVar[str] = "exact"
    exact: ClassVar[bool] = True

    target: Target = field(default_factory=find_target)
    measured: bool = False
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    rules: Sequence[Rule] = RULES

    def run(self, graph: gs.Graph) -> Result:
        """Simplify, then put faster operators in the place of slow ones.

        Raises:
            PlanishError: the rules cannot be measured on the target.
        """
        result = Result()
        self.simplify(graph, result)
        self.specialize(graph, result)
        return result

    def simplify(self, graph: gs.Graph, result: Result) -> None:
        """Apply the rules that leave less to do, before any approximation looks at the graph."""
        result.skips.clear()
        self._settle(graph, self._simplifying, result)

    def specialize(self, graph: gs.Graph, result: Result, *, after_others: bool = False, counted: bool = False) -> None:
        """Apply the rules that are there for the target's sake, after all else: they hide layers from other passes.

        Args:
            graph: is rewritten in place.
            result: what is done is added to it.
            after_others: whether approximations ran before; the chains that they made of layers are left as they are.
            counted: whether one of them promised a number of multiply-accumulates or parameters: rules that change
                it are left out unless they are measured.

        Raises:
            PlanishError: the rules cannot be measured on the target.
        """
        if self.measured and self.target.name != MEASURABLE:
            raise PlanishError(
                f"rules are measured on {MEASURABLE} only, not on {self.target.name}; leave --measure out"
            )
        result.skips.clear()
        rules = [
            rule
            for rule in self.rules
            if not (after_others and rule.name == merge_linear.RULE.name)
            and not (counted and rule.recounts and not self.measured)
        ]
        if not self.measured:
            self._settle(graph, rules, result)
            return
        simplifying = [rule for rule in rules if rule.simplifies]
        self._settle(graph, simplifying, result)
        for rule in rules:
            if not rule.simplifies:
                self._measure(graph, rule, simplifying, result)

    @property
    def _simplifying(self) -> list[Rule]:
        return [rule for rule in self.rules if rule.simplifies]

    def _settle(self, graph: gs.Graph, rules: Sequence[Rule], result: Result) -> None:
        """Sweep over the graph until no rule changes anything; what was left alone then is what counts."""
        for _ in range(_MAX_SWEEPS):
            changes = len(result.changes)
            drop_dead(graph, result)
            skips = [skip for rule in rules for skip in self._sweep(graph, rule, result)]
            if len(result.changes) == changes:
                result.skips.extend(skip for skip in skips if skip not in result.skips)
                return
        raise RuntimeError(f"exact rules did not come to rest after {_MAX_SWEEPS} sweeps")

    def _sweep(self, graph: gs.Graph, rule: Rule, result: Result, *, forced: bool = False) -> Iterable[Skip]:
        """Apply `rule` once to every node, whether it gains or not if `forced`."""
        scene = Scene(graph, self.target, self.input_shapes)
        helps = forced or rule.targets is None or self.target.name in rule.targets
        for node in [node for node in graph.nodes if _concerns(rule, node)]:
            found = rule.match(node, scene) if node.outputs else None
            if found is None:
                continue
            if isinstance(found, str):
                yield Skip(node.name, f"{rule.name}: {found}")
            elif not forced and not (helps and found.gain_ms > 0):
                yield Skip(node.name, f"{rule.name}: would not make {self.target.name} faster")
            else:
                name = node.name
                found.apply()
                result.changed(name, f"{rule.name}: {found.what}")

    def _measure(self, graph: gs.Graph, rule: Rule, simplifying: Sequence[Rule], result: Result) -> None:
        """Apply `rule` everywhere or only where a gain is predicted, whichever is faster, if one of them is."""
        measured: dict[tuple[str, ...], tuple[bool, Ratio]] = {}
        skips: list[Skip] = []
        for forced in (False, True):
            copy, tried = graph.copy(), Result()
            skips = list(self._sweep(copy, rule, tried, forced=forced))
            places = tuple(change.where for change in tried.changes)
            if places and places not in measured:
                self._settle(copy, simplifying, tried)
                measured[places] = (forced, speedup(graph, copy, self.input_shapes))
        forced, gained = max(measured.values(), key=lambda found: found[1].low, default=(False, None))
        if gained is not None and gained.low > 1:
            skips = list(self._sweep(graph, rule, result, forced=forced))
            self._settle(graph, simplifying, result)
        elif gained is not None:
            why = f"{rule.name}: measured {gained.median:.3f} times as fast ({gained.low:.3f} or more), not applied"
            skips += [Skip(place, why) for places in list(measured)[-1:] for place in places]
        result.skips.extend(skip for skip in skips if skip not in result.skips)


def _concerns(rule: Rule, node: gs.Node) -> bool:
    return node.domain in _STANDARD_DOMAINS and (rule.operators is None or node.op in rule.operators)
