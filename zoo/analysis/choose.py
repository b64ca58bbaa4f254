"""The columns that there are, by name, and those that were asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zoo.analysis.kinds import Pass, Share, Sum
from zoo.analysis.rows import Group
from zoo.record.trace import Trace
from zoo.tables.table import Column
from zoo.util import plugins
from zoo.util.errors import ZooError, unknown


def columns() -> Mapping[str, Pass]:
    """Every column by name, in their order: one from each file of `zoo/analysis/columns`, and others'."""
    return dict(sorted(COLUMNS.all().items(), key=lambda item: (item[1].column.order, item[0])))


def _own() -> dict[str, Pass]:
    return {module.COLUMN.column.name: module.COLUMN for module in plugins.files_of("zoo.analysis.columns")}


def _of_plugin(plugin: plugins.Plugin) -> Iterator[tuple[str, Pass]]:
    found: Pass = plugins.constant(plugin.load(), *_CONSTANTS)
    if found is None:
        raise AttributeError(f"module {plugin.module!r} has no attribute 'COLUMN'")
    if not isinstance(found.column, Column):
        raise TypeError(f"expected a Column, got {found.column!r}")
    if not (isinstance(found.column.name, str) and isinstance(found.column.order, int)):
        raise TypeError(f"column {found.column.name!r}: its order {found.column.order!r} is not an integer")
    yield found.column.name, _Others(found, str(plugin))


_CONSTANTS = ("COLUMN", "PASS")  # the second is the first's former name


def _adopt(thing: Any) -> Iterator[tuple[str, Pass]]:
    found = plugins.constant(thing, *_CONSTANTS)
    a_column = isinstance(getattr(found, "column", None), Column) and callable(getattr(found, "measure", None))
    if a_column and not isinstance(found, type):
        yield found.column.name, found


COLUMNS: plugins.Collection[Pass] = plugins.Collection("columns", _own, _of_plugin, _adopt)


@dataclass(frozen=True)
class _Others:
    """The pass of a plugin. What it raises is reported, and its cells are empty then."""

    inner: Pass
    origin: str

    @property
    def column(self) -> Column:
        return self.inner.column

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        try:
            cells, total = self.inner.measure(trace, groups)
            odd = [cell for cell in (*cells, total) if not _plain(cell)]
            if len(cells) == len(groups) and not odd:
                return cells, total
            problem: object = f"{len(cells)} cells for {len(groups)} rows"
            if odd:
                problem = f"a cell is a {type(odd[0]).__name__}: expected numbers, strings, or lists and dicts of them"
        except Exception as error:
            problem = error
        plugins.report(f"column {self.column.name} of {self.origin}", problem)
        return [None] * len(groups), None


def _plain(cell: Any, depth: int = 8) -> bool:
    """Whether every format can show it."""
    if isinstance(cell, dict):
        return depth > 0 and all(isinstance(key, str) and _plain(value, depth - 1) for key, value in cell.items())
    if isinstance(cell, list | tuple):
        return depth > 0 and all(_plain(item, depth - 1) for item in cell)
    return cell is None or isinstance(cell, bool | int | float | str)


def choose(names: Sequence[str] | None) -> list[Pass]:
    """Return the columns with these names, in order; by default all except those on request. NAME% is the share of a sum.

    Raises `ZooError` for an unknown name, and for a share of a column that is not a sum.
    """
    known = columns()
    if isinstance(names, str):
        raise ZooError(f"columns: expected a list of names, such as {[names]}, got {names!r}")
    if names is None:
        return [p for p in known.values() if not p.column.on_request]
    return [_named(name, known) for name in dict.fromkeys(names)]


def on_page(passes: Sequence[Pass], *, asked: bool) -> tuple[Column, ...]:
    """Return the columns of passes; those that were asked for by name stay on the page, however narrow it is."""
    return tuple(replace(one.column, hide_order=0) if asked else one.column for one in passes)


def _named(name: str, known: Mapping[str, Pass]) -> Pass:
    found = known.get(name.removesuffix("%"))
    if found is None:
        raise unknown("column", name, known)
    if name in known:
        return found
    if not isinstance(found, Sum):
        sums = ", ".join(f"{key}%" for key, one in known.items() if isinstance(one, Sum) and not one.column.on_request)
        raise ZooError(f"column {name!r}: {found.column.name} is not a sum, so it has no shares; the sums are {sums}")
    return Share(found)
