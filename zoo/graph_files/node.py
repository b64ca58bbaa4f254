"""An operator of a graph file with its inputs, and the steps that it becomes in a trace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.record.trace import Value

VIEW = frozenset({"alias", "view"})
POINTWISE = frozenset({"pointwise"})
REDUCTION = frozenset({"reduction"})


@dataclass(frozen=True)
class Step:
    """A future `Op`: its inputs by role."""

    kind: str
    inputs: Sequence[tuple[str, Value]]
    outputs: Sequence[Value]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Node:
    """An operator with its inputs. `inputs` has None for optional inputs that are absent; `data` has the numbers of known inputs.

    `make` returns a new value of a shape, for intermediate results between the steps of one operator.
    """

    type: str
    opset: int
    attrs: Mapping[str, Any]
    inputs: Sequence[Value | None]
    outputs: Sequence[Value]
    data: Sequence[Any]
    make: Callable[[Sequence[int]], Value]

    @property
    def x(self) -> Value:
        """Return the first input. Raises `UnmappedError` if it is absent."""
        return self.needed(0)

    def needed(self, i: int) -> Value:
        """Return input i. Raises `UnmappedError` if it is absent."""
        value = self.inputs[i] if i < len(self.inputs) else None
        if value is None:
            raise UnmappedError
        return value

    def numbers(self, i: int, attr: str | None = None) -> tuple[int, ...] | None:
        """Return integers that are an attribute in old versions and a constant input in new ones; None if absent.

        Raises `UnmappedError` if the input is computed.
        """
        if attr is not None and attr in self.attrs:
            given = self.attrs[attr]
            return tuple(given) if isinstance(given, list | tuple) else (given,)
        if i >= len(self.inputs) or self.inputs[i] is None:
            return None
        if self.data[i] is None:
            raise UnmappedError
        return tuple(int(n) for n in self.data[i].reshape(-1))

    def roles(self, *names: str) -> list[tuple[str, Value]]:
        """Return the inputs that are present, under these names."""
        return [(name, value) for name, value in zip(names, self.inputs, strict=False) if value is not None]


class UnmappedError(Exception):
    """There is no rule for an operator, or for this use of it."""
