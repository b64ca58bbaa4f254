"""A layer of a Caffe network while it is read: its fields, checked and with their lines, and the steps that it becomes."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NoReturn

from zoo.graph_files.caffe.textformat import Message, Word
from zoo.graph_files.node import Step
from zoo.record.trace import Param, Value
from zoo.util.errors import ZooError
from zoo.util.text import sizes

MOST_ELEMENTS = 2**31 - 1
"""The most elements of a tensor: Caffe counts them with 32 bits."""

Shape = tuple[int, ...]


class UnreadableError(Exception):
    """The sizes that a layer gives are not in the file; the text says why."""


class Section:
    """The fields of one message of a layer, such as convolution_param. Reading a field checks it.

    Raises `ZooError` with the line for a value of another type, and for a size that is too small.
    """

    def __init__(self, place: str, message: Message | None) -> None:
        self.place = place
        self.message = message or Message(0)
        self.asked: set[str] = set()

    def fail(self, name: str, what: str) -> NoReturn:
        """Raise a `ZooError` about a field."""
        values = self.message.fields.get(name)
        line = values[0].line if values else self.message.line
        raise ZooError(f"{self.place.replace('LINE', str(line))}: {name}: {what}")

    def all(self, name: str) -> list[Any]:
        """Every value of a field."""
        self.asked.add(name)
        return [value.content for value in self.message.fields.get(name, [])]

    def integers(self, name: str, least: int = 0) -> list[int]:
        """Every value of a field of integers."""
        found = self.all(name)
        for one in found:
            if not isinstance(one, int) or not least <= one <= MOST_ELEMENTS:
                most = " and below 2^31" if isinstance(one, int) and one > MOST_ELEMENTS else ""
                self.fail(name, f"expected an integer >= {least}{most}, got {_said(one)}")
        return found

    def integer(self, name: str, default: int, least: int = 0) -> int:
        """The last value of a field of integers, as protobuf has it."""
        return (self.integers(name, least) or [default])[-1]

    def needed(self, name: str) -> int:
        """An integer >= 1 without a default."""
        if name not in self.message.fields:
            self.fail(name, "expected an integer >= 1, got none")
        return self.integer(name, 1, least=1)

    def flag(self, name: str, default: bool) -> bool:
        """A field that is true or false."""
        found = self.all(name)
        if found and found[-1] not in {"true", "false", "True", "False", "t", "f", 0, 1}:
            self.fail(name, f"expected true or false, got {_said(found[-1])}")
        return found[-1] in {"true", "True", "t", 1} if found else default

    def word(self, name: str, choices: Sequence[str]) -> str:
        """A value of an enumeration, by name or number; the first is the default."""
        found = self.all(name)
        if not found:
            return choices[0]
        last = found[-1]
        if isinstance(last, int) and 0 <= last < len(choices):
            return choices[last]
        if last not in choices:
            self.fail(name, f"expected {', '.join(choices)}, got {_said(last)}")
        return str(last)

    def number(self, name: str, default: float) -> float:
        """The last value of a field of numbers."""
        found = self.all(name)
        if found and not isinstance(found[-1], int | float):
            self.fail(name, f"expected a number, got {_said(found[-1])}")
        return float(found[-1]) if found else default

    def texts(self, name: str) -> list[str]:
        """Every value of a field of strings."""
        found = self.all(name)
        for one in found:
            if not isinstance(one, str):
                self.fail(name, f"expected a string, got {_said(one)}")
        return found

    def sections(self, name: str) -> "list[Section]":
        """Every message of a field."""
        self.asked.add(name)
        found = []
        for value in self.message.fields.get(name, []):
            if not isinstance(value.content, Message):
                self.fail(name, f"expected {{ ... }}, got {_said(value.content)}")
            found.append(Section(self.place, value.content))
        return found

    def section(self, name: str) -> "Section":
        """The last message of a field, without fields if it is absent."""
        found = self.sections(name)
        return found[-1] if found else Section(self.place, Message(self.message.line))

    def shape(self) -> Shape:
        """The sizes of a message with fields `dim`."""
        return tuple(self.integers("dim", least=1))

    def check(self, others: str) -> None:
        """Refuse a field that is a misspelling of one that counts: `others` are names that are known and do not count."""
        known = self.asked | set(others.split())
        for name in self.message.fields.keys() - known:
            if close := difflib.get_close_matches(name, known, 1, 0.8):
                self.fail(name, f"Caffe has no such field; did you mean {close[0]}?")


def _said(content: object) -> str:
    if isinstance(content, Message):
        return "{ ... }"
    return str(content) if isinstance(content, Word | int | float) else f'"{str(content)[:40]}"'


@dataclass
class Layer:
    """A layer with its inputs. The reader turns `steps` into ops; `make` returns a new value of a shape.

    `share` returns the parameter of that place in the layer, which an earlier layer may have declared under a common name.
    """

    name: str
    type: str
    section: Section
    inputs: Sequence[Value]
    tops: Sequence[str]
    in_place: bool
    train: bool
    make: Callable[[Shape, str], Value]
    share: Callable[["Layer", int, Param], Value]
    steps: list[Step] = field(default_factory=list)
    declared: int = 0

    def fail(self, what: str) -> NoReturn:
        """Raise a `ZooError` about the layer, with its line."""
        place = self.section.place.replace("LINE", str(self.section.message.line))
        raise ZooError(f"{place}: {what}")

    @property
    def x(self) -> Value:
        """The first input."""
        return self.input(0)

    def input(self, i: int) -> Value:
        """Input i. Raises `ZooError` if it is absent."""
        if i >= len(self.inputs):
            self.fail(f"expected {i + 1} {'bottoms' if i else 'bottom'}, got {len(self.inputs)}")
        return self.inputs[i]

    def axis(self, given: int, value: Value | None = None) -> int:
        """An axis, counted from the end if it is negative."""
        shape = (value or self.x).shape
        if not -len(shape) <= given < len(shape):
            self.fail(f"axis {given}: the input has {len(shape)} axes, {sizes(shape)}")
        return given % len(shape)

    def param(self, role: str, shape: Shape, *, trained: bool = True) -> Value:
        """The next parameter of the layer, or one of its statistics, which are not `trained`."""
        if prod(shape) > MOST_ELEMENTS:
            self.fail(f"its {role} would have {prod(shape):,} elements; Caffe holds at most {MOST_ELEMENTS:,}")
        place, self.declared = self.declared, self.declared + 1
        kind = "parameter" if trained else "buffer"
        rates = [one.number("lr_mult", 1.0) for one in self.section.sections("param")] if self.has_specs else []
        rates = rates or [float(rate) for rate in self.section.all("blobs_lr") if isinstance(rate, int | float)]
        learns = trained and (place >= len(rates) or rates[place] != 0)
        return self.share(self, place, Param(f"{self.name}.{role}", shape, "float32", kind, learns))

    @property
    def has_specs(self) -> bool:
        """Whether `param` holds messages, as it does in the new syntax; in the old one it holds names."""
        return any(isinstance(one, Message) for one in self.section.all("param"))

    def step(
        self,
        kind: str,
        inputs: Iterable[tuple[str, Value]],
        shape: Iterable[int],
        attrs: Mapping[str, Any] | None = None,
        traits: frozenset[str] = frozenset(),
    ) -> Value:
        """One op; returns its output."""
        out = self.output(shape)
        self.steps.append(Step(kind, list(inputs), [out], attrs or {}, traits))
        return out

    def output(self, shape: Iterable[int]) -> Value:
        """A new value. Raises `ZooError` if Caffe could not hold it."""
        shape = tuple(shape)
        if prod(shape) > MOST_ELEMENTS:
            self.fail(f"its output {sizes(shape)} would have {prod(shape):,} elements; Caffe holds at most {MOST_ELEMENTS:,}")
        return self.make(shape, "op")


Rule = Callable[[Layer], Sequence[Value]]
"""Returns the values of a layer's tops, and adds its steps."""
