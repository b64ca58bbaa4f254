"""How a table looks: golden pages, columns that add up, and cells of every kind in every format.

A golden says how a page looks, never that its numbers are true. ZOO_RENEW_GOLDENS=1 writes them anew.
"""

import csv
import io
import json
import os
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.questions.info import info
from zoo.questions.list import listing
from zoo.tables import formats
from zoo.tables.formats._cells import cell, text
from zoo.tables.formats._layout import Layout
from zoo.tables.table import Column, Row, Table

GOLDENS = Path(__file__).parent / "goldens"
FIELD = {"size": [195, 195], "stride": [32, 32], "padding": [64, 64]}
PARTIAL = {"at_least": 1234, "unknown": {"_fft_r2c": 2, "vision::nms": 1}}
COUNTS = Column("params", "elements", "parameters", hide_order=0)


def table(
    *names: str,
    columns: tuple[Column, ...] = (COUNTS,),
    cells: Mapping[str, Any] | None = None,
    title: str = "title",
    notes: tuple[str, ...] = (),
    about: Mapping[str, Any] | None = None,
) -> Table:
    """One with a row of these names, all with the same cells and a total like them."""
    given = {"params": 7} if cells is None else cells
    context = {"about": about} if about else {}
    return Table(title, context, columns, tuple(Row(name, "Type", given) for name in names), given, notes)


# Goldens -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("name", "depth"), [("alexnet", "auto"), ("lenet5", "auto"), ("googlenet", 1)])
def test_golden(name: str, depth: Any, width: int) -> None:
    """Kills a change of the page that nobody meant."""
    page = zoo.summary(name, depth=depth).render("text", width)
    path = GOLDENS / f"{name}_{width}.txt"
    if os.environ.get("ZOO_RENEW_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in zoo.list_models() if zoo.card(name).depth <= 200])
def test_printed_columns_add_up(name: str) -> None:
    """Kills a printed row that is left out, cut, or shown twice: the column as it is printed adds up to the printed total."""
    header, *rows, total = printed(zoo.summary(name).render("text", 120))
    for column in ("params", "macs", "flops", "activations"):
        place = header.index(column) - len(header)
        assert sum(number(row[place]) for row in rows) == number(total[place])


def printed(page: str) -> list[list[str]]:
    """The words of the header, of each row and of the totals."""
    lines = page.splitlines()
    rule = next(i for i, line in enumerate(lines) if line and set(line) == {"─"})
    end = next(i for i in range(rule, len(lines)) if lines[i].startswith("total "))
    return [line.split() for line in (lines[rule - 1], *lines[rule + 1 : end - 1], lines[end])]


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_sum_can_fail() -> None:
    """Kills a reader of pages that skips rows."""
    page = zoo.summary("alexnet").render("text", 120)
    header, *rows, _ = printed(page)
    assert len(rows) == len(zoo.summary("alexnet").rows)
    assert number(rows[0][header.index("params")]) == 34_944


# Cells ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (0, "0"),
        (60_965_224, "60,965,224"),
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        ("138M", "138M"),
        ([1, 96, 55, 55], "1×96×55×55"),
        ((1, 10), "1×10"),
        ([[1, 1000], [1, 1000]], "1×1000, 1×1000"),
        (PARTIAL, "≥ 1,234"),
        (FIELD, "195@32i-64"),
        ({**FIELD, "global": True}, "195@32i-64*"),
        ({"size": [3, 5], "stride": [1, 2], "padding": [1, 1]}, "3×5@i-1×2i-1"),
        ({"size": [7], "stride": [2], "padding": [-1]}, "7@2i+1"),
        ({"undefined": "no rule for sort"}, "undefined"),
        ({"float32": 3, "int64": 1_000}, "float32 3, int64 1,000"),
    ],
)
def test_text(cell: Any, shown: str) -> None:
    """Kills a kind of cell that is shown as Python writes it."""
    assert text(cell) == shown


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("year", 2014, "2014"),
        ("ratio", 8.7123, "8.71×"),
        ("ratio", 1234.5, "1,234×"),
        ("share", 0.9618, "96.2%"),
        ("seconds", 0.12345, "0.123"),
        ("elements", 2014, "2,014"),
        *((unit, None, "–") for unit in ("year", "ratio", "share", "seconds")),
    ],
)
def test_units(unit: str, value: Any, shown: str) -> None:
    """Kills a year with a comma, a ratio without its sign, and a cell that does not apply written as a word."""
    assert cell(Column("c", unit, "-"), value) == shown


