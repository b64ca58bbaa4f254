"""Rows chosen, sorted and marked, and shares of the total."""

import json
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.tables.formats.latex import escape
from zoo.tables.notes import Shared
from zoo.tables.table import Column, Row, Table
from zoo_cli.main import run

Ask = Callable[..., str]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("COLUMNS", "120")

    def ask(*arguments: str) -> str:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return ask


# Sort, top, filter ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["params", "macs", "activations", "buffers"])
def test_sort(column: str) -> None:
    """Kills an ascending order, sorting by text (9 after 80), rows lost on the way, and a column that cannot be seen."""
    whole, table = zoo.summary("alexnet"), zoo.summary("alexnet", sort=column)
    cells = [row.cells[column] for row in table.rows]
    assert cells == sorted(cells, reverse=True)
    assert sorted(row.name for row in table.rows) == sorted(row.name for row in whole.rows)
    assert {column: table.total[column] for column in whole.total} == whole.total
    assert next(one for one in table.columns if one.name == column).hide_order == 0


def test_sort_by_words_and_sizes() -> None:
    """Kills names by their lengths, and lower bounds, sizes, undefined fields and empty cells that cannot be compared."""
    names = [row.name for row in zoo.summary("alexnet", sort="name").rows]
    assert names == sorted(names)
    cells = [None, {"at_least": 7, "unknown": {"f": 1}}, 9, [2, 3], {"undefined": "why"}, {"size": [2, 2]}]
    rows = tuple(Row(str(i), "t", {"c": value}) for i, value in enumerate(cells))
    order = [row.name for row in Table("t", {}, (Column("c", "u", "d"),), rows).select(sort="c").rows]
    assert order == ["2", "1", "3", "5", "0", "4"]


def test_top() -> None:
    """Kills the first rows for the greatest, and totals of what is shown."""
    whole = zoo.summary("vgg16")
    table = zoo.summary("vgg16", top=3)
    macs = sorted((row.cells["macs"] for row in whole.rows), reverse=True)
    assert [row.cells["macs"] for row in table.rows] == macs[:3]
    assert table.total == whole.total
    assert f"3 of {len(whole.rows)} rows are shown" in str(table.notes[0])
    assert f"{sum(macs[:3]) / whole.total['macs']:.1%} of macs" in str(table.notes[0])
    assert zoo.summary("vgg16", top=1, sort="params").rows[0].name == "classifier.fc6"


def test_filter() -> None:
    """Kills a pattern that matches anywhere in the name, and a note that has another share than the rows."""
    whole = zoo.summary("torchvision:resnet18", depth=2)
    table = zoo.summary("torchvision:resnet18", depth=2, filter="layer4.*")
    assert [row.name for row in table.rows] == ["layer4.0", "layer4.1"]
    share = sum(row.cells["params"] for row in table.rows) / sum(p.numel() for p in zoo_resnet18().parameters())
    assert str(table.notes[0]).startswith(f"2 of {len(whole.rows)} rows are shown, with {share:.1%} of params")
    assert table.total == whole.total


def zoo_resnet18() -> nn.Module:
    from zoo.models.targets import resolve

    return resolve("torchvision:resnet18", {}).module


def test_filter_looks_further(ask: Ask) -> None:
    """Kills a pattern that does not find what the page had folded."""
    assert "conv4_x.1–35 " in ask("summary", "resnet152", "--filter", "conv4_x.*")
    page = ask("summary", "resnet152", "--filter", "conv4_x.0.conv?")
    assert re.findall(r"^conv4_x\S+", page, re.MULTILINE) == ["conv4_x.0.conv1", "conv4_x.0.conv2", "conv4_x.0.conv3"]
    page = ask("summary", "resnet152", "--filter", "conv4_x.17.conv2")
    assert re.findall(r"^conv4_x\S+", page, re.MULTILINE) == ["conv4_x.17.conv2"]


