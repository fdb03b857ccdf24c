"""`--ranks energy`: accnn's rule.

Maximize the product over layers of the share of singular values that is kept (Zhang et al., *Accelerating very deep
convolutional networks*, 2015, section 2.4; MXNet's tools/accnn/rank_selection.py), here as a sum of negative
logarithms, in which a layer left alone loses nothing. Mended against accnn: a rank dearer than the layer is never
offered, and every layer may be left alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..layers import Layer
from ..options import Option, keep
from ..targets import Target
from .form import Form
from .pair import Pair
from .ranks import option, useful_ranks


def energy_options(layer: Layer, forms: Sequence[Form], target: Target) -> list[Option]:
    """The options of `layer` in the given forms, with accnn's loss; the first is to leave it alone."""
    options = [keep(layer, target)]
    for form in forms:
        if not isinstance(form, Pair):
            continue
        factorization = form.factorize(layer)
        offered = useful_ranks(form, layer, target)
        for ranks, error in zip(offered, factorization.errors(offered), strict=True):
            loss = -math.log(factorization.kept(ranks))
            options.append(option(form, layer, ranks, target, error=error, loss=loss))
    return options
