"""One page that shows a model, or two side by side: diagram, table, costs, receptive fields, findings, card, and every working.

Start with `report`. `_model` collects what the page says of one model; `_differences` what changes from the first to the second.
The page itself is in `zoo/pages`: it gets text and plain data, so that nothing in it depends on networks.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose
from zoo.analysis.conventions import under
from zoo.analysis.derived import Derived
from zoo.analysis.kinds import Pass
from zoo.analysis.measure import measure
from zoo.analysis.tree import Node, Tree, tree
from zoo.catalogue.entries import architectures
from zoo.models.forward import forward
from zoo.models.running import Run
from zoo.pages.render import packed, page
from zoo.pictures._svg import sheet
from zoo.pictures.draw import diagram, modules
from zoo.questions.compare import labels
from zoo.questions.diff import compared, diff
from zoo.questions.explain import described, shared
from zoo.questions.lint import Lint, lint
from zoo.questions.summary import title
from zoo.record.trace import Op, Trace
from zoo.tables.formats._cells import cell
from zoo.tables.formats._notes import explanations
from zoo.tables.table import Column, Table
from zoo.util.errors import ZooError
from zoo.util.pausing import no_collection
from zoo.util.version import __version__

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_ROWS = 64
"""Rows that a table shows at first, if the levels of the network allow it."""
_WIDE = 300.0
"""Of a diagram, in millimetres."""
_BESIDE = ("output", "params", "macs")
"""Columns of the tables of two models side by side."""
_PURE = "MACs of the differences follow the default convention (pure)"
_HEIGHT = 900
"""Of a report in a notebook, in pixels."""


@dataclass(frozen=True)
class Report:
    """A page in one file. `html` is its text; a notebook shows it in a frame.

    Example:
        >>> page = zoo.report("lenet5")
        >>> page.title, len(page.html) < 100_000
        ('lenet5 · input 1×1×32×32 · evaluation mode', True)
    """

    title: str
    html: str

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.title)}" width="100%" height="{_HEIGHT}"></iframe>'


def report(
    target: "Traceable",
    second: "Traceable | None" = None,
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    convention: str = "pure",
) -> Report:
    """Return a page on one model, or on two side by side, in one HTML file that needs no network.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        second: Another one, to be compared with it.
        input, inputs, batch, train, real, options: As in `zoo.trace`, for both models.
        columns: Names of the columns of the table, in this order; by default those of `zoo.summary`. The selected layer has these
            and the default ones.
        convention: What `macs` and `flops` count (docs/conventions.md).

    Returns:
        A `Report`. Its text is the same whenever it is made again.

    Raises:
        ZooError: As `zoo.trace`, and for an unknown column or convention.

    Example:
        >>> zoo.report("lenet5").html.startswith("<!doctype html>")
        True
    """
    how: dict[str, Any] = {"input": input, "inputs": inputs, "batch": batch, "train": train, "real": real, "options": options}
    targets = [target] if second is None else [target, second]
    counted = Counted(columns, convention)
    counted.shown()  # which says what is unknown, before the models run
    return of_runs([forward(one, **how) for one in targets], [lint(one, **how) for one in targets], counted=counted)


@dataclass(frozen=True)
class Counted:
    """What a report counts: the columns of its tables, the default ones if None, under a convention."""

    columns: Sequence[str] | None = None
    convention: str = "pure"

    def shown(self) -> list[Pass]:
        """The columns of the tables."""
        return under(self.convention, choose(self.columns))

    def all(self) -> list[Pass]:
        """Those of the selected layer: the columns of the tables, and the default ones, which the page's parts need."""
        defaults = [one.column.name for one in choose(None)]
        return under(self.convention, choose([*(self.columns or ()), *defaults]))


@dataclass(frozen=True)
class Around:
    """What stands around a report that is a page of a site: links to other pages, networks near it, its source."""

    links: Sequence[tuple[str, str]] = ()
    near: Sequence[Mapping[str, Any]] = ()
    source: str = ""


