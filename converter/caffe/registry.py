"""The layer types that can be converted, and how to add one.

A handler is a function of 3 to 20 lines in `layers/`, registered under Caffe's name for the layer. It gets a
`LayerCall` (call.py) and returns the layer's tops as `Blob`s, made with `call.top`:

    @layer("ShuffleChannel", params="shuffle_channel_param", options=("group",), source="ShuffleNet fork")
    def shuffle_channel(call: LayerCall) -> Blob:
        \"\"\"Channels (g, C/g) transposed to (C/g, g).\"\"\"
        x = call.bottom(0)                        # Blob: .tensor (ONNX name), .shape (ints), .batch (dynamic axis)
        group = call.params.integer("group", 1)   # typed; a missing field gives Caffe's default
        n, c, h, w = x.shape
        if c % group:
            raise call.error(f"{c} channels do not divide into {group} groups")          # the net is wrong
        split = call.reshape(x, (n, group, c // group, h, w))
        turned = call.node("Transpose", [split], perm=[0, 2, 1, 3, 4])
        return call.top(call.reshape(turned, x.shape), x.shape)

What else a handler may need: `call.parameter(i, shape)` the i-th blob as an ONNX initializer, checked against `shape`
(`call.weight(i, shape)` as an array); `call.builder` the graph; `raise call.unsupported("why, and what to do")` where
ONNX cannot say it (all of a net's are reported at once); `call.fix_batch("why")` where the graph would only be right
for the batch size that the net declares; `call.note("...")` for what the user should know.

Third parties register theirs through the entry point group `planish.caffe_layers`: the module it names is imported
before the first conversion, and its `@layer` decorators do the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...errors import PlanishError
from ..plugins import load_handlers
from .call import Blob, LayerCall

ENTRY_POINT = "planish.caffe_layers"

Handler: TypeAlias = Callable[[LayerCall], "Blob | Sequence[Blob]"]


@dataclass(frozen=True, slots=True)
class LayerType:
    """A registered layer type.

    Attributes:
        name: Caffe's `type`.
        handler: converts one layer of it.
        params: name of its parameter message, or ''.
        options: the fields of that message that the handler honours.
        source: the definition it follows.
    """

    name: str
    handler: Handler
    params: str
    options: tuple[str, ...]
    source: str

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]


_TYPES: dict[str, LayerType] = {}


def layer(
    *names: str, params: str = "", options: Sequence[str] = (), source: str = "BVLC Caffe"
) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of one or more layer types.

    Args:
        names: values of `type` in the prototxt.
        params: the layer's parameter message, say 'pooling_param'; `call.params` is that message.
        options: its fields that the handler honours. Others that stand in a net are ignored with a note to the user,
            but for those that cannot matter for inference (fillers, engines).
        source: the definition followed: the framework or fork, and its file.

    Raises:
        PlanishError: another handler has that name.
    """

    def register(handler: Handler) -> Handler:
        for name in names:
            known = _TYPES.get(name)
            if known is not None and known.handler is not handler:
                raise PlanishError(
                    f"layer type '{name}' of {handler.__module__} is registered already by {known.handler.__module__}; "
                    "give it another name"
                )
            _TYPES[name] = LayerType(name, handler, params, tuple(options), source)
        return handler

    return register


@functools.cache
def _load() -> None:
    from . import layers  # noqa: PLC0415 - the handlers import this module

    load_handlers(layers, ENTRY_POINT)


def find_layer_type(name: str) -> LayerType | None:
    """The registered layer type of that name, or None."""
    _load()
    return _TYPES.get(name)


def layer_types() -> list[LayerType]:
    """All registered layer types, sorted by name."""
    _load()
    return sorted(_TYPES.values(), key=lambda kind: kind.name.lower())
