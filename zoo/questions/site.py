"""The catalogue as a static site: an index, a page for each network and each study, the lint rules and the conventions.

Start with `site`. It collects everything that several pages need (`_Catalogue`), and writes one page after the other (`_pages`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

from zoo.analysis import conventions
from zoo.catalogue.card import Card
from zoo.catalogue.entries import card, children, list_models
from zoo.extend.rule import rules
from zoo.extend.study import Study, studies
from zoo.models.forward import forward
from zoo.models.running import Run
from zoo.pages.render import page
from zoo.questions.diff import diff
from zoo.questions.lint import lint
from zoo.questions.report import Around, of_runs
from zoo.tables.formats._cells import cell, text
from zoo.tables.formats._notes import explanations
from zoo.tables.table import Table
from zoo.transform.pull import pull
from zoo.util import files
from zoo.util.errors import ZooError
from zoo.util.text import sizes
from zoo.util.version import __version__

Told = Callable[[str], None]
"""Called with the address of each page that is written."""

_MARK = ".zoo-site"
"""An empty file in a folder that holds a site, which may be written again."""


def site(folder: str | Path, *, pattern: str = "*", told: Told = lambda address: None) -> list[str]:
    """Write the catalogue as a site that opens from the file system.

    Arguments:
        folder: Where to write it: a new or empty folder, or one with an earlier site.
        pattern: The networks that get a page, as in `zoo list`.
        told: Called with the address of each page, relative to the folder, after it is written.

    Returns:
        The addresses.

    Raises:
        ZooError: For a folder with other files in it, one that cannot be written, and a pattern that no network matches.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = zoo.site(folder, pattern="lenet5*")
        >>> written[0], "networks/lenet5.html" in written
        ('index.html', True)
    """
    where = Path(folder)
    _check(where)
    names = list_models(pattern)
    try:
        for place in (where, where / "networks", where / "studies"):
            place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"cannot write {where}: {error.strerror}") from error
    files.write(b"", where / _MARK)
    written = []
    for address, content in _pages(names):
        files.write(content.encode(), where / address)
        told(address)
        written.append(address)
    return written


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ZooError(f"cannot write {folder}: it is not a folder")
    if folder.is_dir() and not (folder / _MARK).exists() and any(folder.iterdir()):
        raise ZooError(f"{folder} has other files in it; expected a new or empty folder, or one with an earlier site")


_LINKS = (("Networks", "index.html"), ("Lint rules", "rules.html"), ("Conventions", "conventions.html"))


def _links(depth: int) -> list[tuple[str, str]]:
    """The links of a page that is so many folders down."""
    return [(label, "../" * depth + address) for label, address in _LINKS]


def _pages(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Address and content of each page."""
    known = studies()
    yield "index.html", _index(names, known.values())
    runs = {name: forward(name) for name in names}
    for name in names:
        yield f"networks/{name}.html", _network(name, runs)
    for study in known.values():
        yield f"studies/{study.name}.html", _study(study)
    yield "rules.html", _rules()
    yield "conventions.html", _conventions()


def _page(template: str, title: str, lead: str, depth: int = 0, **data: Any) -> str:
    return page(template, script="site", title=title, lead=lead, links=_links(depth), version=__version__, **data)


# Networks


def _network(name: str, runs: dict[str, Run]) -> str:
    related = [(other, "comes from") for other in card(name).parents] + [(other, "led to") for other in children(name)]
    near = [_near(name, other, relation, runs) for other, relation in related if other in runs]
    return of_runs([runs[name]], [lint(runs[name].trace)], Around(_links(1), near, pull(name))).html


def _near(name: str, other: str, relation: str, runs: dict[str, Run]) -> dict[str, Any]:
    """Another network, and what changes from the earlier of the two to the later."""
    first, second = (other, name) if relation == "comes from" else (name, other)
    table = diff(runs[first].trace, runs[second].trace)
    return {
        "name": other,
        "address": f"{other}.html",
        "relation": relation,
        "about": table.context["about"],
        "notes": list(map(str, table.notes)),
        "command": f"zoo diff {first} {second}",
        "table": f"from {first} to {second}",
        "columns": table.columns,
        "rows": [(row.name, row.type, cells[1]) for row, cells in zip(table.rows[:_MOST_ROWS], _rows(table), strict=False)],
        "more": max(len(table.rows) - _MOST_ROWS, 0),
    }


