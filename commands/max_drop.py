"""`--max-drop`: which images it is judged on, and how what was found is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import PlanishError
from .materials import Materials

if TYPE_CHECKING:
    from ..passes.max_drop import MaxDrop, Trial

SEARCHED = frozenset({"lowrank", "prune"})
"""Passes whose goal is searched for; quantization keeps the bound by itself, layer by layer."""


def split_for_judging(
    names: Sequence[str], settings: Mapping[str, Any], materials: Materials
) -> tuple[Materials, MaxDrop | None]:
    """The bound that the options describe, and the materials without the images that it is judged on.

    Raises:
        PlanishError: the passes cannot keep a bound, or not together, or there are too few images.
    """
    from ..passes.cache import temporary_cache  # noqa: PLC0415 - keeps `planish --help` quick
    from ..passes.calibration import Calibration  # noqa: PLC0415
    from ..passes.max_drop import MaxDrop  # noqa: PLC0415

    points = settings["max_drop"]
    if points is None or not _is_searched(names):
        return materials, None
    if not isinstance(materials.calibration, Calibration):
        raise PlanishError("--max-drop is judged on images; give --data")
    fitted, held = materials.calibration.split()
    sampling = materials.sampling
    if sampling.cache is None:
        sampling = replace(sampling, cache=temporary_cache())
    return replace(materials, calibration=fitted, sampling=sampling), MaxDrop(points, held.batches())


def _is_searched(names: Sequence[str]) -> bool:
    searched = SEARCHED & set(names)
    if searched and "quantize" in names:
        raise PlanishError(
            f"--max-drop with --pass {','.join(sorted(searched))} and quantize leaves open which of them may lose how "
            "much; rewrite twice: first without quantize, then the result with --pass quantize, each with its points"
        )
    if not searched and "quantize" not in names:
        raise PlanishError("--max-drop bounds what lowrank, prune or quantize lose; give one of them with --pass")
    return bool(searched)


def trial_facts(trial: Trial) -> dict[str, Any]:
    """For `--json`."""
    drop = trial.drop
    return {
        "ratio": trial.ratio,
        "figure": drop.figure,
        "before": drop.before,
        "after": drop.after,
        "points": drop.points,
        "held_out_samples": drop.samples,
    }


def trial_sentence(trial: Trial) -> str:
    """For people."""
    return f"largest ratio of MACs found within --max-drop: {trial.ratio:.2f}; {trial.drop}, held out from the fit"
