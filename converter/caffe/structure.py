"""From a net's message to its layers and inputs."""

from __future__ import annotations

from collections.abc import Iterator

from .message import Message
from .net import Layer, Net, NetInput


def read_structure(message: Message) -> Net:
    """The layers of a net that run in the TEST phase, and its inputs.

    Source: BVLC net.cpp (Net::Init, FilterNet), insert_splits.cpp; the order of the file is the order of execution.

    Raises:
        SourceError: the message is no net.
    """
    inputs = list(_header_inputs(message))
    layers = []
    for entry in message.messages("layer"):
        layer = Layer(
            entry.string("name"),
            entry.string("type"),
            tuple(entry.strings("bottom")),
            tuple(entry.strings("top")),
            entry,
        )
        if layer.type == "Input":
            inputs.extend(_layer_inputs(layer))
        else:
            layers.append(layer)
    return Net(message.string("name"), message.file, tuple(inputs), tuple(layers))


def _header_inputs(message: Message) -> Iterator[NetInput]:
    names = message.strings("input")
    shapes = [tuple(shape.integers("dim")) for shape in message.messages("input_shape")]
    flat = message.integers("input_dim")
    shapes = shapes or [tuple(flat[start : start + 4]) for start in range(0, len(flat), 4)]
    for index, name in enumerate(names):
        yield NetInput(name, shapes[index] if index < len(shapes) else None, message.line)


def _layer_inputs(layer: Layer) -> Iterator[NetInput]:
    shapes = [tuple(shape.integers("dim")) for shape in layer.message.message("input_param").messages("shape")]
    for index, name in enumerate(layer.tops):
        shape = shapes[min(index, len(shapes) - 1)] if shapes else None
        yield NetInput(name, shape, layer.message.line)
