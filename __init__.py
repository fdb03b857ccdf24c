"""planish: trained CNNs from Caffe, MXNet or ONNX, made smaller and faster for edge CPUs.

    parts = planish.convert("deploy.prototxt", "weights.caffemodel")
    small = planish.rewrite(parts, [Lowrank(goal=Goal("MACs", 2.0))])
    planish.write_model(small.parts, "small.onnx")
    planish.check("model.onnx", "small.onnx", data="images/")

What the names below need is imported when they are first used. (Nothing is imported relatively before: pytest takes the
repository's root for a package of the folder's name, whatever that is.)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .converter.convert import convert
    from .errors import PlanishError
    from .files import read_model, read_parts, write_model
    from .passes.rewrite import plan, rewrite
    from .runtime_check.check import check

__version__ = "0.1.0"

__all__ = [
    "PlanishError",
    "__version__",
    "check",
    "convert",
    "plan",
    "read_model",
    "read_parts",
    "rewrite",
    "write_model",
]

_HOMES = {
    "PlanishError": ".errors",
    "check": ".runtime_check.check",
    "convert": ".converter.convert",
    "plan": ".passes.rewrite",
    "read_model": ".files",
    "read_parts": ".files",
    "rewrite": ".passes.rewrite",
    "write_model": ".files",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'planish' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
