"""Loading handlers: those of a package's own modules, then those of third parties."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType


def load_handlers(package: ModuleType, entry_point: str) -> None:
    """Import every module of `package`, then what other packages name under `entry_point`; both register themselves."""
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    for plugin in entry_points(group=entry_point):
        plugin.load()
