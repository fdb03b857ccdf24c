"""What is known of the CPU without measuring."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

UNKNOWN_BLOCK = 16
"""A multiple of every block there is, so that ranks chosen for it are aligned anywhere."""

_BYTE_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})
"""The kernel's names for instructions that multiply bytes and add them to 32-bit sums."""

_CPUINFO = Path("/proc/cpuinfo")


@cache
def cpu_model() -> str:
    """The CPU's name with its family, model and stepping, for hypervisors that hide the name."""
    facts = _facts()
    numbers = " ".join(facts[key] for key in ("cpu family", "model", "stepping") if key in facts)
    name = facts.get("model name") or platform.processor() or platform.machine()
    return f"{name} ({numbers})" if numbers else name


@cache
def vector_block() -> int:
    """Channels that onnxruntime's NCHWc layout computes together: 16 with AVX-512, 8 on other x64."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return UNKNOWN_BLOCK
    flags = _facts().get("flags")
    if flags is None:
        return UNKNOWN_BLOCK
    return 16 if "avx512f" in flags.split() else 8


@cache
def multiplies_bytes() -> bool | None:
    """Whether one instruction multiplies and adds bytes, as AVX-VNNI does and Arm's dot product; None if not known."""
    facts = _facts()
    flags = facts.get("flags") or facts.get("Features")
    return None if flags is None else bool(_BYTE_PRODUCTS & set(flags.split()))


def runtime_version(package: str) -> str:
    """The version of an installed Python package; 'absent' if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _facts() -> dict[str, str]:
    """The first processor's entries in /proc/cpuinfo; none where there is no such file."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    entries = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in entries}
