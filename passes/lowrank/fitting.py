"""Whether a plan fits a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import PlanError, nearest
from ..layers import Layer
from ..options import Ranks
from ..plan import LayerPlan, Plan
from .registry import forms, unknown_form

AUTO = "auto"
"""As the form in a plan: the one that suits the layer."""


def plan_for_layer(name: str, ranks: Ranks) -> Plan:
    """The plan to rewrite one layer alone, in the first form that suits it and has so many ranks."""
    return Plan({name: LayerPlan(AUTO, ranks)})


def fitted_plan(plan: Plan, layers: Sequence[Layer], reasons: Mapping[str, str], names: Sequence[str] = ()) -> Plan:
    """`plan` with every `AUTO` replaced by the first form that its layer can take.

    Args:
        plan: the plan.
        layers: the graph's layers.
        reasons: why other nodes are none, by name.
        names: of the forms that `AUTO` may become; by default all.

    Raises:
        PlanError: it does not fit; the message says of each layer why.
    """
    known = {layer.name: layer for layer in layers}
    candidates = names or list(forms())
    resolved = Plan(
        {name: _resolved(planned, known.get(name), candidates) for name, planned in plan.layers.items()}, plan.settings
    )
    faults = [fault for name, planned in resolved.layers.items() if (fault := _fault(name, planned, known, reasons))]
    if faults:
        raise PlanError("the plan does not fit the model:\n  " + "\n  ".join(faults))
    return resolved


def _resolved(planned: LayerPlan, layer: Layer | None, names: Sequence[str]) -> LayerPlan:
    if planned.form != AUTO or layer is None:
        return planned
    suiting = [form for name, form in forms().items() if name in names and form.declines(layer) is None]
    fitting = [form.name for form in suiting if len(form.full_ranks(layer)) == len(planned.ranks)]
    return LayerPlan(fitting[0] if fitting else names[0], planned.ranks, planned.facts)


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
    full = form.full_ranks(known[name])
    if len(planned.ranks) != len(full):
        return f"layer '{name}': the form '{planned.form}' has {len(full)} rank(s), not {len(planned.ranks)}"
    above = [pair for pair in zip(planned.ranks, full, strict=True) if pair[0] > pair[1]]
    return f"layer '{name}': rank {above[0][0]} is above its full rank of {above[0][1]}" if above else None
