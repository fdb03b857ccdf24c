"""A plan says what is to be done to each layer: a small JSON document that a person can read, edit and hand back.

    {
      "planish_plan": 1,
      "settings": {"ratio": 2.0, "ranks": "energy", "scope": "all"},
      "layers": {
        "conv2/3x3": {"form": "spatial", "rank": 96, "macs": [346816512, 175546368], "error": 0.021},
        "conv3/3x3": {"form": "tucker", "ranks": [32, 48]},
        "loss3/classifier": {"form": "gemm", "rank": 400}
      }
    }

`form` and `rank`, or `ranks` of a form that has two, are what counts; the other facts of a layer are for the reader.
Layers that are not named are left alone. accnn's config.json (`conv_params` and `fc_params`, a rank by layer name) is a
plan too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PlanError
from ..files import replacing
from .layers import Layer
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
    """What is to be done to the layers of one model.

    Attributes:
        layers: by layer name, in graph order; layers that are missing are left alone.
        settings: how the plan came about, for the reader.
    """

    layers: Mapping[str, LayerPlan]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_options(cls, options: Iterable[Option], layers: Iterable[Layer], settings: Mapping[str, Any]) -> Plan:
        """The plan that carries out what `budget.choose` chose."""
        before = {layer.name: layer for layer in layers}
        planned = {}
        for option in options:
            if option.form != KEEP:
                facts = {"macs": [before[option.layer].macs, option.macs], "error": round(option.error, 6)}
                planned[option.layer] = LayerPlan(option.form, option.ranks, facts)
        return cls(planned, settings)

    def to_json(self) -> str:
        """The document above."""
        layers = {name: {"form": p.form, **_written(p.ranks), **p.facts} for name, p in self.layers.items()}
        lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(facts)}" for name, facts in layers.items())
        body = f"{{\n{lines}\n  }}" if lines else "{}"
        return (
            f'{{\n  "{_VERSION_KEY}": {VERSION},\n  "settings": {json.dumps(dict(self.settings))},\n'
            f'  "layers": {body}\n}}\n'
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the document to the file `path`, whole or not at all."""
        with replacing(path) as stream:
            stream.write(self.to_json().encode())


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan, or a config.json of accnn.

    Raises:
        PlanError: the file cannot be read or is neither.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise PlanError(f"{path}: is no JSON ({error}); a plan is written by rewrite --save-plan") from error
    if isinstance(document, dict) and document.keys() & _ACCNN_FORMS:
        return _accnn_plan(path, document)
    if not isinstance(document, dict) or document.get(_VERSION_KEY) != VERSION:
        raise PlanError(
            f'{path}: is no plan: it has neither "{_VERSION_KEY}": {VERSION} nor accnn\'s conv_params and fc_params'
        )
    return Plan(_layer_plans(path, document.get("layers")), document.get("settings", {}))


def _layer_plans(path: Path, layers: Any) -> dict[str, LayerPlan]:
    if not isinstance(layers, dict):
        raise PlanError(f'{path}: "layers" is no object of layer names')
    plans: dict[str, LayerPlan] = {}
    for name, facts in layers.items():
        ranks = _read_ranks(facts) if isinstance(facts, dict) else None
        if ranks is None or not isinstance(facts.get("form"), str):
            raise PlanError(
                f"{path}: layer '{name}' needs a form (a name) and a rank (a whole number of at least 1), or ranks "
                "(a list of them)"
            )
        rest = {key: value for key, value in facts.items() if key not in {"form", "rank", "ranks"}}
        plans[name] = LayerPlan(facts["form"], ranks, rest)
    return plans


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
    return Plan(layers, {"from": "accnn"})


def _is_rank(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
