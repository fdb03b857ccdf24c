"""Protobuf's text format, parsed without a schema.

Source: https://protobuf.dev/reference/protobuf/textformat-spec/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import SourceError
from .message import Message, Scalar

MAX_VALUES = 1_000_000
"""Values in one text file. The largest real nets have some ten thousand; the limit bounds the memory taken."""

MAX_DEPTH = 64
"""Levels of nesting. Caffe's own nets have five."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v]+|\#[^\n]*)
    | (?P<newline>\n)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<word>-?\.?[A-Za-z0-9_](?:[eE][+-](?=\d)|[A-Za-z0-9_.])*)
    | (?P<mark>[-{}<>\[\]:,;/])
    """,
    re.VERBOSE,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_VALUE = re.compile(r"-?(?:[A-Za-z_][A-Za-z0-9_]*|0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)\Z")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CLOSING = {"{": "}", "<": ">"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse_text(text: str, file: str) -> Message:
    """The message that `text` describes.

    Args:
        text: protobuf text format.
        file: what to call it in errors.

    Raises:
        SourceError: the syntax is wrong; the message names file and line.
    """
    return _Parser(text, file).parse()


class _Parser:
    """A recursive descent over the tokens, one token ahead."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._tokens = _tokenize(text, file)
        self._values = 0
        self._next = next(self._tokens)

    def parse(self) -> Message:
        message = Message(self._file, 1)
        self._fields(message, "", 0)
        return message

    def _advance(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _skip(self, marks: str) -> bool:
        if self._next.kind == "mark" and self._next.text in marks:
            self._advance()
            return True
        return False

    def _fields(self, message: Message, closing: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._error(self._next, f"nested more than {MAX_DEPTH} levels deep")
        while self._next.kind != "end" and not (self._next.kind == "mark" and self._next.text == closing):
            name = self._name()
            colon = self._skip(":")
            if colon and self._skip("["):
                self._list(message, name.text, depth)
            else:
                message.add(name.text, self._value(name, depth, scalar_allowed=colon))
            self._skip(",;")
        if closing and not self._skip(closing):
            raise self._error(self._next, f"the file ends, but '{closing}' of line {message.line} is still missing")

    def _name(self) -> _Token:
        token = self._advance()
        if token.kind == "mark" and token.text == "[":  # an extension, [package.field]
            parts = []
            while self._next.kind == "word" or (self._next.kind == "mark" and self._next.text == "/"):
                parts.append(self._advance().text)
            if self._skip("]"):
                return _Token("word", f"[{''.join(parts)}]", token.line)
        elif token.kind == "word" and _NAME.match(token.text):
            return token
        raise self._error(token, f"found {_shown(token)} where a field name is expected")

    def _list(self, message: Message, name: str, depth: int) -> None:
        message.fields.setdefault(name, [])
        while not self._skip("]"):
            message.add(name, self._value(self._next, depth, scalar_allowed=True))
            if not self._skip(",") and not (self._next.kind == "mark" and self._next.text == "]"):
                raise self._error(self._next, f"found {_shown(self._next)} where ',' or ']' is expected")

    def _value(self, name: _Token, depth: int, *, scalar_allowed: bool) -> Scalar | Message:
        self._values += 1
        if self._values > MAX_VALUES:
            raise self._error(name, f"more than {MAX_VALUES} values; give weights as a binary caffemodel")
        token = self._advance()
        if token.kind == "mark" and token.text in _CLOSING:
            message = Message(self._file, token.line)
            self._fields(message, _CLOSING[token.text], depth + 1)
            return message
        if not scalar_allowed:
            raise self._error(token, f"found {_shown(token)} where ':' or '{{' is expected after '{name.text}'")
        return self._scalar(token)

    def _scalar(self, token: _Token) -> Scalar:
        if token.kind == "string":
            parts = [_unescape(token.text)]
            while self._next.kind == "string":
                parts.append(_unescape(self._advance().text))
            return Scalar("".join(parts), token.line, quoted=True)
        text = token.text
        if text == "-" and self._next.kind == "word":
            text += self._advance().text
        if token.kind not in ("word", "mark") or not _VALUE.match(text):
            raise self._error(token, f"found {_shown(token)} where a value is expected")
        return Scalar(text, token.line)

    def _error(self, token: _Token, problem: str) -> SourceError:
        return SourceError(f"{self._file}:{token.line}: syntax error: {problem}")


def _tokenize(text: str, file: str) -> Iterator[_Token]:
    line, position = 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise SourceError(f"{file}:{line}: syntax error: {text[position : position + 10]!r} is no protobuf text")
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "newline":
            line += 1
        elif kind != "space":
            yield _Token(kind, match.group(), line)
    yield _Token("end", "", line)


def _shown(token: _Token) -> str:
    return "the end of the file" if token.kind == "end" else f"'{token.text[:40]}'"


def _unescape(quoted: str) -> str:
    def replace(match: re.Match[str]) -> str:
        hexadecimal, octal, other = match.groups()
        if hexadecimal or octal:
            return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8))
        return _ESCAPED.get(other, other)

    return _ESCAPE.sub(replace, quoted[1:-1])
