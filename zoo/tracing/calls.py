"""Calls of modules while they run, and the parameters of modules that never did."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zoo.record.trace import UNUSED, Call, Op, Param, Value


@dataclass(slots=True)
class OpenCall:
    """A module call that may still be running."""

    path: str
    type: str
    parent: int | None
    leaf: bool
    autocast: bool = False
    outputs: tuple[Value, ...] = ()

    def ended(self) -> Call:
        """The record of it."""
        return Call(self.path, self.type, self.parent, self.leaf, self.outputs)


def unused(params: Iterable[Param], calls: list[OpenCall], types: Mapping[str, str]) -> Iterator[Op]:
    """An `UNUSED` pseudo-op for each module that owns some of `params`, which no op has read.

    A module that never ran gets a call, inside the nearest one that did; `types` are those of all modules by name.
    """
    unread: dict[str, list[Param]] = {}
    for param in params:
        unread.setdefault(param.name.rpartition(".")[0], []).append(param)
    first: dict[str, int] = {}  # the first call of each module
    for i, call in enumerate(calls):
        first.setdefault(call.path, i)
    for path, own in unread.items():
        if path not in first:
            around = path
            while around not in first:
                around = around.rpartition(".")[0]
            calls.append(OpenCall(path, types[path], first[around], True))
            first[path] = len(calls) - 1
        yield Op(UNUSED, first[path], (), (), (), {}, frozenset(), tuple(own))
