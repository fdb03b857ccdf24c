"""`--pass lowrank`: Conv and Gemm become chains of cheaper layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import onnx_graphsurgeon as gs

from ...errors import PlanError, nearest
from ...progress import track
from ...runtime_check.cost import Scope, count, infer_shapes
from ..base import Pass, Result, Skip, register
from ..budget import check_ratio, choose_for_ratio
from ..graph import to_parts
from ..layers import Layer, list_layers
from ..options import Option
from ..plan import LayerPlan, Plan
from .chain import apply_chain
from .form import Factorization, Form, forms, unknown_form
from .ranks import energy_options, useful_ranks

AUTO = "auto"
"""As the form in a plan: the one that suits the layer."""

Factorizations = dict[str, dict[Form, Factorization]]
"""By layer name, by form."""


@register
@dataclass(slots=True)
class Lowrank(Pass):
    """Low-rank factorization, from weights alone.

    *Given* a graph with Conv, Gemm or MatMul nodes of constant float32 weights; *result*: those that the plan names are
    chains of two. Declines what has no form: 1-D and 3-D convolutions, depthwise ones, weights that are computed.

    Attributes:
        ratio: cost before over cost after, in MACs of `scope`.
        ranks: the rule that chooses ranks.
        scope: which nodes may be rewritten, and which the ratio counts.
        plan: what to do to each layer, instead of choosing it.
        block: channels that the target runtime computes together.
        input_shapes: of inputs whose sizes the model leaves open.
    """

    name: ClassVar[str] = "lowrank"
    exact: ClassVar[bool] = False

    ratio: float = 2.0
    ranks: Literal["energy"] = "energy"
    scope: Scope = "all"
    plan: Plan | None = None
    block: int = 16
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def run(self, graph: gs.Graph) -> Result:
        """Choose a plan unless one is given, then carry it out.

        Raises:
            BudgetError: the ratio is out of reach.
            PlanError: the plan names layers, forms or ranks that the graph does not have.
        """
        result = Result()
        parts = to_parts(graph)
        shapes = infer_shapes(parts, input_shapes=self.input_shapes)
        layers, reasons = list_layers(graph, shapes, self.scope if self.plan is None else "all")
        factorizations: Factorizations = {}
        if self.plan is None:
            result.skips.extend(Skip(where, why) for where, why in reasons.items())
            total = count(parts, shapes).macs(self.scope)
            result.plan = self._choose(layers, total, factorizations, result)
        else:
            result.plan = _with_forms(self.plan, layers)
            check_plan(result.plan, layers, reasons)
        apply_plan(graph, layers, result.plan, factorizations, result)
        return result

    def _choose(self, layers: Sequence[Layer], total: int, factorizations: Factorizations, result: Result) -> Plan:
        """The plan that loses least at the ratio."""
        check_ratio(self.ratio)
        offers: list[list[Option]] = []
        for layer in track(layers, "Factorizing layers"):
            taken_apart = self._factorize(layer, result)
            if taken_apart:
                factorizations[layer.name] = taken_apart
                offers.append(energy_options(layer, taken_apart, self.block))
        fixed = total - sum(offer[0].macs for offer in offers)
        chosen = choose_for_ratio(offers, fixed, self.ratio, lambda option: option.macs, f"MACs (scope {self.scope})")
        return Plan.from_options(chosen, layers, {"ratio": self.ratio, "ranks": self.ranks, "scope": self.scope})

    def _factorize(self, layer: Layer, result: Result) -> dict[Form, Factorization]:
        """The layer taken apart in every form that could make it cheaper."""
        taken_apart: dict[Form, Factorization] = {}
        reasons = []
        for form in forms().values():
            reason = form.declines(layer)
            if reason is None and not any(useful_ranks(form, layer, self.block)):
                reason = "no rank makes it cheaper"
            if reason is None:
                taken_apart[form] = form.factorize(layer)
            else:
                reasons.append(f"{form.name}: {reason}")
        if not taken_apart:
            result.skipped(layer.name, "; ".join(reasons))
        return taken_apart


def _with_forms(plan: Plan, layers: Sequence[Layer]) -> Plan:
    """The plan with every `AUTO` replaced by the first form that its layer can take."""
    known = {layer.name: layer for layer in layers}

    def resolve(name: str, planned: LayerPlan) -> LayerPlan:
        if planned.form != AUTO or name not in known:
            return planned
        fitting = [form.name for form in forms().values() if form.declines(known[name]) is None]
        return LayerPlan(fitting[0] if fitting else next(iter(forms())), planned.rank, planned.facts)

    return Plan({name: resolve(name, planned) for name, planned in plan.layers.items()}, plan.settings)


def check_plan(plan: Plan, layers: Sequence[Layer], reasons: Mapping[str, str]) -> None:
    """Refuse a plan that does not fit the graph.

    Args:
        plan: the plan.
        layers: the graph's layers.
        reasons: why other nodes are none, by name.

    Raises:
        PlanError: it says of each layer that does not fit why.
    """
    known = {layer.name: layer for layer in layers}
    faults = [fault for name, planned in plan.layers.items() if (fault := _fault(name, planned, known, reasons))]
    if faults:
        raise PlanError("the plan does not fit the model:\n  " + "\n  ".join(faults))


def _fault(name: str, planned: LayerPlan, known: Mapping[str, Layer], reasons: Mapping[str, str]) -> str | None:
    """What is wrong with the plan of one layer."""
    if name in reasons:
        return f"layer '{name}' cannot be factorized: {reasons[name]}"
    if name not in known:
        return f"the model has no layer '{name}'{nearest(name, known)}"
    if planned.form not in forms():
        return f"layer '{name}': {unknown_form(planned.form)}"
    form = forms()[planned.form]
    declined = form.declines(known[name])
    if declined:
        return f"layer '{name}' cannot take the form '{planned.form}': {declined}"
    full = form.full_rank(known[name])
    return None if planned.rank <= full else f"layer '{name}': rank {planned.rank} is above its full rank of {full}"


def apply_plan(
    graph: gs.Graph, layers: Sequence[Layer], plan: Plan, factorizations: Factorizations, result: Result
) -> None:
    """Carry `plan` out, first layer to last, and record every change."""
    for layer in track([layer for layer in layers if layer.name in plan.layers], "Rewriting layers"):
        planned = plan.layers[layer.name]
        form = forms()[planned.form]
        factorization = factorizations.get(layer.name, {}).get(form) or form.factorize(layer)
        apply_chain(graph, layer, form.stages(layer, planned.rank), factorization.factors(planned.rank))
        macs = form.macs(layer, planned.rank)
        result.changed(
            layer.name, f"{form.name}, rank {planned.rank}: {layer.macs / 1e6:.1f} to {macs / 1e6:.1f} MMACs"
        )


def plan_for_layer(name: str, rank: int) -> Plan:
    """The plan to rewrite one layer alone, in the form that suits it."""
    return Plan({name: LayerPlan(AUTO, rank)})
