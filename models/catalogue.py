"""The networks of the catalogue: every module of this folder that is called after a framework."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from ..errors import PlanishError, nearest
from .network import Framework, Network

FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
"""A network's name begins with one of these and '_'."""

FOLDER = Path(__file__).parent


@functools.cache
def networks() -> Mapping[str, Network]:
    """All networks by name, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return MappingProxyType(
        {
            name: importlib.import_module(f"{__package__}.{name}").NETWORK
            for name in names
            if name.startswith(tuple(f"{framework}_" for framework in FRAMEWORKS))
        }
    )


def find_network(name: str) -> Network:
    """The network of that name.

    Raises:
        PlanishError: there is none; the message names the nearest.
    """
    known = networks()
    if name not in known:
        hint = nearest(name, known) or f"; it has {', '.join(known)}"
        raise PlanishError(f"the catalogue has no network '{name}'{hint}")
    return known[name]


def data_file(network: Network, purpose: str) -> Path:
    """The packaged data set of a network for 'evaluation' or 'calibration'.

    Raises:
        PlanishError: it has none.
    """
    if purpose not in network.data:
        raise PlanishError(f"no {purpose} data is packaged for this network; give your own with --data")
    return FOLDER / network.data[purpose]
