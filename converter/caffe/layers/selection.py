"""BatchReindex and Filter: layers that choose samples."""

from __future__ import annotations

from onnx import TensorProto

from ..call import Blob, LayerCall
from ..registry import layer


@layer("BatchReindex", source="BVLC batch_reindex_layer.cpp")
def batch_reindex(call: LayerCall) -> Blob:
    """The samples of the first bottom that the second names, in its order."""
    x, chosen = call.bottom(), call.bottom(1)
    if x.rank < 1 or chosen.rank != 1:
        raise call.error(f"needs a bottom of one axis to choose by, not of shape {chosen.shape}")
    y = call.node("Gather", [x.tensor, call.node("Cast", [chosen.tensor], to=TensorProto.INT64)], axis=0)
    return Blob(y, (chosen.shape[0], *x.shape[1:]), chosen.batch, chosen.symbol)


@layer("Filter", source="BVLC filter_layer.cpp")
def filter_(call: LayerCall) -> list[Blob]:
    """The samples of each bottom for which the last bottom is not 0; how many is known only when the model runs."""
    *data, selector = call.bottoms
    if selector.rank < 1 or not data:
        raise call.error("needs bottoms to choose from, and a last one of at least one axis to choose by")
    flat = call.reshape(selector, (selector.shape[0],), batch=selector.batch)
    chosen = call.node("Cast", [flat], to=TensorProto.BOOL)
    tops = []
    for x in data:
        if x.shape[0] != selector.shape[0]:
            raise call.error(f"{selector.shape[0]} selectors for {x.shape[0]} samples")
        kept = call.node("Compress", [x.tensor, chosen], axis=0)
        tops.append(call.top(kept, x.shape, batch=0, symbol=f"{call.layer.name}_selected"))
    return tops
