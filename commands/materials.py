"""What the passes of one command are made from, besides their own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..files import ModelParts
    from ..passes.calibration import Calibration, Portion
    from ..passes.statistics import Sampling
    from ..passes.targets import Target


@dataclass(frozen=True, slots=True)
class Materials:
    """What all passes share.

    Attributes:
        parts: the model as it was read.
        calibration: the data, if any was given, without what is held out for judging.
        sampling: how it is sampled.
        target: the runtime that shall become faster.
        shapes: of inputs whose sizes the model leaves open.
    """

    parts: ModelParts
    calibration: Calibration | Portion | None
    sampling: Sampling
    target: Target
    shapes: Mapping[str, tuple[int, ...]]
