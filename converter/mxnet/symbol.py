"""Reads MXNet's `-symbol.json` files, of every release from 0.8 to 1.9.

A file lists nodes (variables have the operator 'null'), each with inputs [node, output] or [node, output, version], and
the heads in the same form. Up to 0.8 options stand under `param` (and `attr` holds the user's attributes), up to 0.12
under `attr`, since 1.0 under `attrs`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SourceError
from .attributes import Attributes
from .legacy import MISSING_INPUTS, USER_KEYS, VERSION_0_9, VERSION_0_9_5, canonical_name

VARIABLE = "null"

_LARGEST_FILE = 256 << 20
_OPTION_KEYS = ("param", "attr", "attrs")


@dataclass(frozen=True, slots=True)
class Entry:
    """One output of one node."""

    node: int
    output: int


@dataclass(frozen=True, slots=True)
class Node:
    """An operator or a variable.

    Attributes:
        operator: its canonical name; 'null' for a variable.
        name: unique among variables; operators may share one.
        options: of the operator, as strings.
        hidden: attributes that are not the operator's, without their underscores: shape, dtype, init, ...
        inputs: what it reads.
    """

    operator: str
    name: str
    options: Mapping[str, str]
    hidden: Mapping[str, str]
    inputs: tuple[Entry, ...]

    def __str__(self) -> str:
        """How errors call it."""
        return f"operator '{self.name}' ({self.operator})"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A network.

    Attributes:
        where: what to call it in errors, usually its file.
        nodes: in the file's order.
        heads: its outputs.
    """

    where: str
    nodes: tuple[Node, ...]
    heads: tuple[Entry, ...]

    def order(self, heads: Sequence[Entry], unread: Mapping[str, Sequence[int]]) -> list[int]:
        """The nodes that `heads` need, each after those it reads.

        Args:
            heads: the outputs wanted.
            unread: by operator, the inputs that inference does not read (labels).

        Raises:
            SourceError: nodes read each other in a circle.
        """
        done: set[int] = set()
        entered: set[int] = set()
        result: list[int] = []
        stack = [entry.node for entry in reversed(heads)]
        while stack:
            index = stack[-1]
            needed = [entry.node for entry in self.read_entries(index, unread) if entry.node not in done]
            if index in done or not needed:
                stack.pop()
                if index not in done:
                    done.add(index)
                    result.append(index)
                continue
            if index in entered:
                raise SourceError(f"{self.where}: {self.nodes[index]} reads its own output; the file is damaged")
            entered.add(index)
            stack.extend(reversed(needed))
        return result

    def read_entries(self, index: int, unread: Mapping[str, Sequence[int]]) -> list[Entry]:
        """The inputs of a node that inference reads."""
        node = self.nodes[index]
        skipped = unread.get(node.operator, ())
        return [entry for position, entry in enumerate(node.inputs) if position not in skipped]

    def attributes(self, node: Node) -> Attributes:
        """Typed access to a node's options."""
        return Attributes(node.options, f"{self.where}: {node}")


def read_symbol(path: str | os.PathLike[str]) -> Symbol:
    """The network in a symbol file.

    Raises:
        SourceError: there is no such file, or it is no network.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SourceError(f"{path}: is {path.stat().st_size} bytes; no symbol file is that large")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is no text; give the -symbol.json first, the .params after it") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); give the path of a -symbol.json file") from error
    return parse_symbol(text, str(path))


def parse_symbol(text: str, where: str = "symbol") -> Symbol:
    """As `read_symbol`, from the file's text."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where}: is no JSON ({error}); give the -symbol.json that MXNet wrote") from error
    nodes, heads = (document.get(key) if isinstance(document, dict) else None for key in ("nodes", "heads"))
    if not isinstance(nodes, list) or not isinstance(heads, list) or not nodes or not heads:
        raise SourceError(f"{where}: has no list of 'nodes' and 'heads'; give the -symbol.json that MXNet wrote")
    return _Parser(where, _version(document), nodes).parse(heads)


def _version(document: Mapping[str, Any]) -> int:
    """Of the MXNet that wrote the file, as 10000 * major + 100 * minor + patch; 800 where it says nothing."""
    attributes = document.get("attrs") or document.get("attr") or {}
    entry = attributes.get("mxnet_version") if isinstance(attributes, dict) else None
    return entry[1] if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], int) else 800


@dataclass(slots=True)
class _Parser:
    where: str
    version: int
    raw: list[Any]
    added: list[Node] = field(default_factory=list)

    def parse(self, heads: list[Any]) -> Symbol:
        nodes = [self._node(index, raw) for index, raw in enumerate(self.raw)]
        entries = tuple(self._entries(heads, "heads"))
        return Symbol(self.where, (*nodes, *self.added), entries)

    def _node(self, index: int, raw: Any) -> Node:
        place = f"nodes[{index}]"
        if not isinstance(raw, dict) or not isinstance(raw.get("op"), str) or not isinstance(raw.get("name"), str):
            raise SourceError(f"{self.where}: {place} has no op and name; the file is damaged")
        options, hidden = self._options(raw, place)
        operator = raw["op"] if raw["op"] == VARIABLE else canonical_name(raw["op"])
        if self.version < VERSION_0_9_5 and operator in ("argmax", "argmin") and options.get("axis") == "-1":
            del options["axis"]
        inputs = list(self._entries(raw.get("inputs", []), f"{place} '{raw['name']}'"))
        if self.version < VERSION_0_9:
            inputs.extend(self._missing(operator, raw["name"], len(inputs)))
        return Node(operator, raw["name"], options, hidden, tuple(inputs))

    def _options(self, raw: Mapping[str, Any], place: str) -> tuple[dict[str, str], dict[str, str]]:
        """The operator's options, and the others."""
        options: dict[str, str] = {}
        hidden: dict[str, str] = {}
        for group in _OPTION_KEYS:
            members = raw.get(group) or {}
            if not isinstance(members, dict) or not all(isinstance(value, str) for value in members.values()):
                raise SourceError(f"{self.where}: {place} '{raw['name']}': {group} is no table of strings")
            for key, value in members.items():
                own = not key.startswith("__") and key not in USER_KEYS and not (group == "attr" and "param" in raw)
                (options if own else hidden)[key if own else key.strip("_")] = value
        return options, hidden

    def _entries(self, raw: Any, place: str) -> Iterator[Entry]:
        if not isinstance(raw, list):
            raise SourceError(f"{self.where}: {place}: inputs are no list; the file is damaged")
        for entry in raw:
            numbers = entry if isinstance(entry, list) else [entry, 0]
            if len(numbers) not in (2, 3) or not all(type(number) is int for number in numbers):
                raise SourceError(f"{self.where}: {place}: {entry!r:.60} is no [node, output]; the file is damaged")
            if not 0 <= numbers[0] < len(self.raw) or not 0 <= numbers[1] < 1 << 16:
                raise SourceError(
                    f"{self.where}: {place} reads output {numbers[1]} of node {numbers[0]}, but there are only "
                    f"{len(self.raw)} nodes; the file is damaged"
                )
            yield Entry(numbers[0], numbers[1])

    def _missing(self, operator: str, name: str, present: int) -> Iterator[Entry]:
        for wanted in MISSING_INPUTS.get(operator, ())[present:]:
            self.added.append(Node(VARIABLE, f"{name}_{wanted}", {}, {}, ()))
            yield Entry(len(self.raw) + len(self.added) - 1, 0)
