"""What a difference on a sample of the data says about all data: bootstrap confidence intervals, and verdicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 10_000

_FEW_VALUES = 32
"""Up to so many different values, a resample is one draw of how often each of them comes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the second model less that of the first, on the same samples.

    Attributes:
        name: of the figure.
        unit: of its values.
        value: the mean difference.
        low: lower end of its confidence interval.
        high: its upper end.
        samples: how many were compared.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    samples: int

    @property
    def verdict(self) -> str:
        """In words, like `loses 0.8 to 1.9 points`; for figures of which more is better."""
        if self.low > 0:
            return f"gains {self.low:.2g} to {self.high:.2g} {self.unit}"
        if self.high < 0:
            return f"loses {-self.high:.2g} to {-self.low:.2g} {self.unit}"
        if self.low == self.high == 0:
            return f"no measurable loss: not one of {self.samples} samples differs"
        return f"no measurable loss ({self.low:+.2g} to {self.high:+.2g} {self.unit})"


def paired_difference(
    name: str, unit: str, first: NDArray[np.float64], second: NDArray[np.float64], *, seed: int = 0
) -> Difference:
    """The mean of second - first over the samples, with its percentile bootstrap interval (Efron, 1979).

    Args:
        name: of the figure.
        unit: of its values.
        first: the first model's figure for each sample (N,).
        second: the second model's (N,).
        seed: of the resampling.
    """
    differences = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    low, high = bootstrap_interval(differences, seed=seed)
    return Difference(name, unit, float(differences.mean()), low, high, len(differences))


def bootstrap_interval(
    values: NDArray[np.float64], *, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values` (N,)."""
    rng = np.random.default_rng(seed)
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) <= _FEW_VALUES:
        means = rng.multinomial(len(values), counts / len(values), RESAMPLES) @ levels / len(values)
    else:
        means = np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES // 5)])
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
