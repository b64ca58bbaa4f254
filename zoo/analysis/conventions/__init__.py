"""The conventions by name: one file each, with a `CONVENTION` in it."""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import replace

from zoo.analysis.convention import Convention
from zoo.analysis.kinds import Pass, Share, Tally
from zoo.analysis.working import OfOp
from zoo.ops.arithmetic import macs
from zoo.ops.count import Count
from zoo.ops.working import Line
from zoo.record.trace import Trace
from zoo.tables.notes import COUNTED, NotCounted
from zoo.tables.notes import Convention as Legend
from zoo.util.errors import unknown


def names() -> list[str]:
    """Return the names of all conventions, the default first."""
    return sorted((info.name for info in pkgutil.iter_modules(__path__)), key=lambda name: (name != "pure", name))


def load(name: str) -> Convention:
    """Return the convention with this name. Raises `ZooError` for an unknown one."""
    if name not in names():
        raise unknown("convention", name, names(), f"there are {', '.join(names())}")
    found: Convention = importlib.import_module(f"{__name__}.{name}").CONVENTION
    return found


def under(name: str, passes: Sequence[Pass]) -> list[Pass]:
    """Return the columns, with those of the convention instead of `macs` and `flops`. Raises `ZooError` for an unknown name."""
    convention = load(name)
    figures = {} if name == "pure" else {"macs": convention.macs, "flops": convention.flops}

    def own(one: Pass) -> Pass:
        if isinstance(one, Share):
            return replace(one, of=own(one.of))
        counts = figures.get(one.column.name)
        return (
            one
            if counts is None
            else Tally(
                replace(one.column, description=convention.says),
                counts,
                lambda trace: _as_the_tool(convention, counts(trace), trace),
            )
        )

    return list(map(own, passes))


def _as_the_tool(convention: Convention, counts: Sequence[int | Count], trace: Trace) -> OfOp:
    """The lines of a tool's counts, which are not made of factors."""
    each = dict(zip(map(id, trace.ops), counts, strict=True))
    says = f"as {convention.tool} counts it"
    return lambda op: [Line(op.kind, "{count}", {"count": _number(each[id(op)])}, _number(each[id(op)]), says=says)]


def _number(count: int | Count) -> int:
    return count if isinstance(count, int) else count.known


def legend(name: str) -> tuple[Legend, ...]:
    """What the line beneath a table says of a convention; nothing for what is none, such as a convention in each row."""
    return (Legend(COUNTED, name, load(name).says),) if name in names() else ()


def unseen(name: str, trace: Trace) -> NotCounted | None:
    """The products that a tool does not see, since it counts nothing where there are multiply-accumulates; None if it sees all."""
    convention = load(name)
    counts = convention.macs(trace)
    seen = {op.call for op, count in zip(trace.ops, counts, strict=True) if count} if convention.sees == "layers" else set()
    missed: dict[str, int] = {}
    total = Count()
    for op, count in zip(trace.ops, counts, strict=True):
        if not count and op.call not in seen and (cost := macs(op)):
            missed[op.kind] = missed.get(op.kind, 0) + 1
            total += cost
    return NotCounted(name, missed, total.known) if missed else None
