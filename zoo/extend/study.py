"""A study: a question, its arms (the rows), and its result. Every number is computed from networks or layers that it builds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zoo.analysis.conventions import legend
from zoo.extend.options import Option, declared
from zoo.tables.notes import Note
from zoo.tables.table import Column, Row, Table
from zoo.util import plugins
from zoo.util.errors import ZooError, unknown
from zoo.util.version import __version__


@dataclass(frozen=True)
class Study:
    """`run` takes the study's options as keywords and returns a table: rows are arms, and the last notes state the result.

    Each keyword of `run` is an option. Its annotation says what kind of value it takes and what it does (`zoo.extend.options`).
    """

    name: str
    question: str
    run: Callable[..., Table]

    @property
    def options(self) -> Mapping[str, Option]:
        """The options by name."""
        return declared(self.run)

    def __call__(self, **options: Any) -> Table:
        """Return the table. Raises `ZooError` for an unknown option, or for a value of another kind."""
        known = self.options
        for name in options:
            if name not in known:
                raise unknown(f"option of {self.name}", name, known, "it takes none")
        return self.run(**{name: known[name].check(value) for name, value in options.items()})


def studies() -> Mapping[str, Study]:
    """Return every study by name: one from each file of `zoo/studies`, and those of plugins."""
    return STUDIES.all()


def _guarded(plugin: plugins.Plugin, found: Study) -> Study:
    return replace(found, run=plugins.guarded(plugin, found.run))


STUDIES = plugins.of_folder("studies", "zoo.studies", "STUDY", Study, _guarded)


def studies_table() -> Table:
    """Return a table of the studies, with their questions and options."""
    columns = (
        Column("question", "text", "the question that it answers", hide_order=0),
        Column("options", "text", "its options", hide_order=4),
    )
    rows = tuple(
        Row(study.name, "study", {"question": study.question, "options": ", ".join(study.options)}) for study in studies().values()
    )
    return Table(f"{len(rows)} studies", {"versions": {"zoo": __version__}}, columns, rows)


@dataclass(frozen=True)
class Arm:
    """One row of a study: its cells by column name. Arms of one `type` are compared with the first of that type."""

    name: str
    cells: Mapping[str, Any]
    type: str = "arm"


def arms_table(
    title: str,
    columns: Sequence[Column],
    arms: Sequence[Arm],
    *,
    ratios: Sequence[str] = (),
    base: str = "",
    lesson: Sequence[str] = (),
    notes: Sequence[Note | str] = (),
    context: Mapping[str, Any] | None = None,
) -> Table:
    """Return the table of a study. Each column of `ratios` is followed by its ratio to the first arm of the same type, named
    `NAME/1`. If `base` names the arm to compare with, types without that arm have no ratios.

    `lesson` contains sentences that become the last notes. A ratio is None if either number is not exact.
    """
    shown: list[Column] = []
    for column in columns:
        shown.append(column)
        if column.name in ratios:
            shown.append(
                Column(
                    f"{column.name}/1", "ratio", f"{column.name}, as a multiple of the first arm's", hide_order=column.hide_order
                )
            )
    rows = []
    first: dict[str, Arm] = {}
    for arm in arms:
        start = first.setdefault(arm.type, arm)
        against = start.cells if base in ("", start.name) else {}
        cells = {}
        for column in columns:
            cells[column.name] = arm.cells.get(column.name)
            if column.name in ratios:
                cells[f"{column.name}/1"] = ratio(arm.cells.get(column.name), against.get(column.name))
        rows.append(Row(arm.name, arm.type, cells))
    facts = {"convention": "pure", "versions": {"zoo": __version__}, **(context or {})}
    said = (*notes, *([" ".join(lesson)] if lesson else []))
    return Table(title, facts, tuple(shown), tuple(rows), notes=said, legend=legend(facts["convention"]))


def ratio(value: Any, base: Any) -> float | None:
    """Return value / base to six digits; None if either is not exact, or base is 0."""
    exact = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (value, base))
    return float(f"{value / base:.6g}") if exact and base else None


def ratio_text(larger: float, smaller: float) -> str:
    """Return the ratio of the larger to the smaller, for a sentence: 8.7."""
    if not smaller:
        raise ZooError("cannot compare with zero")
    value = larger / smaller
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def relation(base: float, value: float, words: str) -> str:
    """How a value compares with a base, for a sentence.

    >>> relation(10, 25, "MACs"), relation(10, 11, "MACs"), relation(10, 4, "MACs"), relation(10, 10, "MACs")
    ('2.5 times as many MACs', '10% more MACs', '40% of the MACs', 'as many MACs')
    """
    if value == base:
        return f"as many {words}"
    if base == 0 or value == 0:
        return f"{'more' if value > base else 'no'} {words}"
    if value >= 2 * base:
        return f"{ratio_text(value, base)} times as many {words}"
    if 2 * value <= base:
        return f"{100 * value / base:.3g}% of the {words}"
    return f"{abs(100 * (value - base) / base):.3g}% {'more' if value > base else 'fewer'} {words}"


def short(number: int) -> str:
    """A number for a sentence: 61 million, 1.58 billion, 26."""
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if number >= size:
            value = number / size
            return f"{value:.3g} {word}" if value < 999.5 else f"{value:,.0f} {word}"
    return str(number)
