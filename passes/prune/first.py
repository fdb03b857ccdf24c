"""`--criterion first`: the first channels, as a baseline (He et al., 2017, "first k")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .criterion import Candidates, Criterion, best, criterion


@criterion
class First(Criterion):
    """Whatever stands first."""

    name: ClassVar[str] = "first"
    needs_data: ClassVar[bool] = False

    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """The first ones, whatever the width: the choices are nested."""
        return [best(np.zeros(candidates.group.size), width) for width in widths]
