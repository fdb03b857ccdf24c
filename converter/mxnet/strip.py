"""Input normalization that stands in the graph as scalar operators: (x - 127.5) * 0.0078125."""

from __future__ import annotations

from dataclasses import replace

from ...preprocessing import Preprocessing
from .symbol import VARIABLE, Entry, Symbol

_FACTORS = {"_mul_scalar": lambda value: value, "_div_scalar": lambda value: 1 / value}
_SHIFTS = {"_plus_scalar": 1.0, "_minus_scalar": -1.0}


def strip_normalization(symbol: Symbol, known: Preprocessing | None) -> tuple[Symbol, Preprocessing | None]:
    """Move scalar operators at the data input into the preprocessing that the metadata carries.

    Given `data` that one chain of scalar additions and multiplications reads, which is (x - mean) * scale as a whole.

    Returns:
        The symbol whose other operators read the data itself, and `known` with that mean and scale; both unchanged
        where there is no such chain.
    """
    data = next((i for i, node in enumerate(symbol.nodes) if node.operator == VARIABLE and node.name == "data"), None)
    if data is None:
        return symbol, known
    factor, shift, end = 1.0, 0.0, Entry(data, 0)
    while (following := _only_reader(symbol, end)) is not None:
        node = symbol.nodes[following]
        if node.operator not in {*_FACTORS, *_SHIFTS}:
            break
        value = symbol.attributes(node).number("scalar", 1.0)
        if node.operator in _SHIFTS:
            shift += _SHIFTS[node.operator] * value
        elif value == 0:
            break
        else:
            multiplier = _FACTORS[node.operator](value)
            factor, shift = factor * multiplier, shift * multiplier
        end = Entry(following, 0)
    if end.node == data:
        return symbol, known
    found = (known or Preprocessing()).with_changes(input="data", mean=(-shift / factor,), scale=(factor,))
    return _replace_entry(symbol, end, Entry(data, 0)), found


def _only_reader(symbol: Symbol, entry: Entry) -> int | None:
    """The one node that reads `entry`; None where several do, or it is an output."""
    readers = [index for index, node in enumerate(symbol.nodes) for read in node.inputs if read == entry]
    return readers[0] if len(readers) == 1 and entry not in symbol.heads else None


def _replace_entry(symbol: Symbol, old: Entry, new: Entry) -> Symbol:
    nodes = tuple(
        replace(node, inputs=tuple(new if entry == old else entry for entry in node.inputs)) for node in symbol.nodes
    )
    return replace(symbol, nodes=nodes)