def test_together(ask: Ask) -> None:
    """Kills options that undo each other."""
    arguments = ["--filter", "conv*", "--sort", "params", "--top", "2", "--columns", "macs,params%", "--format", "json"]
    table = json.loads(ask("summary", "alexnet", *arguments))
    assert [column["name"] for column in table["columns"]] == ["macs", "params%", "params"]
    assert [row["name"] for row in table["rows"]] == ["conv3", "conv4"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--sort", "mac"], ["unknown column 'mac'", "macs"]),
        (["--filter", "layer9.*"], ["no row matches 'layer9.*'", "conv"]),
        (["--filter", "conv9"], ["no row matches 'conv9'", "did you mean conv"]),
        (["--top", "0"], ["--top", "1"]),
        (["--columns", "rf%"], ["'rf%'", "is not a sum", "params%"]),
        (["--columns", "prams%"], ["unknown column 'prams%'", "params"]),
    ],
)
def test_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]) -> None:
    """Kills an empty table for a mistake, and a message that does not help."""
    assert run(["summary", "alexnet", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for part in parts:
        assert part in err


def test_shares() -> None:
    """Kills shares of another column, of the greatest, or in percent where a fraction is meant."""
    table = zoo.summary("alexnet", columns=["params", "params%", "macs%"])
    params, macs = zoo.summary("alexnet").total["params"], zoo.summary("alexnet").total["macs"]
    fc6 = next(row for row in table.rows if row.name == "fc6")
    assert fc6.cells["params%"] == pytest.approx((9216 * 4096 + 4096) / params)
    assert fc6.cells["macs%"] == pytest.approx(9216 * 4096 / macs)
    assert sum(row.cells["params%"] for row in table.rows) == pytest.approx(table.total["params%"]) == 1
    assert " 61.9% " in table.render("text", 80)


def test_share_of_a_lower_bound() -> None:
    """Kills a share of a total that is not known."""

    class Fourier(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.qr(x)[0]

    table = zoo.summary(nn.Sequential(nn.Linear(4, 4), Fourier()), input=(1, 4), columns=["macs%"])
    assert {row.cells["macs%"] for row in table.rows} == {None}
    assert table.total["macs%"] is None


# Marks ---------------------------------------------------------------------------------------------------------------


class Marked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.spare = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.tied(torch.relu(self.second(torch.relu(self.second(torch.relu(self.first(x)))))))


def test_marks() -> None:
    """Kills a weight that is read again and not marked, one marked where it is read first, and an unused one that looks used."""
    table = zoo.summary(Marked(), input=(1, 4))
    marks = {row.name: row.mark for row in table.rows if row.type == "Linear"}
    assert marks == {"first": "", "second": "", "second_1": "shared", "tied": "shared", "spare": "unused"}
    assert Shared() in table.notes
    assert "Linear shared" in table.render("markdown")
    assert "Linear unused" in table.render("text", 100)
    assert [row.get("mark") for row in table.to_dict()["rows"]].count("shared") == 2
    assert ",shared," in table.render("csv")


def test_marks_of_blocks_in_one_row() -> None:
    """Kills a run of one module that looks like many, and a run of many that is marked shared."""
    cell = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    shared = zoo.summary(nn.Sequential(cell, cell, cell), input=(1, 4), depth=1, fold=True)
    assert [(row.times, row.mark) for row in shared.rows] == [(3, "shared")]
    many = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(3)))
    assert [(row.times, row.mark) for row in zoo.summary(many, input=(1, 4), depth=1, fold=True).rows] == [(3, "")]


STRICT = """
import torch
from torch import nn


class F(nn.Module):
    def forward(self, x):
        return torch.linalg.qr(x)[0]


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(F(), nn.Linear(8, 8), F(), nn.ReLU(), F())
"""


def test_strict_names_every_module(capsys: pytest.CaptureFixture[str], tmp_path: pytest.TempPathFactory) -> None:
    """Kills --strict that names the op and not each module that ran it, or miscounts."""
    path = f"{tmp_path}/strict_nets.py"
    with open(path, "w") as file:
        file.write(STRICT)
    assert run(["summary", f"{path}:Net", "--input", "8x8", "--strict", "--top", "1"]) == 1
    err = capsys.readouterr().err
    assert re.search(r"qr\w* \(3×\) in 0, 2, 4", err)


# LaTeX ---------------------------------------------------------------------------------------------------------------


def test_latex(ask: Ask, tmp_path: pytest.TempPathFactory) -> None:
    """Kills rows with more or fewer cells than there are columns, environments that do not close, and numbers to the left."""
    page = ask("summary", "resnet50", "--format", "latex")
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", page) for word in ("begin", "end"))
    assert begun == ended[::-1] == ["table", "tabular"]
    table = zoo.summary("resnet50", depth="auto", fold=True)
    alignment = re.search(r"\\begin{tabular}{(\w+)}", page)
    assert alignment is not None
    assert alignment[1] == "ll" + "r" * len(table.columns)
    rows = [line for line in page.splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(table.rows) + 2
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns) + 1}
    assert [page.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]
    assert r"Bottleneck $\times$5" in page
    assert r"conv4\_x.1--5" in page
    assert run(["summary", "resnet50", "-o", f"{tmp_path}/table.tex"]) == 0
    with open(f"{tmp_path}/table.tex") as file:
        assert file.read() == page


@pytest.mark.parametrize(
    ("written", "set_"),
    [
        ("a_b & 50% of $x #1 {y}", r"a\_b \& 50\% of \$x \#1 \{y\}"),
        ("\\~^", r"\textbackslash{}\textasciitilde{}\textasciicircum{}"),
        ("a\nb", "a b"),
        ("195/32/64*, ≥ 5", r"195/32/64$\ast$, $\geq$ 5"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
    ],
)
def test_latex_escapes(written: str, set_: str) -> None:
    """Kills a name that LaTeX takes for a command, and an escape that is escaped again."""
    assert escape(written) == set_


def test_latex_brackets() -> None:
    """Kills a row whose name begins with a bracket, which the line break before it would take for its own argument."""
    page = Table("t", {}, (), (Row("[2pt]", "T", {}),)).render("latex")
    assert "{}[2pt] & T" in page
