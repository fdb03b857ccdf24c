"""Eltwise."""

from __future__ import annotations

from ..call import Blob, LayerCall
from ..registry import layer

_OPERATORS = {"PROD": ("Mul", "Mul"), "SUM": ("Add", "Sum"), "MAX": ("Max", "Max")}


@layer(
    "Eltwise",
    params="eltwise_param",
    options=("operation", "coeff", "stable_prod_grad"),
    source="BVLC eltwise_layer.cpp",
)
def eltwise(call: LayerCall) -> Blob:
    """PROD, SUM (each bottom times its coefficient) or MAX of bottoms of one shape."""
    operation = call.params.enum("operation", ("PROD", "SUM", "MAX"), "SUM")
    shapes = {bottom.shape for bottom in call.bottoms}
    if len(shapes) > 1 or len(call.bottoms) < 2:
        raise call.error(f"needs two or more bottoms of one shape, not {[bottom.shape for bottom in call.bottoms]}")
    call.same_batch()
    terms = [bottom.tensor for bottom in call.bottoms]
    coefficients = call.params.numbers("coeff")
    if coefficients and (operation == "PROD" or len(coefficients) != len(terms)):
        raise call.error(f"{len(coefficients)} coefficients for {operation} of {len(terms)} bottoms")
    if coefficients and operation == "SUM":
        pairs = zip(terms, coefficients, strict=True)
        terms = [term if factor == 1 else call.node("Mul", [term, call.constant(factor)]) for term, factor in pairs]
    if operation == "PROD":
        product = terms[0]
        for term in terms[1:]:
            product = call.node("Mul", [product, term])
        return call.like(product)
    return call.like(call.node(_OPERATORS[operation][len(terms) > 2], terms))
