"""The target runtimes by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ...errors import PlanishError, nearest
from .coefficients import ONNXRUNTIME, OPENVINO
from .direct import DirectTarget
from .machine import UNKNOWN_BLOCK, cpu_model, runtime_version, vector_block
from .rates import MNN, NCNN, OPENCV
from .store import Machine, load_coefficients
from .target import FLOOR, Target
from .winograd import WinogradTarget

DEFAULT = "onnxruntime"


@dataclass(frozen=True, slots=True)
class _Entry:
    """How to make a target from its coefficients.

    Attributes:
        make: the target of that name with these coefficients.
        coefficients: where this machine was not calibrated.
        runtime: the Python package whose version a calibration belongs to; '' where there is none.
    """

    make: Callable[[str, Mapping[str, float]], Target]
    coefficients: Mapping[str, float]
    runtime: str


_TARGETS: dict[str, _Entry] = {
    "onnxruntime": _Entry(
        lambda name, found: DirectTarget(name, vector_block(), coefficients=found, by_rows=True),
        ONNXRUNTIME,
        "onnxruntime",
    ),
    "openvino": _Entry(
        lambda name, found: DirectTarget(name, vector_block(), coefficients=found, alignment=1),
        OPENVINO,
        "openvino",
    ),
    "ncnn": _Entry(lambda name, found: WinogradTarget(name, vector_block(), coefficients=found), NCNN, "ncnn"),
    "mnn": _Entry(lambda name, found: WinogradTarget(name, FLOOR, coefficients=found), MNN, "MNN"),
    "opencv": _Entry(
        lambda name, found: WinogradTarget(name, 2 * FLOOR, coefficients=found), OPENCV, "opencv-python-headless"
    ),
    "generic": _Entry(lambda name, found: DirectTarget(name, UNKNOWN_BLOCK, coefficients=found), ONNXRUNTIME, ""),
}


def target_names() -> tuple[str, ...]:
    """The names that `find_target` knows."""
    return tuple(_TARGETS)


def find_target(name: str = DEFAULT, threads: int = 1) -> Target:
    """The target of that name, with what `planish calibrate-target` measured on this machine if it did.

    Args:
        name: one of `target_names()`.
        threads: intra-operator threads of the calibration.

    Raises:
        PlanishError: there is no such target, or its calibration is damaged.
    """
    measured = load_coefficients(machine_of(name, threads)) if _entry(name).runtime else None
    if measured is None:
        return make_target(name, {})
    source = f"measured on this machine, {threads} thread{'s' if threads > 1 else ''}"
    return replace(make_target(name, measured), source=source)


def make_target(name: str, coefficients: Mapping[str, float]) -> Target:
    """The target of that name with these coefficients, and the built-in ones for what they lack."""
    entry = _entry(name)
    return entry.make(name, {**entry.coefficients, **coefficients})


def machine_of(name: str, threads: int = 1) -> Machine:
    """What a calibration of that target on this machine is valid for.

    Raises:
        PlanishError: there is no such target, or it is no runtime that could be measured.
    """
    runtime = _entry(name).runtime
    if not runtime:
        raise PlanishError(f"target '{name}' is no runtime that could be measured; calibrate another")
    return Machine(name, cpu_model(), f"{runtime} {runtime_version(runtime)}", threads)


def _entry(name: str) -> _Entry:
    if name not in _TARGETS:
        raise PlanishError(f"target '{name}' is not known{nearest(name, _TARGETS)}; there are: {', '.join(_TARGETS)}")
    return _TARGETS[name]
