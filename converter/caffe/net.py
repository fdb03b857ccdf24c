"""The layers of a net as the converter sees them, whatever generation of Caffe wrote them down."""

from __future__ import annotations

from dataclasses import dataclass

from .message import Message


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a net.

    Attributes:
        name: its name; weights are looked up by it.
        type: Caffe's name of the type, say 'Convolution', also where the file says CONVOLUTION or conv.
        bottoms: names of the blobs it reads.
        tops: names of the blobs it writes.
        message: all of its fields.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Message

    @property
    def parameter_names(self) -> list[str]:
        """The name of each parameter, by which layers share it; '' where it has none."""
        return [entry.string("name") for entry in self.message.messages("param")]

    def __str__(self) -> str:
        return f"{self.message.file}:{self.message.line}: layer '{self.name}' ({self.type})"


@dataclass(frozen=True, slots=True)
class NetInput:
    """A blob that the net is fed.

    Attributes:
        name: the blob.
        shape: as declared, or None where the net does not say.
        line: where it is declared.
        transform: the preprocessing that its data layer did, if it was one.
    """

    name: str
    shape: tuple[int, ...] | None
    line: int
    transform: Message | None = None


@dataclass(frozen=True, slots=True)
class Net:
    """The layers that run at inference, and what they are fed.

    Attributes:
        name: the net's name.
        file: its file, for errors.
        inputs: in the order of their declaration.
        layers: in the order they run.
        outputs: the blobs to compute.
        notes: what was left out of the file's layers, and why.
    """

    name: str
    file: str
    inputs: tuple[NetInput, ...]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