_MOST_ROWS = 400
"""Of the differences from one network to another."""


# The index

_HEADS = (
    ("name", "as commands take it"),
    ("family", "the file that defines it"),
    ("year", "of the paper"),
    ("input", "channels, height, width"),
    ("params", "parameters"),
    ("macs", "multiply-accumulates"),
    ("depth", "layers with weights on the longest path"),
    ("top-5 error", "the least that a source prints for a single model on the validation images of ILSVRC 2012, in percent"),
    ("what it is", "from its card"),
)


def _index(names: Sequence[str], known: Any) -> str:
    cards = [card(name) for name in names]
    return _page(
        "site_index.html",
        "A zoo of convolutional networks",
        "Landmark architectures, faithful to their papers: every layer, its exact costs, what it sees, and its working.",
        heads=_HEADS,
        networks=[_listed(one) for one in cards],
        families=sorted({one.family for one in cards}),
        inputs=list(dict.fromkeys(sizes(one.input) for one in cards)),
        tradeoff=_tradeoff(cards),
        timeline=_timeline(cards),
        tree=_tree(cards),
        studies=[(study.name, study.question, f"studies/{study.name}.html") for study in known],
    )


def _listed(one: Card) -> dict[str, Any]:
    error = _error(one)
    cells = [
        (str(one.year), one.year),
        (sizes(one.input), one.input[-1]),
        *((f"{count:,}{'' if one.checked else ' (claimed)'}", count) for count in (one.params, one.macs, one.depth)),
        ("–" if error is None else f"{error:g}%", "" if error is None else error),
    ]
    words = "".join(f"{one.name} {one.title} {one.authors} {one.family} {one.year} {one.summary}".lower().split())
    return {
        "name": one.name,
        "address": _address(one),
        "family": one.family,
        "input": sizes(one.input),
        "summary": one.summary,
        "words": words.replace("_", "").replace("-", ""),
        "cells": cells,
    }


def _address(one: Card) -> str:
    return f"networks/{one.name}.html"


def _error(one: Card) -> float | None:
    """The least top-5 error of a single model on ILSVRC 2012 that a source prints, in percent."""
    printed = [result.error(5) for result in one.results if result.models == 1 and "ILSVRC 2012 validation" in result.on]
    found = [float(error) for error in printed if error is not None]
    return min(found, default=None)


_WIDTH, _TALL, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000, 420, 56, 900, 14, 380


def _tradeoff(cards: Sequence[Card]) -> dict[str, Any] | None:
    """Dots and ticks of the plot of error against MACs; None where fewer than two networks have an error."""
    known = [(one, error) for one in cards if (error := _error(one)) is not None]
    if len(known) < 2:
        return None
    costs = [log10(one.macs) for one, _ in known]
    low, high = min(costs) - 0.08, max(costs) + 0.08
    most = max(error for _, error in known) * 1.08

    def x(cost: float) -> float:
        return round(_LEFT + (cost - low) / (high - low) * (_RIGHT - _LEFT), 1)

    def y(error: float) -> float:
        return round(_BOTTOM - error / most * (_BOTTOM - _TOP), 1)

    dots: list[dict[str, Any]] = []
    for one, error in sorted(known, key=lambda pair: pair[1]):
        at = {"x": x(log10(one.macs)), "y": y(error)}
        free = not any(abs(at["x"] - dot["x"]) < 90 and abs(at["y"] - dot["y"]) < 13 for dot in dots if dot["label"])
        said = f"{one.name}: {error:g}% at {one.macs:,} MACs"
        dots.append({**at, "address": _address(one), "title": said, "label": one.name if free else ""})
    counts = [n * 10**power for power in range(5, 12) for n in (1, 2, 5)]
    return {
        "width": _WIDTH,
        "height": _TALL,
        "left": _LEFT,
        "right": _RIGHT,
        "top": _TOP,
        "bottom": _BOTTOM,
        "rows": [{"at": y(error), "label": f"{error}%"} for error in range(0, int(most) + 1, 5)],
        "columns": [{"at": x(log10(n)), "label": _short(n)} for n in counts if low <= log10(n) <= high],
        "dots": dots,
    }


