"""Protobuf's wire format, walked without parsing: what lets weights stay where they lie in a mapped file.

A message is a sequence of fields: a varint key (field number << 3 | wire type), then the value; wire type 2 is a length
and that many bytes. See protobuf's encoding guide.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; 3 and 4, the groups, occur in none of the formats read here."""

Field = tuple[int, int, int, int]
"""(field number, start of the key, start of the value, end of the value)."""


def fields(view: memoryview, position: int, end: int) -> Iterator[Field]:
    """The fields of the message in view[position:end].

    Raises:
        ValueError: a field reaches beyond the end, or has a wire type that protobuf does not know.
    """
    while position < end:
        start = position
        key, position = read_varint(view, position, end)
        wire_type = key & 7
        if wire_type == VARINT:
            value, position = position, read_varint(view, position, end)[1]
        elif wire_type == BYTES:
            length, value = read_varint(view, position, end)
            position = value + length
        elif wire_type in (FIXED32, FIXED64):
            value, position = position, position + (4 if wire_type == FIXED32 else 8)
        else:
            raise ValueError(f"wire type {wire_type} at byte {start} is none of protobuf's")
        if position > end:
            raise ValueError(f"the field at byte {start} ends at {position}, beyond the {end} bytes there are")
        yield key >> 3, start, value, position


def read_varint(view: memoryview, position: int, end: int) -> tuple[int, int]:
    """The integer that begins at `position`, and the position after it.

    Raises:
        ValueError: it does not end before `end`, or within the ten bytes of a 64-bit integer.
    """
    result = shift = 0
    while position < end and shift < 70:
        byte = view[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
    raise ValueError(f"an integer at byte {position} is cut off")


def tag(field_number: int) -> bytes:
    """The key of a length-delimited field."""
    return varint(field_number << 3 | BYTES)


def varint(value: int) -> bytes:
    """Base-128 encoding of a non-negative integer."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
