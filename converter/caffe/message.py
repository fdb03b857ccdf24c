"""A protobuf message without a schema: fields by name, each with all its values and the line it stood on.

Forks of Caffe add fields and layers of their own; a strict parse of real files fails on four in ten. Here every field
is kept, and what a handler asks for is typed and checked when it asks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import SourceError, nearest

_TRUE, _FALSE = {"true", "True", "t", "1"}, {"false", "False", "f", "0"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as it was written: a number, an identifier (enum value, boolean) or, `quoted`, a string."""

    text: str
    line: int
    quoted: bool = False


@dataclass(slots=True)
class Message:
    """The fields of one message.

    Absent fields give the accessor's default. Of a field given several times, the scalar accessors take the last value
    and `message` merges all, as protobuf does.

    Attributes:
        file: what to call its file in errors.
        line: where it began.
        fields: values by field name, in the order of the file.
    """

    file: str = ""
    line: int = 0
    fields: dict[str, list[Scalar | Message]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the field is given."""
        return name in self.fields

    def add(self, name: str, value: Scalar | Message) -> None:
        """Append one more value of a field."""
        self.fields.setdefault(name, []).append(value)

    def string(self, name: str, default: str = "") -> str:
        """A string, or an identifier as it stands."""
        return self._last(name).text if self.has(name) else default

    def strings(self, name: str) -> list[str]:
        """All values of a repeated string."""
        return [scalar.text for scalar in self._scalars(name)]

    def integer(self, name: str, default: int = 0) -> int:
        """An integer."""
        return self._integer(name, self._last(name)) if self.has(name) else default

    def integers(self, name: str) -> list[int]:
        """All values of a repeated integer."""
        return [self._integer(name, scalar) for scalar in self._scalars(name)]

    def number(self, name: str, default: float = 0.0) -> float:
        """A float."""
        return self._number(name, self._last(name)) if self.has(name) else default

    def numbers(self, name: str) -> list[float]:
        """All values of a repeated float."""
        return [self._number(name, scalar) for scalar in self._scalars(name)]

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """A boolean."""
        if not self.has(name):
            return default
        scalar = self._last(name)
        if scalar.quoted or scalar.text not in _TRUE | _FALSE:
            raise self.error(f"{name}: {scalar.text} is not a boolean; write true or false", scalar.line)
        return scalar.text in _TRUE

    def enum(self, name: str, choices: Sequence[str] | dict[int, str], default: str) -> str:
        """The name of an enum value, which may also be written as its number.

        Args:
            name: the field.
            choices: names; their numbers are their positions, or the keys.
            default: the name where the field is absent.
        """
        if not self.has(name):
            return default
        numbered = choices if isinstance(choices, dict) else dict(enumerate(choices))
        scalar = self._last(name)
        if scalar.text in map(str, numbered):
            return numbered[int(scalar.text)]
        if scalar.text not in numbered.values():
            hint = nearest(scalar.text, numbered.values())
            raise self.error(f"{name}: {scalar.text} is none of {', '.join(numbered.values())}{hint}", scalar.line)
        return scalar.text

    def message(self, name: str) -> Message:
        """A submessage; an empty one where it is absent."""
        parts = self.messages(name)
        if len(parts) == 1:
            return parts[0]
        merged = Message(self.file, parts[0].line if parts else self.line)
        for part in parts:
            for key, values in part.fields.items():
                merged.fields.setdefault(key, []).extend(values)
        return merged

    def messages(self, name: str) -> list[Message]:
        """All values of a repeated submessage."""
        values = self.fields.get(name, [])
        for value in values:
            if not isinstance(value, Message):
                raise self.error(f"{name}: {value.text} stands where {name} {{ ... }} is expected", value.line)
        return [value for value in values if isinstance(value, Message)]

    def error(self, text: str, line: int | None = None) -> SourceError:
        """An error that names the file and the line."""
        return SourceError(f"{self.file}:{self.line if line is None else line}: {text}")

    def _scalars(self, name: str) -> list[Scalar]:
        values = self.fields.get(name, [])
        for value in values:
            if not isinstance(value, Scalar):
                raise self.error(f"{name} {{ ... }} stands where {name}: VALUE is expected", value.line)
        return [value for value in values if isinstance(value, Scalar)]

    def _last(self, name: str) -> Scalar:
        return self._scalars(name)[-1]

    def _integer(self, name: str, scalar: Scalar) -> int:
        try:
            value = None if scalar.quoted or len(scalar.text) > 30 else int(scalar.text, _base(scalar.text))
        except ValueError:
            value = None
        if value is None or not -(2**63) <= value < 2**63:
            raise self.error(f"{name}: {scalar.text[:30]} is not a 64-bit integer", scalar.line)
        return value

    def _number(self, name: str, scalar: Scalar) -> float:
        text = scalar.text if scalar.text.endswith("inf") else scalar.text.rstrip("fF")
        try:
            with np.errstate(over="ignore"):  # Caffe's own fields are 32-bit too
                value = math.nan if scalar.quoted else float(np.float32(float(text)))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(f"{name}: {scalar.text[:30]} is not a finite 32-bit number", scalar.line)
        return value


def _base(text: str) -> int:
    """Protobuf's text format writes hexadecimal as 0x10 and octal as 010."""
    digits = text.lstrip("-")
    if digits[:2].lower() == "0x":
        return 16
    return 8 if len(digits) > 1 and digits[0] == "0" else 10
