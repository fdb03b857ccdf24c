"""A plan says what is to be done to each layer: a small JSON document that a person can read, edit and hand back.

    {
      "planish_plan": 1,
      "pass": "lowrank",
      "settings": {"goal": "2 of MACs", "ranks": "sensitivity", "scope": "all"},
      "layers": {
        "conv2/3x3": {"form": "spatial", "rank": 96, "macs": [346816512, 175546368], "ms": [3.1, 1.7], "error": 0.021},
        "loss3/classifier": {"form": "gemm", "rank": 400}
      }
    }

`form` and `rank` (or `ranks`) are what counts; the other facts of a layer are for the reader. Layers that are not named
are left alone. Several passes make `"plans": [...]` of such documents. accnn's config.json (`conv_params` and
`fc_params`, a rank by layer name) is a plan too. docs/plan.md has all of it.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PlanError
from ..files import replacing
from .options import KEEP, Option, Ranks

VERSION = 1
_VERSION_KEY = "planish_plan"
_ACCNN_FORMS = {"conv_params": "spatial", "fc_params": "gemm"}


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What is to be done to one layer.

    Attributes:
        form: name of the form.
        ranks: K, or as many as the form has.
        facts: expected cost and error, for the reader.
    """

    form: str
    ranks: Ranks
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        """The first of the ranks."""
        return self.ranks[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass is to do to the layers of one model.

    Attributes:
        layers: by layer name, in graph order; layers that are missing are left alone.
        settings: how the plan came about, for the reader.
        made_by: name of the pass that made it; '' for whichever is given it.
    """

    layers: Mapping[str, LayerPlan]
    settings: Mapping[str, Any] = field(default_factory=dict)
    made_by: str = ""

    @classmethod
    def from_options(cls, chosen: Iterable[Option], kept: Iterable[Option], settings: Mapping[str, Any]) -> Plan:
        """The plan that carries out what the budget chose.

        Args:
            chosen: one option of each layer.
            kept: the options to leave them alone.
            settings: how they came about.
        """
        before = {option.layer: option for option in kept}
        planned = {}
        for option in chosen:
            if option.form != KEEP:
                facts = _facts(before[option.layer], option)
                if settings.get("ranks") == "sensitivity" and option.error > 0:
                    facts["sensitivity"] = _rounded(option.loss / option.error)
                planned[option.layer] = LayerPlan(option.form, option.ranks, facts)
        return cls(planned, settings)

    def to_document(self) -> str:
        """The document above, without its braces and version."""
        layers = {name: {"form": p.form, **_written(p.ranks), **p.facts} for name, p in self.layers.items()}
        lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(facts)}" for name, facts in layers.items())
        body = f"{{\n{lines}\n  }}" if lines else "{}"
        made_by = f'  "pass": {json.dumps(self.made_by)},\n' if self.made_by else ""
        return f'{made_by}  "settings": {json.dumps(dict(self.settings))},\n  "layers": {body}'


def _facts(before: Option, after: Option) -> dict[str, Any]:
    return {
        "macs": [before.macs, after.macs],
        "ms": [_rounded(before.latency_ms), _rounded(after.latency_ms)],
        "error": _rounded(after.error),
    }


def _rounded(value: float) -> float:
    """To four digits: nobody reads more."""
    return float(f"{value:.4g}")


def write_plans(plans: Sequence[Plan], path: str | os.PathLike[str]) -> None:
    """Write one plan or several to the file `path`, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    if len(plans) == 1:
        body = plans[0].to_document()
    else:
        documents = ",\n".join(f"{{\n{plan.to_document()}\n}}" for plan in plans)
        body = f'  "plans": [\n{textwrap.indent(documents, "    ")}\n  ]'
    with replacing(path) as stream:
        stream.write(f'{{\n  "{_VERSION_KEY}": {VERSION},\n{body}\n}}\n'.encode())


def read_plans(path: str | os.PathLike[str]) -> tuple[Plan, ...]:
    """Read what `write_plans` wrote, or a config.json of accnn.

    Raises:
        PlanError: the file cannot be read or is neither; of layers that are written wrongly it names each.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path}: is no JSON ({error}); a plan is written by rewrite --save-plan") from error
    if isinstance(document, dict) and document.keys() & _ACCNN_FORMS:
        return (_accnn_plan(path, document),)
    if not isinstance(document, dict) or document.get(_VERSION_KEY) != VERSION:
        raise PlanError(
            f'{path}: is no plan: it has neither "{_VERSION_KEY}": {VERSION} nor accnn\'s conv_params and fc_params'
        )
    several = document.get("plans", [document])
    if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
        raise PlanError(f'{path}: "plans" is no list of plans')
    return tuple(_plan(path, one) for one in several)


def find_plan(plans: Sequence[Plan], made_by: str, where: str) -> Plan:
    """The plan that is for the pass `made_by`; `where` they come from stands in errors.

    Raises:
        PlanError: none is.
    """
    for plan in plans:
        if plan.made_by in {made_by, ""}:
            return plan
    makers = ", ".join(sorted({plan.made_by for plan in plans})) or "nothing"
    raise PlanError(f"{where}: has no plan for the pass '{made_by}', only for {makers}; give --pass that")


def _plan(path: Path, document: Mapping[str, Any]) -> Plan:
    layers, settings, made_by = document.get("layers"), document.get("settings", {}), document.get("pass", "")
    if not isinstance(layers, dict):
        raise PlanError(f'{path}: "layers" is no object of layer names')
    if not isinstance(settings, dict) or not isinstance(made_by, str):
        raise PlanError(f'{path}: "settings" must be an object, and "pass" a name')
    faults = [f"layer '{name}' {fault}" for name, facts in layers.items() if (fault := _fault(facts)) is not None]
    if faults:
        raise PlanError(f"{path}: the plan is written wrongly:\n  " + "\n  ".join(faults))
    return Plan({name: _layer_plan(facts) for name, facts in layers.items()}, settings, made_by)


def _fault(facts: Any) -> str | None:
    """What is wrong with how one layer is written."""
    if not isinstance(facts, dict) or not isinstance(facts.get("form"), str):
        return 'needs a "form" (a name)'
    if _read_ranks(facts) is None:
        return 'needs a "rank" (a whole number of at least 1), or "ranks" (a list of them)'
    return None


def _layer_plan(facts: Mapping[str, Any]) -> LayerPlan:
    rest = {key: value for key, value in facts.items() if key not in {"form", "rank", "ranks"}}
    return LayerPlan(facts["form"], _read_ranks(facts) or (), rest)


def _written(ranks: Ranks) -> dict[str, Any]:
    return {"rank": ranks[0]} if len(ranks) == 1 else {"ranks": list(ranks)}


def _read_ranks(facts: Mapping[str, Any]) -> Ranks | None:
    """The ranks of one layer; None if they are not written as they should be."""
    if ("rank" in facts) == ("ranks" in facts):
        return None
    ranks = [facts["rank"]] if "rank" in facts else facts["ranks"]
    return tuple(ranks) if isinstance(ranks, list) and ranks and all(map(_is_rank, ranks)) else None


def _accnn_plan(path: Path, document: Mapping[str, Any]) -> Plan:
    layers: dict[str, LayerPlan] = {}
    for section, form in _ACCNN_FORMS.items():
        ranks = document.get(section) or {}
        if not isinstance(ranks, dict) or not all(_is_rank(rank) for rank in ranks.values()):
            raise PlanError(f'{path}: "{section}" must give a whole rank of at least 1 by layer name')
        layers.update({name: LayerPlan(form, (rank,)) for name, rank in ranks.items()})
    return Plan(layers, {"from": "accnn"}, "lowrank")


def _is_rank(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
