"""The options of one operator, which MXNet writes as strings: "(3, 3)", "True", "None", "1e-05".

What is absent has the operator's default. A small parser reads them (never Python's own: the file may come from
anywhere), as forgiving as MXNet's (`include/mxnet/tuple.h`, dmlc `parameter.h`): brackets may be round or square, a
lone number is a tuple of one, Python 2's long integers end in L.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ...errors import SourceError, nearest

_INTEGER = re.compile(r"[+-]?\d{1,18}L?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?f?|[+-]?inf|[+-]?nan")
_BOOLEANS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}
_LONGEST = 100_000

REQUIRED: Final = "required"
"""As a default: the option must be there."""

TYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool", "bfloat16")
"""MXNet's names of types, in the order of mshadow's flags (bfloat16 is 12)."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Attributes:
    """Typed access to the options of a node.

    Attributes:
        values: the strings.
        where: names the file and the node in errors.
        used: the keys that were asked for.
    """

    values: Mapping[str, str]
    where: str
    used: set[str] = field(default_factory=set)

    def has(self, key: str) -> bool:
        """Whether the option is there and not "None"."""
        self.used.add(key)
        return self.values.get(key, "None").strip() != "None"

    def integer(self, key: str, default: int | str | None = REQUIRED) -> int:
        """An integer."""
        value = self.optional_integer(key, default)
        if value is None:
            raise self._missing(key)
        return value

    def optional_integer(self, key: str, default: int | str | None = None) -> int | None:
        """An integer, or None where the option is absent or "None"."""
        if not self.has(key):
            if default == REQUIRED:
                raise self._missing(key)
            return default if isinstance(default, int) else None
        return self._read_integer(key, self.values[key].strip())

    def number(self, key: str, default: float | str = REQUIRED) -> float:
        """A floating-point number."""
        if not self.has(key):
            if isinstance(default, str):
                raise self._missing(key)
            return default
        return self._read_number(key, self.values[key].strip())

    def boolean(self, key: str, *, default: bool) -> bool:
        """A truth value."""
        if not self.has(key):
            return default
        text = self.values[key].strip()
        if text not in _BOOLEANS:
            raise self._malformed(key, "True or False")
        return _BOOLEANS[text]

    def text(self, key: str, choices: Sequence[str], default: str = REQUIRED) -> str:
        """One of `choices`."""
        if not self.has(key):
            if default == REQUIRED:
                raise self._missing(key)
            return default
        text = self.values[key].strip()
        if text not in choices:
            raise self._malformed(key, f"one of {', '.join(choices)}{nearest(text, choices)}")
        return text

    def dtype(self, key: str, default: str = REQUIRED) -> str:
        """The name of a type; old files write its number."""
        if self.values.get(key, "").strip().isdecimal():
            number = self.integer(key)
            if number < len(TYPES) - 1:
                return TYPES[number]
        return self.text(key, TYPES, default)

    def integers(self, key: str, default: Sequence[int] | str = REQUIRED) -> tuple[int, ...]:
        """A tuple of integers: a shape, axes, paddings."""
        values = self.optional_integers(key)
        if values is None:
            if isinstance(default, str):
                raise self._missing(key)
            return tuple(default)
        if None in values:
            raise self._malformed(key, "a tuple of integers")
        return tuple(value for value in values if value is not None)

    def optional_integers(self, key: str) -> tuple[int | None, ...] | None:
        """A tuple in which any member may be None (the ends of slices); None where the option is absent."""
        if not self.has(key):
            return None
        items = self._items(key)
        return tuple(None if item == "None" else self._read_integer(key, item) for item in items)

    def numbers(self, key: str, default: Sequence[float] | str = REQUIRED) -> tuple[float, ...]:
        """A tuple of floating-point numbers."""
        if not self.has(key):
            if isinstance(default, str):
                raise self._missing(key)
            return tuple(default)
        return tuple(self._read_number(key, item) for item in self._items(key))

    def _items(self, key: str) -> list[str]:
        text = self.values[key].strip()
        if len(text) > _LONGEST:
            raise self._malformed(key, "a tuple")
        if text[:1] + text[-1:] in ("()", "[]"):
            text = text[1:-1].strip()
        elif not text or text[0] in "([" or text[-1] in ")]":
            raise self._malformed(key, "a tuple")
        items = [item.strip() for item in text.split(",")]
        return items[:-1] if items[-1] == "" else items

    def _read_integer(self, key: str, text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise self._malformed(key, "integers")
        return int(text.removesuffix("L"))

    def _read_number(self, key: str, text: str) -> float:
        if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text.removesuffix("f"))):
            raise self._malformed(key, "finite numbers")
        return value

    def _malformed(self, key: str, wanted: str) -> SourceError:
        shown = self.values[key] if len(self.values[key]) < 60 else f"{self.values[key][:57]}..."
        return SourceError(f"{self.where}: {key} is '{shown}' where {wanted} should stand; correct the symbol file")

    def _missing(self, key: str) -> SourceError:
        return SourceError(f"{self.where}: has no {key}, which this operator needs; correct the symbol file")