def _short(count: int) -> str:
    """500M, 2G."""
    return f"{count // 10**9}G MACs" if count >= 10**9 else f"{count // 10**6}M MACs"


def _timeline(cards: Sequence[Card]) -> list[tuple[int, list[tuple[str, str, str]]]]:
    years: dict[int, list[tuple[str, str, str]]] = {}
    for one in cards:
        years.setdefault(one.year, []).append((one.name, _address(one), one.summary))
    return sorted(years.items())


@dataclass(frozen=True)
class _Branch:
    """A network in the family tree, below the first of its parents."""

    name: str
    address: str
    year: int
    others: str
    children: Sequence["_Branch"]


def _tree(cards: Sequence[Card]) -> list[_Branch]:
    names = {one.name for one in cards}
    parents = {one.name: [parent for parent in one.parents if parent in names] for one in cards}

    def branch(one: Card) -> _Branch:
        below = [branch(other) for other in cards if parents[other.name][:1] == [one.name]]
        return _Branch(one.name, _address(one), one.year, ", ".join(parents[one.name][1:]), below)

    return [branch(one) for one in cards if not parents[one.name]]


# Studies, rules, conventions


def _study(study: Study) -> str:
    table = study()
    return _page(
        "site_study.html",
        study.name,
        study.question,
        1,
        result=str(table.notes[-1]) if table.notes else "",
        bars=_bars(table),
        notes=[*map(str, table.notes[:-1]), *explanations(table, table.columns)],
        facts=[(label, text(fact)) for label, fact in table.context.get("about", {}).items()],
        heads=[(column.name, f"{column.description} ({column.unit})") for column in table.columns],
        rows=list(_rows(table)),
        command=f"zoo compare {study.name}",
    )


def _bars(table: Table) -> dict[str, Any] | None:
    """The first column of numbers as bars, one for each row; arms of one type are drawn alike. None if there is no such column."""
    for column in table.columns:
        cells = [row.cells.get(column.name) for row in table.rows]
        counts = [count for count in cells if isinstance(count, int | float)]
        if len(counts) < 2 or column.unit in {"year", "ratio"} or min(counts) < 0:
            continue
        types = list(dict.fromkeys(row.type for row in table.rows))
        rows = [
            (
                row.name if len(types) == 1 else f"{row.type} {row.name}",
                cell(column, count),
                round(840 * count / max(counts), 1) if max(counts) else 0,
                _SHADES[types.index(row.type) % len(_SHADES)],
            )
            for row, count in zip(table.rows, cells, strict=True)
            if isinstance(count, int | float)
        ]
        return {"title": f"{column.name}: {column.description}", "rows": rows}
    return None


_SHADES = ("convolution", "pooling", "activation", "join", "linear")
"""Classes of the page's style."""


def _rows(table: Table) -> Iterator[tuple[list[str], list[str]]]:
    for row in table.rows:
        yield [row.name, row.label], [cell(column, row.cells.get(column.name)) for column in table.columns]


def _rules() -> str:
    entries = [
        {
            "name": rule.name,
            "facts": [
                ("finds", rule.finds),
                ("level", rule.level),
                ("why", rule.why),
                ("remedy", rule.remedy),
                ("source", rule.source),
            ],
        }
        for rule in rules().values()
    ]
    lead = "What zoo lint looks for in an architecture. A warning counts, info does not; off runs when selected."
    return _page("site_list.html", "Lint rules", lead, entries=entries)


def _conventions() -> str:
    found = [(name, conventions.load(name)) for name in conventions.names()]
    entries = [{"name": name, "facts": [("tool", one.tool), ("counts", one.says)]} for name, one in found]
    lead = "What this tool and others count as MACs and FLOPs. zoo summary TARGET --convention NAME counts as they do."
    return _page("site_list.html", "Conventions of counting", lead, entries=entries)
