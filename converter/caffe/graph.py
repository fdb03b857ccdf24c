"""Runs the handlers over a net: one ONNX graph, or all the reasons why not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ...errors import SourceError, UnsupportedError, nearest
from ..onnx_builder import BATCH, OnnxBuilder
from .call import Blob, Initializers, LayerCall, Shape, UnsupportedLayer
from .fork_fields import refuse_changes
from .net import Layer, Net
from .preprocess import Embedding
from .registry import LayerType, find_layer_type, layer_types
from .weights import Weights

_NO_EFFECT = {"engine", "weight_filler", "bias_filler", "filler", "scale_filler", "force_nd_im2col"}
"""Fields of parameter messages that cannot matter for inference."""


MAX_ELEMENTS = 2**31 - 1
"""Values in one blob (BVLC blob.cpp)."""


@dataclass(slots=True)
class GraphBuilder:
    """One conversion.

    Attributes:
        net: the layers to convert and the inputs, whose shapes are all known.
        weights: where parameters come from.
        opset: of the ONNX model.
        batch: the dynamic batch is that of inputs whose first size is this; None fixes it.
        notes: what the user will be told.
        embedding: preprocessing to be done by the graph itself.
        blobs: the latest value of each blob.
        fed: the inputs.
        writers: the layer that made each tensor that bears a blob's name.
        declared: tensors that are outputs.
    """

    net: Net
    weights: Weights
    opset: int
    batch: int | None
    notes: list[str] = field(default_factory=list)
    embedding: Embedding | None = None
    blobs: dict[str, Blob] = field(default_factory=dict)
    builder: OnnxBuilder = field(init=False)
    fed: dict[str, Blob] = field(default_factory=dict)
    writers: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    _initializers: Initializers = field(default_factory=Initializers)

    def run(self) -> GraphBuilder:
        """Convert every layer and declare the outputs; returns itself.

        Raises:
            UnsupportedError: some layers have no ONNX form; names them all.
            SourceError: the net contradicts itself or its weights.
        """
        self.builder = OnnxBuilder(self.net.name or "caffe", self.opset)
        for declared in self.net.inputs:
            shape = declared.shape or ()
            batch = 0 if shape and self.batch is not None and shape[0] == self.batch else None
            self.blobs[declared.name] = self._declare_input(declared.name, shape, batch)
        self._convert_layers()
        for name in self.net.outputs:
            self._declare_output(name)
        return self

    def _declare_input(self, name: str, shape: Shape, batch: int | None) -> Blob:
        """The graph input (kept in `fed`) and, where preprocessing is embedded, the nodes that follow it."""
        sizes: list[int | str | None] = [BATCH if axis == batch else size for axis, size in enumerate(shape)]
        if self.embedding is None or self.embedding.preprocessing.input != name:
            self.fed[name] = Blob(self.builder.input(name, sizes), shape, batch)
            return self.fed[name]
        self.fed[name] = Blob(name, self.embedding.input_shape(shape), batch)
        return Blob(self.embedding.emit(self.builder, name, sizes[0], shape), shape, batch)

    def _convert_layers(self) -> None:
        reasons: list[str] = []
        lost: set[str] = set()
        for layer in self.net.layers:
            kind = find_layer_type(layer.type)
            if kind is None:
                reasons.append(f"{layer}: no handler for this type{_hint(layer.type) if len(reasons) < 20 else ''}")
            elif not lost.intersection(layer.bottoms):
                try:
                    self._convert(layer, kind)
                    lost.difference_update(layer.tops)
                    continue
                except UnsupportedLayer as refusal:
                    reasons.append(str(refusal))
                except UnsupportedError as refusal:
                    reasons.extend(f"{layer}: {reason}" for reason in refusal.reasons)
            lost.update(layer.tops)
        if reasons:
            raise UnsupportedError(self.net.file, reasons)

    def _convert(self, layer: Layer, kind: LayerType) -> None:
        params = layer.message.message(kind.params)
        bottoms = tuple(self._bottom(layer, name) for name in layer.bottoms)
        call = LayerCall(layer, params, self.builder, bottoms, self.weights, self._initializers, self.notes)
        unknown = [name for name in params.fields if kind.params and name not in _NO_EFFECT | set(kind.options)]
        if unknown:
            refuse_changes(call, kind.params, unknown)
            call.note(f"ignored {kind.params} fields that are not known to it: {', '.join(unknown)}")
        first = len(self.builder.nodes)
        try:
            made = kind.handler(call)
        except (IndexError, ValueError) as error:  # handlers index and unpack the shapes of their bottoms
            shapes = ", ".join(str(bottom.shape) for bottom in bottoms)
            raise call.error(f"does not fit bottoms of shapes {shapes or 'none'} ({error})") from error
        tops = [made] if isinstance(made, Blob) else list(made)
        if len(tops) < len(layer.tops):
            raise call.error(f"has {len(layer.tops)} tops, but this type makes {len(tops)}")
        for name, blob in zip(layer.tops, tops, strict=False):
            if math.prod(blob.shape) > MAX_ELEMENTS:
                raise call.error(
                    f"top '{name}' of shape {blob.shape} has more than the {MAX_ELEMENTS} values of a blob"
                )
            self.blobs[name] = self._named(layer, name, blob, first)

    def _bottom(self, layer: Layer, name: str) -> Blob:
        if name not in self.blobs:
            raise SourceError(f"{layer}: bottom '{name}' is the top of no layer before it{nearest(name, self.blobs)}")
        return self.blobs[name]

    def _named(self, layer: Layer, name: str, blob: Blob, first: int) -> Blob:
        """Name the node that made `blob` after the layer, and its tensor after the top."""
        for node in self.builder.nodes[first:]:
            if blob.tensor in node.output:
                if not any(other.name == layer.name for other in self.builder.nodes[first:]):
                    self.builder.rename_node(node, layer.name)
                wanted = f"{name}:{layer.name}" if name in self.blobs else name
                tensor = self.builder.rename(blob.tensor, wanted, since=first)
                self.writers[tensor] = layer.name
                return replace(blob, tensor=tensor)
        return blob

    def _declare_output(self, name: str) -> None:
        """A net's output bears its blob's name; an earlier writer of the blob gives it up."""
        blob = self.blobs[name]
        if blob.tensor != name and name in self.writers:
            self._rename_blob(name, f"{name}:{self.writers[name]}")
        if blob.tensor != name and blob.tensor in self.writers and blob.tensor not in self.declared:
            self._rename_blob(blob.tensor, name)
        elif blob.tensor != name or blob.tensor not in self.writers:
            tensor = self.builder.node("Identity", [blob.tensor], name, name=f"{name}/Identity")
            self.blobs[name] = replace(blob, tensor=tensor)
        blob = self.blobs[name]
        self.declared.add(blob.tensor)
        self.builder.output(
            blob.tensor, [blob.symbol if axis == blob.batch else size for axis, size in enumerate(blob.shape)]
        )

    def _rename_blob(self, tensor: str, wanted: str) -> None:
        renamed = self.builder.rename(tensor, wanted)
        self.writers[renamed] = self.writers.pop(tensor)
        for name, blob in self.blobs.items():
            if blob.tensor == tensor:
                self.blobs[name] = replace(blob, tensor=renamed)


def _hint(unknown: str) -> str:
    return nearest(unknown, (kind.name for kind in layer_types()))
