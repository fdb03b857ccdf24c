"""How to choose which channels stay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import PlanishError, nearest
from .channels import Coupling
from .groups import Group
from .quadratic import Quadratic
from .reader import Reader


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is to be chosen from.

    Attributes:
        group: the group.
        coupling: that it was found in.
        readers: the layers that read the group; none without data.
    """

    group: Group
    coupling: Coupling
    readers: Sequence[Reader]

    @property
    def forms(self) -> list[Quadratic]:
        """Of all readers."""
        return [form for reader in self.readers for form in reader.forms]


class Criterion(ABC):
    """A rule that ranks the classes of a group.

    Attributes:
        name: on the command line, and of the criterion's file.
        needs_data: whether it looks at second moments.
    """

    name: ClassVar[str]
    needs_data: ClassVar[bool]

    @abstractmethod
    def selections(self, candidates: Candidates, widths: Sequence[int]) -> list[NDArray[np.bool_]]:
        """For each of the ascending `widths`, which classes (K,) stay: exactly that many.

        Args:
            candidates: the group and what is known of it.
            widths: numbers of classes to keep.
        """


_C = TypeVar("_C", bound=type[Criterion])
_CRITERIA: dict[str, Criterion] = {}


def criterion(criterion_class: _C) -> _C:
    """Class decorator: make a criterion known under its name, which no other may have."""
    if criterion_class.name in _CRITERIA:
        raise ValueError(f"two criteria are called '{criterion_class.name}'")
    _CRITERIA[criterion_class.name] = criterion_class()
    return criterion_class


def criteria() -> Mapping[str, Criterion]:
    """The known criteria by name."""
    return dict(_CRITERIA)


def find_criterion(name: str) -> Criterion:
    """The criterion of that name.

    Raises:
        PlanishError: there is none.
    """
    if name not in _CRITERIA:
        raise PlanishError(
            f"'{name}' is no criterion{nearest(name, _CRITERIA)}; there are: {', '.join(sorted(_CRITERIA))}"
        )
    return _CRITERIA[name]


def best(scores: NDArray[np.float64], width: int) -> NDArray[np.bool_]:
    """The `width` classes of the highest scores (K,); of equal ones the first."""
    kept = np.zeros(len(scores), dtype=bool)
    kept[np.argsort(-scores, kind="stable")[:width]] = True
    return kept
