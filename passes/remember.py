"""What the budget chooses from, measured once: a second goal on the same model and data starts with choosing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import onnx_graphsurgeon as gs

from .cache import Entry, fingerprint
from .options import Option
from .statistics import Batches, Sampling


def remembered(
    sampling: Sampling, graph: gs.Graph, batches: Batches, facts: Sequence[Any], make: Callable[[], Entry]
) -> Entry:
    """What `make` gives, or what the cache has of it.

    Args:
        sampling: with the cache, if there is one.
        graph: the network that it is about.
        batches: the data that it was learnt from.
        facts: whatever else it depends on, as JSON values; the release of planish is among them anyway.
        make: measures it.
    """
    if sampling.cache is None:
        return make()
    key = fingerprint(version("planish"), sampling.key(graph, batches), *facts)
    entry = sampling.cache.find(key)
    if entry is None:
        entry = make()
        sampling.cache.keep(key, entry)
    return entry


def remembered_options(
    sampling: Sampling,
    graph: gs.Graph,
    batches: Batches,
    facts: Sequence[Any],
    make: Callable[[], Sequence[Sequence[Option]]],
) -> list[list[Option]]:
    """`remembered` for the options of every layer."""
    entry = remembered(sampling, graph, batches, ["options", *facts], lambda: _to_entry(make()))
    return [[_option(fields) for fields in layer] for layer in entry.facts["options"]]


def _option(fields: Mapping[str, Any]) -> Option:
    return Option(**{**fields, "ranks": tuple(fields["ranks"])})


def _to_entry(options: Sequence[Sequence[Option]]) -> Entry:
    return Entry({"options": [[asdict(option) for option in layer] for layer in options]})
