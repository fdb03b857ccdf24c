"""What it takes to get the same figures again: versions, machine, command, hashes."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..files import sha256

PACKAGES = ("planish", "onnxruntime", "onnx", "numpy", "pillow")


def provenance(files: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """Facts by name, in the order to be shown.

    Args:
        files: that were read; those that are files are hashed.
    """
    facts = {f"{name} version": _version(name) for name in PACKAGES}
    facts |= {
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    return facts | {f"sha256 of {path}": sha256(path) for path in map(str, files) if Path(path).is_file()}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"


def _processor() -> str:
    """Linux tells the model in /proc only."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
