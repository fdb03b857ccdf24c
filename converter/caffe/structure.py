"""From a net's message, of whatever generation, to the layers that run at inference and what they are fed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from .message import Message
from .net import Layer, Net, NetInput
from .phase import net_state, runs
from .upgrade import upgrade_v0, upgrade_v1

MAX_LAYERS = 20_000
"""ResNet-152 has 673 layers."""

_POSTPROCESSING = (
    "DetectionOutput",
    "YoloDetectionOutput",
    "Yolov3DetectionOutput",
    "RegionOutput",
    "DetectionEvaluate",
)


def read_structure(
    message: Message, *, level: int | None = None, stages: Collection[str] = (), postprocessing: bool = True
) -> Net:
    """The layers of a net that run in the TEST phase, and its inputs.

    Layers that read what only a training layer makes (labels) are left out, with a note.

    Args:
        message: the NetParameter.
        level: of the net's state; by default what the file says.
        stages: of the net's state, besides those of the file.
        postprocessing: whether layers that turn a detector's raw answers into boxes are kept.

    Raises:
        SourceError: the message is no net.
    """
    state = net_state(message, level, stages)
    inputs = list(_header_inputs(message))
    reader = _Reader(inputs, made={entry.name for entry in inputs})
    entries = _layer_messages(message)
    if len(entries) > MAX_LAYERS:
        raise message.error(f"has {len(entries)} layers, more than the {MAX_LAYERS} that are taken for a net", 1)
    for entry in entries:
        layer = _layer(entry)
        if not runs(entry, state) or (not postprocessing and layer.type in _POSTPROCESSING):
            reader.leave_out(layer.tops)
        else:
            reader.read(layer)
    if not reader.layers:
        raise message.error("holds no layers; is it the prototxt of a net?", 1)
    return Net(
        message.string("name"), message.file, tuple(reader.inputs), tuple(reader.layers), notes=tuple(reader.notes)
    )


@dataclass(slots=True)
class _Reader:
    """Sorts layers into inputs, layers that run, and layers left over from training.

    Attributes:
        inputs: blobs that the net is fed.
        layers: those that run.
        absent: blobs that nothing makes at inference.
        notes: which layers were left out, and why.
        made: blobs that an input or a layer makes.
    """

    inputs: list[NetInput]
    layers: list[Layer] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    made: set[str] = field(default_factory=set)

    def read(self, layer: Layer) -> None:
        missing = self.absent.intersection(layer.bottoms)
        if layer.type == "Input":
            self._add_inputs(layer, layer.tops)
        elif layer.type.endswith("Data") and layer.type != "DummyData" and not layer.bottoms:
            self._add_inputs(layer, layer.tops[:1])
            self.leave_out(layer.tops[1:])
        elif missing:
            self.leave_out(layer.tops)
            self.notes.append(f"{layer}: left out, because at inference nothing makes '{min(missing)}'")
        else:
            self.absent.difference_update(layer.tops)
            self.made.update(layer.tops)
            self.layers.append(layer)

    def leave_out(self, tops: Collection[str]) -> None:
        """Nothing makes these blobs, unless something made them before."""
        self.absent.update(set(tops) - self.made)

    def _add_inputs(self, layer: Layer, tops: Collection[str]) -> None:
        shapes = _declared_shapes(layer)
        for index, name in enumerate(tops):
            self.absent.discard(name)
            if name not in self.made:
                self.made.add(name)
                shape = shapes[min(index, len(shapes) - 1)] if shapes else None
                self.inputs.append(NetInput(name, shape, layer.message.line, _transform(layer)))


def _transform(layer: Layer) -> Message | None:
    """A data layer's preprocessing; older nets keep it in the layer's own parameters (UpgradeNetDataTransformation)."""
    names = ("transform_param", "data_param", "image_data_param", "window_data_param")
    for params in (layer.message.message(name) for name in names):
        if any(params.has(name) for name in ("scale", "mean_value", "mean_file", "crop_size")):
            return params
    return None


def _layer_messages(message: Message) -> list[Message]:
    """All layers in today's words, whichever generation the file is of."""
    today, old = message.messages("layer"), message.messages("layers")
    if today and old:
        raise message.error("mixes 'layer' and 'layers', the new and the old generation; use one", old[0].line)
    if any(isinstance(value, Message) for entry in old for value in entry.fields.get("layer", [])):
        return upgrade_v0(old)
    return [upgrade_v1(entry) for entry in old] if old else today


def _layer(entry: Message) -> Layer:
    kind = entry.string("type")
    if not kind:
        raise entry.error(f"layer '{entry.string('name')}' has no type")
    layer = Layer(entry.string("name"), kind, tuple(entry.strings("bottom")), tuple(entry.strings("top")), entry)
    if "" in layer.bottoms + layer.tops:
        raise entry.error(f"layer '{layer.name}' ({kind}) has a bottom or top without a name")
    return layer


def _header_inputs(message: Message) -> Iterator[NetInput]:
    """`input` with `input_shape`, or with four `input_dim` each."""
    names = message.strings("input")
    shapes = [tuple(shape.integers("dim")) for shape in message.messages("input_shape")]
    flat = message.integers("input_dim")
    if flat and len(flat) != 4 * len(names):
        raise message.error(f"{len(flat)} input_dim for {len(names)} inputs; each needs 4, or an input_shape", 1)
    shapes = shapes or [tuple(flat[start : start + 4]) for start in range(0, len(flat), 4)]
    if "" in names:
        raise message.error("has an input without a name", 1)
    for index, name in enumerate(names):
        yield NetInput(name, shapes[index] if index < len(shapes) else None, message.line)


def _declared_shapes(layer: Layer) -> list[tuple[int, ...]]:
    """The shapes that an Input or MemoryData layer declares."""
    if layer.type == "MemoryData":
        params = layer.message.message("memory_data_param")
        return [tuple(params.integer(name) for name in ("batch_size", "channels", "height", "width"))]
    return [tuple(shape.integers("dim")) for shape in layer.message.message("input_param").messages("shape")]
