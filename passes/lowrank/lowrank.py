"""`--pass lowrank`: Conv and Gemm become chains of cheaper layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import onnx_graphsurgeon as gs

from ...errors import PlanishError
from ...files import ModelParts
from ...progress import track
from ...runtime_check.cost import infer_shapes
from ..base import Pass, Result, Skip, register
from ..budget import Allowance, Goal, Solver, choose_for_goal
from ..graph import to_graph, to_parts
from ..layers import Layer, LayerScope, list_layers
from ..options import Option, Ranks, keep
from ..plan import Plan
from ..remember import remembered_options
from ..speed import Race, choose_for_speed
from ..statistics import Batches, Sampling, Statistics, gather
from ..surplus import counted, exact_surplus
from ..targets import Target, find_target
from .chain import apply_chain
from .energy import energy_options
from .fit import Job, fit_network
from .fitting import fitted_plan
from .form import Chain, Form
from .niu import allocate, niu_options
from .pair import Pair
from .ranks import useful_ranks
from .refine import on_graph, reweighted
from .registry import forms, unknown_form
from .regressed import RegressedPair
from .sensitivity import first_images, sensitivity_options
from .shaped import shaped

RankRule = Literal["energy", "sensitivity", "niu"]

WEIGHT_ONLY_FORMS = ("spatial", "gemm")
"""What accnn had; without data there is no telling which form suits a layer best."""

DEFAULT_FORMS = ("spatial", "spatial_hv", "channel", "input_channel", "separable", "gemm", "pooled")
"""Where a convolution takes as long as its MACs say."""

WINOGRAD_FORMS = ("input_channel", "channel", "tucker", "spatial", "spatial_hv", "separable", "gemm", "pooled")
"""Where a 3x3 takes less: the forms that keep one come first."""

SMALL_SHARE = 0.125
"""Layers with less than this part of the layers' average cost are left alone."""

Choices = Sequence[tuple[Layer, Sequence[Form]]]
"""The layers that can become cheaper, each with the forms in which it can."""