@pytest.mark.parametrize("format", formats.names())
@pytest.mark.parametrize(
    "value", [0, None, True, [1, 2], [], [[1, 2], [3]], PARTIAL, FIELD, {"undefined": "why"}, "a word"], ids=str
)
def test_any_cell_anywhere(value: Any, format: str) -> None:
    """Kills a format that knows only the cells of its first table."""
    page = table("one", "two", cells={"params": value}).render(format, 80)
    assert page.endswith("\n")
    assert "one" in page


@pytest.mark.parametrize("format", formats.names())
@pytest.mark.parametrize(
    "odd",
    [
        Table("nothing", {}, (COUNTS,), (), {"params": 0}),
        Table("nothing", {}, (), ()),
        Table("no columns", {}, (), (Row("conv", "Conv2d", {}),)),
        Table("no cells", {}, (COUNTS,), (Row("conv", "Conv2d", {}),)),
        table("", " ", "\t", "a\nb", "名前" * 30, "x" * 100, "e" * 9 + "\u0301"),
    ],
    ids=["no rows", "nothing", "no columns", "no cells", "odd names"],
)
def test_odd_tables(odd: Table, format: str) -> None:
    """Kills a format that needs rows, columns, cells, or names as usual."""
    for width in (None, 1, 40, 80):
        assert odd.render(format, width).endswith("\n")


# Text ----------------------------------------------------------------------------------------------------------------


def test_columns_left_out() -> None:
    """Kills a column that vanishes without a word, one that is kept before a more important one, and room left unused."""
    whole = zoo.summary("alexnet")
    before: set[str] = set()
    for width in range(40, 130):
        shown = [column.name for column in Layout(whole, width).columns]
        left_out = [column for column in whole.columns if column.name not in shown]
        assert before <= set(shown)
        before = set(shown)
        page = whole.render("text", width)
        assert printed(page)[0][2:] == shown
        said = " ".join(page.split())
        assert ("hidden columns: " + ", ".join(column.name for column in left_out) in said) is bool(left_out)
        assert {"params", "macs"} <= set(shown)
    assert len(before) == len(whole.columns)


def test_notes_of_shown_columns_only() -> None:
    """Kills an explanation of receptive fields on a page that shows none."""
    whole = zoo.summary("alexnet")
    assert "rf: 51@8i-16" in whole.render("text", 80)
    assert "rf" not in {column.name for column in Layout(whole, 45).columns}
    assert "rf: 51@8i-16" not in whole.render("text", 45)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("alexnet", "activations flops macs params output"),
        ("vgg16", "output params macs flops rf activations depth trainable buffers"),
    ],
)
def test_named_columns(name: str, columns: str) -> None:
    """Kills a column that was asked for and is not there, or has its numbers cut to fit."""
    whole = zoo.summary(name, columns=columns.split())
    assert_whole(whole, whole.render("text", 80))


@pytest.mark.parametrize("width", [20, 30, 40, 60])
def test_numbers_are_never_cut(width: int) -> None:
    """Kills numbers that lose digits on a narrow page: names, then the page, give way."""
    assert_whole(zoo.summary("googlenet", depth=1), zoo.summary("googlenet", depth=1).render("text", width))


def assert_whole(whole: Table, page: str) -> None:
    header, *rows, total = printed(page)
    columns = [column for column in whole.columns if column.name in header]
    assert header[-len(columns) :] == [column.name for column in columns]
    for row, cells in zip([*rows, total], [*(row.cells for row in whole.rows), whole.total], strict=True):
        assert row[-len(columns) :] == [cell(column, cells[column.name]) for column in columns]


@pytest.mark.parametrize("width", [40, 80])
def test_long_names(width: int) -> None:
    """Kills a page that breaks, rows that run over it, and numbers that give way to names."""
    page = table("x" * 100, "y" * 100, cells={"params": 123_456_789}).render("text", width)
    assert max(map(len, page.splitlines())) <= width
    assert page.count("123,456,789") == 3
    assert page.count("…") == 2


def test_names_are_not_markup() -> None:
    """Kills brackets and codes that the drawing library takes for its own: they vanish, or turn into pictures."""
    page = table("[bold]", ":cat:", title="[red]a[/red] :cat: b", notes=("[link] :cat:",), about={"[i]": ":cat: [/i]"}).render(
        "text", 80
    )
    for part in ("\n[bold] ", "\n:cat: ", "[red]a[/red] :cat: b", "[link] :cat:", "[i]", ":cat: [/i]"):
        assert part in page


def test_print() -> None:
    """Kills a page that ends in an empty line when it is printed."""
    whole = zoo.summary("lenet5")
    assert str(whole) + "\n" == whole.render("text")


