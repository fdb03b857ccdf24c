"""`--pass lowrank`: Conv and Gemm become chains of cheaper layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...progress import track
from ...runtime_check.cost import count, infer_shapes
from ..base import Pass, Result, Skip, register
from ..budget import check_ratio, choose_for_ratio
from ..graph import to_parts
from ..layers import Layer, LayerScope, list_layers
from ..plan import Plan
from ..statistics import Batches, Sampling, Statistics, gather
from .chain import apply_chain
from .energy import energy_options
from .fit import Job, fit_network
from .fitting import fitted_plan
from .form import forms, unknown_form
from .pair import Pair
from .ranks import useful_ranks
from .regressed import RegressedPair
from .sensitivity import sensitivity_options

RankRule = Literal["energy", "sensitivity"]

WEIGHT_ONLY_FORMS = ("spatial", "gemm")
"""What accnn had; without data there is no telling which form suits a layer best."""

DEFAULT_FORMS = ("spatial", "spatial_hv", "channel", "input_channel", "gemm")


@register
@dataclass(slots=True)
class Lowrank(Pass):
    """Low-rank factorization, from weights alone or fitted to calibration data.

    *Given* a graph with Conv, Gemm or MatMul nodes of constant float32 weights; *result*: those that the plan names are
    chains of cheaper layers. Declines what has no form: 1-D and 3-D convolutions, depthwise ones, computed weights.

    Attributes:
        ratio: cost before over cost after, in MACs of `scope`.
        ranks: the rule that chooses ranks; by default 'sensitivity' with data and 'energy' without.
        scope: which nodes may be rewritten, and which the ratio counts.
        plan: what to do to each layer, instead of choosing it.
        forms: names of the forms to choose from.
        batches: calibration data, inputs by name; without it factors come from the weights alone.
        sampling: how the data is sampled.
        block: channels that the target runtime computes together.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "lowrank"
    exact: ClassVar[bool] = False

    ratio: float = 2.0
    ranks: RankRule | None = None
    scope: LayerScope = "all"
    plan: Plan | None = None
    forms: Sequence[str] = ()
    batches: Batches | None = None
    sampling: Sampling = field(default_factory=Sampling)
    block: int = 16
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Choose a plan unless one is given, then carry it out.

        Raises:
            BudgetError: the ratio is out of reach.
            PlanError: the plan names layers, forms or ranks that the graph does not have.
            DataError: the calibration data does not fit the graph.
        """
        check_ratio(self.ratio)
        result = Result()
        parts = to_parts(graph)
        shapes = infer_shapes(parts, input_shapes=self.input_shapes)
        layers, reasons = list_layers(graph, shapes, self.scope if self.plan is None else "all")
        if self.plan is not None:
            result.plan = fitted_plan(self.plan, layers, reasons)
            layers = [layer for layer in layers if layer.name in result.plan.layers]
            statistics = self._statistics(graph, layers)
        else:
            result.skips.extend(Skip(where, why) for where, why in reasons.items())
            named = {layer.name for layer in layers} | reasons.keys()
            total = sum(node.macs for node in count(parts, shapes).nodes if node.name in named)
            choices = self._choices(layers, result)
            layers = [layer for layer, _ in choices]
            statistics = self._statistics(graph, layers)
            result.plan = self._choose(graph, choices, statistics, total)
        self._apply(graph, layers, result, statistics)
        return result

    def _statistics(self, graph: gs.Graph, layers: Sequence[Layer]) -> Statistics | None:
        return None if self.batches is None or not layers else gather(graph, layers, self.batches, self.sampling)

    def _choices(self, layers: Sequence[Layer], result: Result) -> list[tuple[Layer, list[Form]]]:
        """The layers that can become cheaper, and in which forms."""
        names = self.forms or (WEIGHT_ONLY_FORMS if self.batches is None else DEFAULT_FORMS)
        unknown = [name for name in names if name not in forms()]
        if unknown:
            raise PlanishError(f"--forms: {unknown_form(unknown[0])}")
        choices = []
        for layer in layers:
            reasons = {name: self._declines(name, layer) for name in names}
            fitting = [forms()[name] for name, reason in reasons.items() if reason is None]
            if fitting:
                choices.append((layer, fitting))
            else:
                result.skipped(layer.name, "; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        return choices

    def _declines(self, name: str, layer: Layer) -> str | None:
        form = forms()[name]
        reason = form.declines(layer)
        if reason is None and not any(useful_ranks(form, layer, self.block)):
            return "no rank makes it cheaper"
        return reason

    def _choose(
        self, graph: gs.Graph, choices: Sequence[tuple[Layer, list[Form]]], statistics: Statistics | None, total: int
    ) -> Plan:
        """The plan that loses least at the ratio."""
        rule = self.ranks or ("energy" if statistics is None else "sensitivity")
        if rule == "energy":
            tracked = track(choices, "Factorizing layers")
            offers = [energy_options(layer, {f: f.factorize(layer) for f in fs}, self.block) for layer, fs in tracked]
        elif statistics is None or self.batches is None:
            raise PlanishError("--ranks sensitivity measures on calibration data; give --data, or --ranks energy")
        else:
            offers = sensitivity_options(graph, choices, statistics, self.batches, self.block)
        fixed = total - sum(offer[0].macs for offer in offers)
        chosen = choose_for_ratio(offers, fixed, self.ratio, lambda option: option.macs, f"MACs (scope {self.scope})")
        settings = {"ratio": self.ratio, "ranks": rule, "scope": self.scope}
        return Plan.from_options(chosen, [layer for layer, _ in choices], settings)

    def _apply(self, graph: gs.Graph, layers: Sequence[Layer], result: Result, statistics: Statistics | None) -> None:
        """Carry the plan out, first layer to last, and record every change."""
        plans = {} if result.plan is None else result.plan.layers
        planned = [(layer, forms()[plans[layer.name].form]) for layer in layers if layer.name in plans]
        if statistics is None or self.batches is None:
            chains = (
                (layer, form, form.factorize(layer).chain(plans[layer.name].rank))
                for layer, form in track(planned, "Factorizing layers")
            )
        else:
            jobs = [_job(layer, form, plans[layer.name].rank, statistics) for layer, form in planned]
            fitted = fit_network(graph, jobs, statistics, self.batches, self.sampling)
            chains = ((job.layer, job.form, chain) for job, chain in fitted)
        for layer, form, chain in chains:
            rank = plans[layer.name].rank
            apply_chain(graph, layer, form.stages(layer, rank), chain)
            saved = f"{layer.macs / 1e6:.1f} to {form.macs(layer, rank) / 1e6:.1f} MMACs"
            result.changed(layer.name, f"{form.name}, rank {rank}: {saved}")


def _job(layer: Layer, form: Pair, rank: int, statistics: Statistics) -> Job:
    return Job(layer, form, rank, RegressedPair(form, layer, statistics[layer.name], rank).fits(rank))
