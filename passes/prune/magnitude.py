"""`--criterion magnitude`: the channels whose filters have the largest weights ("max response" in He et al., 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..graph import constant_values
from .channels import Coupling
from .constant_channels import weight_axis
from .criterion import Candidates, Criterion, best, criterion
from .groups import Group


@criterion
class Magnitude(Criterion):
    """Sum of |W| over the filters of a class; each producer counts by its share."""

    name: ClassVar[str] = "magnitude"
    needs_data: ClassVar[bool] = False

    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """The classes with the largest filters, whatever the width: the choices are nested."""
        scores = magnitudes(candidates.group, candidates.coupling)
        return [best(scores, width) for width in widths]


def magnitudes(group: Group, coupling: Coupling) -> NDArray[np.float64]:
    """(K,) the share of every class in its producers' sums of |W|; in its readers', where a sampler makes it."""
    scores = np.zeros(group.size)
    sampled = any(port.node.op == "Gather" for port in group.producers)
    for port in group.consumers if sampled else group.producers:
        axis = weight_axis(coupling, port)
        weights = np.abs(np.asarray(constant_values(port.node.inputs[1]), dtype=np.float64))
        sums = weights.sum(axis=tuple(other for other in range(weights.ndim) if other != axis))
        classes = group.indices(coupling, port.atoms)
        free = classes >= 0
        np.add.at(scores, classes[free], sums[free] / max(float(sums.sum()), 1e-30))
    return scores