# JSON and CSV --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [listing(), info("resnet50"), zoo.summary("lenet5")], ids=["list", "info", "summary"])
def test_json(whole: Table) -> None:
    """Kills what JSON cannot carry, or turns into something else."""
    assert json.loads(whole.render("json")) == json.loads(json.dumps(whole.to_dict())) == whole.to_dict()


def test_dict_is_a_copy() -> None:
    """Kills a table that changes with what was made of it."""
    whole = table("a")
    whole.to_dict()["total"]["params"] = 0
    whole.to_dict()["rows"][0]["params"] = 0
    assert whole.to_dict()["total"] == {"params": 7}
    assert whole.to_dict()["rows"][0]["params"] == 7


def test_csv_keys() -> None:
    """Kills nested cells as Python writes them, keys of one row that shift another's cells, and an empty column."""
    columns = (Column("macs", "multiply-accumulates", "-"), Column("rf", "pixels", "-"), Column("output", "elements", "-"))
    rows = (
        Row("a", "A", {"macs": 5, "rf": FIELD, "output": [1, 2]}),
        Row("b", "B", {"macs": PARTIAL, "rf": {"undefined": "no rule, yet"}, "output": [[1, 2], [3]]}),
        Row("c", "C", {"macs": 0, "rf": {**FIELD, "global": True}, "output": None}),
    )
    read = list(csv.DictReader(io.StringIO(Table("t", {}, columns, rows).render("csv"))))
    assert list(read[0]) == [
        *("name", "type", "macs", "macs.at_least", "macs.unknown._fft_r2c", "macs.unknown.vision::nms"),
        *("rf.size", "rf.stride", "rf.padding", "rf.undefined", "rf.global", "output"),
    ]
    assert [row["macs"] for row in read] == ["5", "", "0"]
    assert [row["macs.at_least"] for row in read] == ["", "1234", ""]
    assert [row["macs.unknown._fft_r2c"] for row in read] == ["", "2", ""]
    assert [row["rf.size"] for row in read] == ["195x195", "", "195x195"]
    assert [row["rf.global"] for row in read] == ["", "", "true"]
    assert [row["rf.undefined"] for row in read] == ["", "no rule, yet", ""]
    assert [row["output"] for row in read] == ["1x2", "1x2 3", ""]


# Markdown ------------------------------------------------------------------------------------------------------------

NASTY = ("a|b", "a*b*", "**|**", "a\\|b", "two\nlines", "<b>&", "`x`")


@pytest.mark.parametrize(
    "whole", [table(*NASTY), listing(), info("alexnet"), zoo.summary("lenet5")], ids=["nasty", "list", "info", "summary"]
)
def test_markdown_cells(whole: Table) -> None:
    """Kills a line with more or fewer cells than the header: names with bars or line breaks among them."""
    lines = [line for line in whole.render("markdown").splitlines() if line.startswith("|")]
    cells = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines]
    assert set(cells) == {len(whole.columns) + 3}
    assert len(lines) == 2 + len(whole.rows) + bool(whole.total)


def test_markdown_parts() -> None:
    """Kills a title, a fact, a note or a total that is left out."""
    page = table("a", title="Net", notes=("one", "two"), about={"paper": "On Nets"}).render("markdown")
    assert page.startswith("# Net\n\npaper: On Nets")
    assert page.endswith("| **total** |  | 7 |\n\n- one\n- two\n")


# HTML ----------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Checks that every tag is closed in its turn; collects texts and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.append(tag)
        self.texts += [value or "" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("whole", [listing(), info("vgg16"), zoo.summary("alexnet")], ids=["list", "info", "summary"])
def test_html(whole: Table) -> None:
    """Kills tags that do not close, cells without a place in the head, and a row left out."""
    page = Page(whole.render("html"))
    rows = len(whole.rows) + bool(whole.total)
    assert page.tags.count("tr") == 1 + rows
    assert page.tags.count("td") == rows * len(whole.columns)
    assert page.tags.count("th") == 2 + len(whole.columns) + 2 * rows
    assert whole._repr_html_() == whole.render("html")


def test_html_escapes() -> None:
    """Kills a name, title, description, fact or note that the reader's browser would run."""
    evil = "<script>\"'&"
    column = Column(evil, evil, evil, hide_order=0)
    whole = table(evil, columns=(column,), cells={evil: evil}, title=evil, notes=(evil,), about={evil: evil})
    page = Page(whole.render("html"))
    assert set(page.tags) <= {
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
        *("ul", "li", "dl", "dt", "dd", "p", "div"),
    }
    assert page.texts.count(evil) >= 5


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_facts_of_a_card(format: str) -> None:
    """Kills a format for people that leaves out who wrote the paper."""
    page = " ".join(info("lenet5").render(format, 80).split())
    assert "Gradient-Based Learning Applied to Document Recognition" in page