@register
@dataclass(slots=True)
class Lowrank(Pass):
    """Low-rank factorization, from weights alone or fitted to calibration data.

    *Given* a graph with Conv, Gemm or MatMul nodes of constant float32 weights; *result*: those that the plan names are
    chains of cheaper layers. Declines what has no form: 1-D and 3-D convolutions, depthwise ones, computed weights.

    Attributes:
        goal: cost before over cost after, of the nodes in `scope`.
        ranks: the rule that chooses ranks; by default 'sensitivity' with data and 'energy' without.
        scope: which nodes may be rewritten, and which a ratio of MACs or parameters counts.
        plan: what to do to each layer, instead of choosing it.
        forms: names of the forms to choose from.
        batches: calibration data, inputs by name; without it factors come from the weights alone.
        sampling: how the data is sampled.
        refine: how often sensitivities are measured again with all other layers compressed, and ranks chosen anew.
        target: the runtime that shall become faster.
        origin: the model before any pass, which a goal compares with; by default the graph as it is.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "lowrank"
    exact: ClassVar[bool] = False

    goal: Goal = field(default_factory=lambda: Goal("MACs", 2.0))
    ranks: RankRule | None = None
    scope: LayerScope = "all"
    plan: Plan | None = None
    forms: Sequence[str] = ()
    batches: Batches | None = None
    sampling: Sampling = field(default_factory=Sampling)
    refine: int = 0
    target: Target = field(default_factory=find_target)
    origin: ModelParts | None = None
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Choose a plan unless one is given, then carry it out.

        Raises:
            BudgetError: the goal is out of reach.
            PlanError: the plan names layers, forms or ranks that the graph does not have.
            DataError: the calibration data does not fit the graph.
        """
        result = Result()
        parts = to_parts(graph)
        shapes = infer_shapes(parts, input_shapes=self.input_shapes)
        layers, reasons = list_layers(graph, shapes, self.scope if self.plan is None else "all")
        if self.plan is not None:
            result.plan = fitted_plan(self.plan, layers, reasons, self.forms)
            layers = [layer for layer in layers if layer.name in result.plan.layers]
            statistics = self._statistics(graph, layers)
        else:
            result.skips.extend(Skip(where, why) for where, why in reasons.items())
            choices = self.choices(layers, result)
            layers = [layer for layer, _ in choices]
            statistics = self._statistics(graph, layers)
            result.plan = self._choose(graph, choices, statistics)
        self._apply(graph, layers, result, statistics)
        return result

    def with_goal(self, goal: Goal) -> Lowrank:
        """The same with another goal."""
        return replace(self, goal=goal)

    def offers(self, graph: gs.Graph) -> list[list[Option]]:
        """What `run` chooses from: the options of every layer that can become cheaper, the first to leave it alone."""
        shapes = infer_shapes(to_parts(graph), input_shapes=self.input_shapes)
        choices = self.choices(list_layers(graph, shapes, self.scope)[0], Result())
        statistics = self._statistics(graph, [layer for layer, _ in choices])
        return self._offers(self._rule(statistics), graph, choices, statistics)

    def _rule(self, statistics: Statistics | None) -> RankRule:
        return self.ranks or ("energy" if statistics is None else "sensitivity")

    def _statistics(self, graph: gs.Graph, layers: Sequence[Layer]) -> Statistics | None:
        if self.batches is None or not layers:
            return None
        return gather(graph, layers, self.batches, self.sampling, projected=True)

    def choices(self, layers: Sequence[Layer], result: Result) -> Choices:
        """The layers that can become cheaper; why the others cannot goes into `result`."""
        names = self.forms or self._default_forms()
        unknown = [name for name in names if name not in forms()]
        if unknown:
            raise PlanishError(f"--forms: {unknown_form(unknown[0])}")
        choices = []
        costs = {layer.name: self.goal.cost(keep(layer, self.target)) for layer in layers}
        least = SMALL_SHARE * sum(costs.values()) / max(len(layers), 1)
        for layer in layers:
            if costs[layer.name] < least:
                result.skipped(layer.name, f"it has too few of the {self.goal.unit} to be worth an error")
                continue
            reasons = {name: self._declines(forms()[name], layer) for name in names}
            fitting = [forms()[name] for name, reason in reasons.items() if reason is None]
            if fitting:
                choices.append((layer, fitting))
            else:
                result.skipped(layer.name, "; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        return choices

    def _default_forms(self) -> Sequence[str]:
        if self.target.winograd:
            return WINOGRAD_FORMS
        return WEIGHT_ONLY_FORMS if self.batches is None else DEFAULT_FORMS

    def _declines(self, form: Form, layer: Layer) -> str | None:
        reason = form.declines(layer)
        if reason is None and self.batches is None and not form.fitted:
            return "what it loses shows on calibration data only; give --data"
        if reason is None and not useful_ranks(form, layer, self.target):
            return f"no rank makes it cheaper and faster on {self.target.name}"
        return reason

    def _choose(self, graph: gs.Graph, choices: Choices, statistics: Statistics | None) -> Plan:
        """The plan that loses least at the goal."""
        rule = self._rule(statistics)
        offers = self._offers(rule, graph, choices, statistics)
        if self.goal.unit == "ms":
            chosen = self._choose_for_speed(graph, choices, offers, allocate if rule == "niu" else None)
        else:
            chosen = self._choose_for_count(graph, choices, statistics, offers)
        settings = {"goal": f"{self.goal.ratio:g} of {self.goal.unit}", "ranks": rule, "scope": self.scope}
        return Plan.from_options(chosen, [offer[0] for offer in offers], settings)

    def _choose_for_speed(
        self, graph: gs.Graph, choices: Choices, offers: list[list[Option]], solver: Solver | None
    ) -> list[Option]:
        """For a goal of latency."""
        layers = {layer.name: layer for layer, _ in choices}
        race = Race(
            graph,
            self.origin or to_parts(graph),
            self.target,
            self.input_shapes,
            lambda allowance: choose_for_goal(offers, allowance, solver),
            lambda chosen: shaped(graph, layers, chosen),
        )
        return choose_for_speed(race, sum(offer[0].latency_ms for offer in offers), self.goal)

    def _choose_for_count(
        self, graph: gs.Graph, choices: Choices, statistics: Statistics | None, offers: list[list[Option]]
    ) -> list[Option]:
        """For a goal of MACs or parameters, as the origin has them: exact rewrites may have added some."""
        solver = allocate if self._rule(statistics) == "niu" else None
        now = counted(graph, self.goal.unit, self.scope, self.input_shapes)
        total = now
        if self.origin is not None:
            total = counted(to_graph(self.origin), self.goal.unit, self.scope, self.input_shapes)
        added = exact_surplus(graph, self.goal.unit, self.scope, self.target, self.input_shapes)
        fixed = now + added - sum(self.goal.cost(offer[0]) for offer in offers)
        allowance = Allowance(self.goal, total, fixed)
        chosen = choose_for_goal(offers, allowance, solver)
        for _ in range(self.refine):
            if statistics is None or self.batches is None:
                raise PlanishError("--refine measures on calibration data; give --data, or leave it out")
            plan = Plan.from_options(chosen, [offer[0] for offer in offers], {})
            trial = graph.copy()
            layers = [layer for layer, _ in choices if layer.name in plan.layers]
            made = []
            for layer, form, chain in self._chains(trial, on_graph(trial, layers), plan, statistics):
                made.append((layer.name, form.stages(layer, plan.layers[layer.name].ranks), chain))
                apply_chain(trial, layer, *made[-1][1:])
            images = first_images(self.batches)
            offers = reweighted(graph, layers, made, offers, chosen=chosen, batches=images)
            chosen = choose_for_goal(offers, allowance, solver)
        return chosen

    def _offers(
        self, rule: RankRule, graph: gs.Graph, choices: Choices, statistics: Statistics | None
    ) -> list[list[Option]]:
        if rule == "energy":
            tracked = track(choices, "Factorizing layers")
            return [energy_options(layer, fitting, self.target) for layer, fitting in tracked]
        if statistics is None or self.batches is None:
            raise PlanishError(f"--ranks {rule} measures on calibration data; give --data, or --ranks energy")
        known, batches = statistics, self.batches
        measured = niu_options if rule == "niu" else sensitivity_options
        offered = [[layer.name, [form.name for form in fitting]] for layer, fitting in choices]
        return remembered_options(
            self.sampling,
            graph,
            batches,
            [rule, repr(self.target), offered],
            lambda: measured(graph, choices, known, batches, self.target),
        )

    def _chains(
        self, graph: gs.Graph, layers: Sequence[Layer], plan: Plan, statistics: Statistics | None
    ) -> Iterator[tuple[Layer, Form, Chain]]:
        """What takes the place of every planned layer, each to be applied before the next is asked for."""
        plans = plan.layers
        planned = [(layer, forms()[plans[layer.name].form]) for layer in layers if layer.name in plans]
        fitted = [] if statistics is None else [(layer, form) for layer, form in planned if isinstance(form, Pair)]
        names = {layer.name for layer, _ in fitted}
        rest = [(layer, form) for layer, form in planned if layer.name not in names]
        for layer, form in track(rest, "Factorizing layers") if rest else ():
            yield layer, form, form.factorize(layer).chain(plans[layer.name].ranks)
        if statistics is not None and self.batches is not None:
            jobs = [_job(layer, form, plans[layer.name].ranks, statistics) for layer, form in fitted]
            for job, chain in fit_network(graph, jobs, statistics, self.batches, self.sampling):
                yield job.layer, job.form, chain

    def _apply(self, graph: gs.Graph, layers: Sequence[Layer], result: Result, statistics: Statistics | None) -> None:
        """Carry the plan out, first layer to last, and record every change."""
        if result.plan is None:
            return
        for layer, form, chain in self._chains(graph, layers, result.plan, statistics):
            ranks = result.plan.layers[layer.name].ranks
            apply_chain(graph, layer, form.stages(layer, ranks), chain)
            saved = f"{layer.macs / 1e6:.1f} to {form.macs(layer, ranks) / 1e6:.1f} MMACs"
            result.changed(layer.name, f"{form.name}, rank {' and '.join(map(str, ranks))}: {saved}")


def _job(layer: Layer, form: Pair, ranks: Ranks, statistics: Statistics) -> Job:
    return Job(layer, form, RegressedPair(form, layer, statistics[layer.name], ranks[0]).fits(ranks))
