"""Calibrations on disk: one JSON file per target, CPU model, version of the runtime and number of threads."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import PlanishError
from ...files import replacing
from ...models.download import cache_folder

FORMAT = 1
"""Raised whenever the meaning of a feature changes, so that older files are not read."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a calibration is valid for.

    Attributes:
        target: the target's name.
        cpu: model of the CPU.
        runtime: name and version of the runtime.
        threads: intra-operator threads.
    """

    target: str
    cpu: str
    runtime: str
    threads: int

    def path(self) -> Path:
        """The file of its calibration, in the folder that $PLANISH_CACHE names, or in the system's for caches."""
        key = json.dumps([FORMAT, self.target, self.cpu, self.runtime, self.threads])
        return cache_folder() / "targets" / f"{self.target}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"

    def to_dict(self) -> dict[str, Any]:
        """For the file and for reports."""
        return {"target": self.target, "cpu": self.cpu, "runtime": self.runtime, "threads": self.threads}


def save_coefficients(machine: Machine, coefficients: Mapping[str, float]) -> Path:
    """Write what was measured on `machine`; the file's path.

    Raises:
        OutputError: the file cannot be written.
    """
    path = machine.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"format": FORMAT, **machine.to_dict(), "coefficients": dict(coefficients)}
    with replacing(path) as stream:
        stream.write(json.dumps(document, indent=2).encode() + b"\n")
    return path


def load_coefficients(machine: Machine) -> dict[str, float] | None:
    """What was measured on `machine`; None if nothing was.

    Raises:
        PlanishError: the file is damaged.
    """
    path = machine.path()
    if not path.is_file():
        return None
    try:
        return _checked(json.loads(path.read_text(encoding="utf-8"))["coefficients"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanishError(
            f"{path}: the calibration of target '{machine.target}' is damaged ({error}); "
            f"measure it again with: planish calibrate-target --target {machine.target}"
        ) from error


def _checked(coefficients: Any) -> dict[str, float]:
    checked = {str(name): float(value) for name, value in coefficients.items()}
    for name, value in checked.items():
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"coefficient '{name}' is {value}")
    return checked