@no_collection
def of_runs(runs: Sequence[Run], findings: Sequence[Lint], around: Around | None = None, counted: Counted = Counted()) -> Report:
    """The report of one recorded forward or of two, and the findings on them."""
    models = [_model(key, run, found, counted) for key, run, found in zip("ab", runs, findings, strict=False)]
    for model, name in zip(models, labels([run.trace for run in runs]), strict=True):
        model["name"] = name if len(runs) > 1 else model["name"]
    differences = _differences(runs, models, counted.convention) if len(runs) > 1 else None
    heading = runs[0].name if differences is None else " and ".join(model["name"] for model in models)
    data = {"models": [model.pop("data") for model in models], "pairs": differences.pop("pairs") if differences else []}
    workings = [model.pop("workings") for model in data["models"]]
    shown = title(runs[0]) if differences is None else heading
    html = page(
        "report.html",
        script="report",
        drawings=[sheet(), *(model["drawings"]["stages"] for model in data["models"] if "stages" in model["drawings"])],
        drawing_style=sheet(),
        title=shown,
        heading=heading,
        models=models,
        differences=differences,
        version=__version__,
        around=around or Around(),
        packed=packed(data),
        workings=packed(workings),
    )
    return Report(shown, html)


# One model


def _model(key: str, run: Run, findings: Lint, counted: Counted) -> dict[str, Any]:
    """What the page says of a model; `data` is for its script alone."""
    columns = [one.column for one in counted.shown()]
    found = tree(run.trace, counted.all())
    table = measure(run.trace, columns=counted.columns, convention=counted.convention)
    visible = _visible(found)
    names = {node.group.name: index for index, node in reversed(list(enumerate(found.nodes)))}
    card = architectures()[run.name].card if run.name in architectures() else None
    return {
        "key": key,
        "name": run.name,
        "title": title(run),
        "columns": columns,
        "beside": columns if counted.columns else [column for column in columns if column.name in _BESIDE],
        "rows": [_row(found, node, columns, index in visible) for index, node in enumerate(found.nodes)],
        "levels": max(node.level for node in found.nodes),
        "layers": sum(not node.children for node in found.nodes),
        "totals": [(column, cell(column, table.total[column.name])) for column in table.columns if column.name != "output"],
        "notes": [*map(str, table.notes), *map(str, run.notes), *explanations(table, table.columns)],
        "findings": [_finding(one, names) for one in findings],
        "rules": len(findings.rules),
        "feasible": findings.feasible,
        "card": card,
        "versions": ", ".join(f"{package} {version}" for package, version in run.trace.versions.items()),
        "data": {**_data(run, found, counted.all()), "convention": counted.convention},
    }


def _visible(found: Tree) -> set[int]:
    """The nodes of as many levels as a page holds, at least of the first."""
    level = 1
    while sum(node.level <= level + 1 for node in found.nodes) <= _ROWS and any(node.level > level for node in found.nodes):
        level += 1
    return {index for index, node in enumerate(found.nodes) if node.level <= level}


def _row(found: Tree, node: Node, columns: Sequence[Column], visible: bool) -> dict[str, Any]:
    """A row of the table as text; its name in two parts, of which the first is that of the module around it."""
    name = node.group.name
    around = found.nodes[node.parent].group.name if node.parent else None
    prefix = f"{around}." if around is not None and name.startswith(f"{around}.") else ""
    return {
        "prefix": prefix,
        "name": name.removeprefix(prefix),
        "label": f"{node.group.type}{node.group.mark and f' {node.group.mark}'}",
        "level": node.level + 1,
        "folds": bool(node.children),
        "visible": visible,
        "cells": [cell(column, node.cells[column.name]) for column in columns],
    }


def _finding(one: Any, names: Mapping[str, int]) -> dict[str, Any]:
    """A finding with the nodes of its layers."""
    layers = [(name, names[name]) for name in one.layers if name in names]
    return {
        "rule": one.rule,
        "level": "by design" if one.by_design else one.level,
        "layer": one.layer,
        "layers": layers,
        "what": one.what,
        "why": one.why,
        "source": one.source,
        "remedy": one.remedy,
        "saves": ", ".join(f"{count:,} {name}" for name, count in one.saves.items() if count),
    }


def _data(run: Run, found: Tree, passes: Sequence[Any]) -> dict[str, Any]:
    """What the script needs: nodes, cells as numbers, and workings."""
    derived = Derived(found, passes)
    columns = [one.column for one in passes]
    work = {column.name: derived.of(column.name) for column in columns}
    groups = [node.group for node in found.nodes]
    return {
        "name": run.name,
        "drawings": _drawings(run.trace),
        "input": list(run.trace.inputs[0].shape) if run.trace.inputs else [],
        "columns": [[column.name, column.unit, column.description] for column in columns],
        "names": [group.name for group in groups],
        "types": [group.type for group in groups],
        "parents": [node.parent for node in found.nodes],
        "kinds": [_kind(group.ops) for group in groups],
        "about": [described(found.place(node)) for node in found.nodes],
        "shared": {i: list(notes) for i, node in enumerate(found.nodes) if (notes := tuple(shared(found.place(node))))},
        "cells": {column.name: [node.cells[column.name] for node in found.nodes] for column in columns},
        "workings": {"lines": derived.lines, "of": work},
    }


