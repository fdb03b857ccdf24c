"""The target runtimes by name."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import PlanishError, nearest
from . import rates
from .direct import DirectTarget
from .machine import UNKNOWN_BLOCK, vector_block
from .target import FLOOR, Target
from .winograd import WinogradTarget

DEFAULT = "onnxruntime"

_TARGETS: dict[str, Callable[[], Target]] = {
    "onnxruntime": lambda: DirectTarget("onnxruntime", vector_block()),
    "openvino": lambda: DirectTarget("openvino", vector_block() // 2, aligned=False),
    "ncnn": lambda: WinogradTarget("ncnn", vector_block(), rates=rates.NCNN),
    "mnn": lambda: WinogradTarget("mnn", FLOOR, rates=rates.MNN),
    "opencv": lambda: WinogradTarget("opencv", vector_block() // 2, rates=rates.OPENCV),
    "generic": lambda: DirectTarget("generic", UNKNOWN_BLOCK),
}


def target_names() -> tuple[str, ...]:
    """The names that `find_target` knows."""
    return tuple(_TARGETS)


def find_target(name: str = DEFAULT) -> Target:
    """The target of that name, calibrated if this machine was.

    Raises:
        PlanishError: there is none.
    """
    if name not in _TARGETS:
        raise PlanishError(f"target '{name}' is not known{nearest(name, _TARGETS)}; there are: {', '.join(_TARGETS)}")
    return _TARGETS[name]()
