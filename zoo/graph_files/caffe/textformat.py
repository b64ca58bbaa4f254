"""Protobuf's text format, as far as it can be read without a schema: fields by name, each with the line on which it stands.

Source: the text format language specification of Protocol Buffers. A field is `name: value`, `name { ... }` or `name < ... >`, and
can occur several times; `name: [a, b]` is short for two of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from zoo.util.errors import ZooError

MOST_BYTES = 16_000_000
"""The largest file that is read. Definitions of networks have some thousand lines."""

_MOST_LEVELS = 100
"""So deeply can messages be nested, as in protobuf's own parsers."""

_TOKEN = re.compile(
    r"""(?P<space>[\s]+ | \#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
      | (?P<number>-?\s*(?:0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.]))
      | (?P<word>-?[A-Za-z_][\w./-]*)
      | (?P<sign>[{}<>\[\]:,;])""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}


class Word(str):
    """A value without quotes: the name of an enumeration's value, true or false."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a field: a number, a string, a word, or a message; and its line."""

    content: "int | float | str | Word | Message"
    line: int


@dataclass(slots=True)
class Message:
    """The fields of a message, by name, in the order of the file, and the line on which it begins."""

    line: int
    fields: dict[str, list[Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def read(path: Path) -> Message:
    """Return the fields of a file. Raises `ZooError` with the line of what is not text format, and `OSError`."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ZooError(f"{path}: expected the definition of a network, got more than {MOST_BYTES // 10**6} MB")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ZooError(
            f"{path}:{line}: expected a text file in UTF-8; a binary file of weights does not define a network"
        ) from None
    return _Parser(path, text).file()


class _Parser:
    """Reads one file."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.tokens = self._tokens(text)
        self.next = next(self.tokens)

    def _tokens(self, text: str) -> Iterator[_Token]:
        at, line = 0, 1
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                quoted = "an unfinished string" if text[at] in "\"'" else repr(text[at])
                self.fail(line, f"expected a field, got {quoted}")
            if found.lastgroup != "space":
                yield _Token(str(found.lastgroup), found[0], line)
            line += found[0].count("\n")
            at = found.end()
        yield _Token("end", "the end of the file", line)

    def fail(self, line: int, what: str) -> NoReturn:
        """Raise a `ZooError` with the place."""
        raise ZooError(f"{self.path}:{line}: {what}")

    def take(self) -> _Token:
        """Read the next token."""
        token = self.next
        if token.kind != "end":
            self.next = next(self.tokens)
        return token

    def file(self) -> Message:
        """The whole file."""
        return self._fields(Message(1), "", 0)

    def _fields(self, message: Message, closing: str, level: int) -> Message:
        """The fields up to the closing brace, or up to the end of the file."""
        while (token := self.take()).text != closing:
            if token.kind == "end" and not closing:
                return message
            if token.kind == "end":
                self.fail(token.line, f"expected {closing} for the brace of line {message.line}, got the end of the file")
            if token.kind != "word":
                self.fail(token.line, f"expected the name of a field, got {token.text[:40]}")
            message.fields.setdefault(token.text, []).extend(self._values(token, level + 1))
            if self.next.text in {",", ";"}:
                self.take()
        return message

    def _values(self, name: _Token, level: int) -> Iterator[Value]:
        """The value or values of a field."""
        if level > _MOST_LEVELS:
            self.fail(name.line, f"messages are nested more than {_MOST_LEVELS} deep")
        colon = self.next.text == ":"
        if colon:
            self.take()
        if self.next.text == "[":
            self.take()
            while self.next.text != "]":
                yield self._value(name, level, colon)
                if self.next.text == ",":
                    self.take()
            self.take()
        else:
            yield self._value(name, level, colon)

    def _value(self, name: _Token, level: int, colon: bool) -> Value:
        token = self.take()
        if token.text in _CLOSING:
            return Value(self._fields(Message(token.line), _CLOSING[token.text], level), token.line)
        if not colon:
            self.fail(token.line, f"expected : or {{ after {name.text}, got {token.text[:40]}")
        if token.kind == "string":
            text = _unquoted(token.text)
            while self.next.kind == "string":
                text += _unquoted(self.take().text)
            return Value(text, token.line)
        if token.kind == "number":
            return Value(_number(token.text), token.line)
        if token.kind != "word":
            self.fail(token.line, f"expected a value of {name.text}, got {token.text}")
        return Value(Word(token.text), token.line)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])


def _number(text: str) -> int | float:
    plain = "".join(text.split())
    if "x" in plain.lower():
        return int(plain, 16)
    if re.fullmatch(r"-?\d+", plain):
        return int(plain) if len(plain) <= 20 else float(plain)  # no integer of protobuf has more digits
    return float(plain.rstrip("fF"))