def _drawings(trace: Trace) -> dict[str, Any]:
    """The diagram: its stages as SVG if there are any, and its modules, which the page opens in place."""
    found: dict[str, Any] = modules(trace, width=_WIDE)
    with suppress(ZooError):
        found["stages"] = diagram(trace, level="stages", width=_WIDE).svg()
    return found


_KINDS = (
    ("convolution", ("conv",)),
    ("linear", ("linear", "addmm", "mm", "bmm", "matmul", "einsum", "attention", "lstm", "gru", "rnn", "embedding")),
    ("normalisation", ("norm", "local_response")),
    ("pooling", ("pool", "mean", "interpolate", "upsample", "unfold", "fold")),
    ("activation", ("relu", "gelu", "silu", "sigmoid", "tanh", "softmax", "hardswish", "hardtanh", "elu", "dropout", "mish")),
    ("join", ("add", "cat", "mul", "stack", "concat", "sub", "div")),
)
"""Kinds of layers that the page draws alike, by words in the kinds of their ops; the first that fits."""


def _kind(ops: Sequence[Op]) -> str:
    """The kind of the layer: that of its op that comes first in `_KINDS`."""
    kinds = {op.kind for op in ops}
    return next((name for name, words in _KINDS if any(word in kind for kind in kinds for word in words)), "other")


# Two models


def _differences(runs: Sequence[Run], models: Sequence[Mapping[str, Any]], convention: str) -> dict[str, Any]:
    """The table of `zoo diff`, with the nodes of each row, and the pairs of nodes that are the same layer.

    Rows of the models' tables get a `mark`: what differs there.
    """
    traces = [run.trace for run in runs]
    table = diff(*traces)
    before, after, matched, _ = compared(traces)
    first, second = ({name: i for i, name in reversed(list(enumerate(model["data"]["names"])))} for model in models)
    names = [(before[i].name, after[j].name) for i, j in matched]
    pairs = [(first[one], second[other]) for one, other in names if one in first and other in second]
    partner = {other: one for one, other in names}
    listed = []
    for row, texts in zip(table.rows, _texts(table), strict=True):
        mine = row.name if row.type == "removed" else partner.get(row.name)
        nodes = first.get(mine) if mine is not None else None, second.get(row.name) if row.type != "removed" else None
        for model, node in zip(models, nodes, strict=True):
            if node is not None:
                model["rows"][node] |= {"mark": row.type, "kind": row.type}
        listed.append({"name": row.name, "kind": row.type, "nodes": nodes, "cells": texts})
    for model in models:
        _mark_modules(model)
    return {
        "title": table.title,
        "about": table.context["about"],
        "notes": [*map(str, table.notes), *([] if convention == "pure" else [_PURE])],
        "columns": table.columns,
        "rows": listed,
        "pairs": [*pairs, *_modules(first, second, pairs)],
    }


def _mark_modules(model: Mapping[str, Any]) -> None:
    """Say of each module how many of the layers in it differ."""
    inside = Counter[int]()
    for index, row in enumerate(model["rows"]):
        around = model["data"]["parents"][index] if "kind" in row else None
        while around is not None:
            inside[around] += 1
            around = model["data"]["parents"][around]
    for index, count in inside.items():
        if "kind" not in model["rows"][index]:
            model["rows"][index] |= {"mark": f"{count} differ{'s' if count == 1 else ''}", "kind": "differs"}


def _texts(table: Table) -> Iterator[list[str]]:
    for row in table.rows:
        yield [cell(column, row.cells[column.name]) for column in table.columns]


def _modules(first: Mapping[str, int], second: Mapping[str, int], pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Modules of the same name in both, and the models themselves."""
    ones, others = {i for i, _ in pairs}, {j for _, j in pairs}
    yield 0, 0
    yield from ((i, second[name]) for name, i in first.items() if i and i not in ones and second.get(name, 0) not in {0, *others})
