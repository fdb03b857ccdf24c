"""What calibration data says about the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from ..statistics import Statistics
from .quadratic import Quadratic, quadratics
from .wide import WideMoments


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the layers, by name.

    Attributes:
        statistics: of all that can be fitted.
        wide: of the wide ones that read channels which may go, in the place of second moments of their inputs.
    """

    statistics: Statistics
    wide: Mapping[str, WideMoments]

    def channels(self, layer: Layer) -> int:
        """How many channels the forms of a layer are about."""
        wide = self.wide.get(layer.name)
        return int(layer.weight.shape[1]) if wide is None else len(wide.roots)

    def forms(self, layer: Layer, classes: NDArray[np.intp], weight: float = 1.0) -> list[Quadratic]:
        """One for each convolution group, as `quadratics`.

        Args:
            layer: that reads the channels.
            classes: the class of each of `channels`, or of each input.
            weight: how much the network suffers from the layer's relative error.
        """
        wide = self.wide.get(layer.name)
        if wide is not None:
            return [wide.form(classes if len(classes) == len(wide.roots) else classes[wide.first], weight)]
        return quadratics(layer, self.statistics[layer.name], classes, weight)
