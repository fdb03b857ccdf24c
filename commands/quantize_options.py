"""The options of `planish rewrite` that concern quantization, and the pass that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import PlanishError

if TYPE_CHECKING:
    from ..passes.quantize import Mode, Quantize, StaticSettings
    from ..passes.statistics import Batches

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--ranges",
        type=click.Choice(["mse", "minmax", "average", "percentile", "entropy"]),
        default="mse",
        show_default=True,
        help="Quantize: how the range of an activation is chosen.",
    ),
    click.option("--fast", is_flag=True, help="Quantize: round to the nearest, in a few seconds."),
    click.option("--no-equalize", is_flag=True, help="Quantize: leave channels' scales as they are."),
    click.option("--no-absorb", is_flag=True, help="Quantize: leave constant parts of activations where they are."),
    click.option("--no-bias-correction", is_flag=True, help="Quantize: leave mean errors in."),
    click.option("--no-reconstruct", is_flag=True, help="Quantize: round every weight to the nearest integer."),
    click.option("--min-sqnr", type=float, metavar="DB", help="Quantize: least fidelity of the outputs."),
    click.option("--bits", type=click.IntRange(2, 8), default=8, show_default=True, help="Below 8: simulated."),
    click.option("--signed", is_flag=True, help="Quantize: s8 activations instead of u8."),
    click.option("--quantize-outputs", is_flag=True, help="Quantize: the network's last layers too."),
    click.option(
        "--float-ends",
        is_flag=True,
        help="Quantize: no first or last layers that make much noise in little time.",
    ),
    click.option(
        "--weights-only", is_flag=True, help="Store weights as s8 (--bits 4: s4), compute in float: smaller, slower."
    ),
    click.option("--dynamic-simulation", is_flag=True, help="Quantize: simulate a new range for every batch."),
    click.option("--requantize", is_flag=True, help="Quantize: take an earlier quantization out first."),
)


def quantize_options(function: _F) -> _F:
    """All of them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_quantize(
    settings: Mapping[str, Any], calibration: Batches | None, shapes: Mapping[str, tuple[int, ...]]
) -> Quantize:
    """The pass that the options describe.

    Raises:
        PlanishError: they contradict each other.
    """
    from ..passes.plan import find_plan, read_plans  # noqa: PLC0415 - keeps `planish --help` quick
    from ..passes.quantize import Bound, Quantize  # noqa: PLC0415

    if settings["weights_only"] and settings["dynamic_simulation"]:
        raise PlanishError("--weights-only contradicts --dynamic-simulation; give one of them")
    mode: Mode = "weights-only" if settings["weights_only"] else "static"
    if settings["dynamic_simulation"]:
        mode = "dynamic-simulation"
    bound = Bound(settings["min_sqnr"], settings["max_drop"])
    if bound.given and mode != "static":
        raise PlanishError("--min-sqnr and --max-drop are kept by static quantization alone")
    plan_file = settings["plan_file"]
    return Quantize(
        batches=calibration,
        mode=mode,
        settings=_static_settings(settings),
        bound=bound,
        requantize=settings["requantize"],
        plan=None if plan_file is None else find_plan(read_plans(plan_file), Quantize.name, plan_file),
        input_shapes=shapes,
    )


def _static_settings(settings: Mapping[str, Any]) -> StaticSettings:
    from ..passes.quantize import FAST, Repairs, StaticSettings  # noqa: PLC0415

    reconstruct = not settings["no_reconstruct"]
    repairs = Repairs(rounding=reconstruct, sequential=reconstruct, bias=not settings["no_bias_correction"])
    return StaticSettings(
        ranges=settings["ranges"],
        equalized=not settings["no_equalize"],
        absorbed=not settings["no_absorb"],
        repairs=FAST if settings["fast"] else repairs,
        bits=settings["bits"],
        signed=settings["signed"],
        quantize_outputs=settings["quantize_outputs"],
        float_ends=settings["float_ends"],
    )
