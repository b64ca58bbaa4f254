"""What `print` and a notebook show of a long table: one page, as on the command line, and how to see every row."""

import csv
import json
import pickle
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

import zoo
from zoo_cli.main import run


def test_a_page_of_a_long_table() -> None:
    """Kills 500 lines for `print`, rows that the table itself loses, a page of another table, and one that cannot be pickled."""
    table = zoo.summary("resnet152")
    assert len(table.rows) == 515
    shown = str(table)
    assert len(shown.splitlines()) < 40
    assert f"the table has {len(table.rows)} rows: print(table.render()) shows all" in " ".join(shown.split())
    assert len(table.render().splitlines()) > len(table.rows)
    assert table._repr_html_().count("<tr") < 40
    assert table.render("html").count("<tr") > len(table.rows)
    assert table.folded().total == table.total
    assert str(pickle.loads(pickle.dumps(table))) == shown
    assert len(str(table.select(top=3)).splitlines()) < len(shown.splitlines())
    assert len(str(zoo.summary("resnet152", depth=99)).splitlines()) > len(table.rows)


def test_a_short_table_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills four blocks of two layers that are folded although a page holds them, on the command line too; --fold still folds."""
    net = nn.Sequential(*(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(4)))
    assert len(zoo.summary(net, input="3x8x8", depth="auto", fold="auto").rows) == 8
    assert len(zoo.summary(net, input="3x8x8", depth="auto", fold=True).rows) == 1
    assert str(zoo.summary(net, input="3x8x8")) == zoo.summary(net, input="3x8x8").render().rstrip("\n")
    assert run(["summary", "resnet50", "--columns", "params"]) == 0
    assert "×" in capsys.readouterr().out.split("convention")[0]
    assert run(["summary", "lenet5", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == len(zoo.summary("lenet5").rows)


def test_names_stand_left_and_totals_apart() -> None:
    """Kills names that a notebook's style sets from the right, and a total that looks like a row."""
    page = zoo.summary("lenet5")._repr_html_()
    assert '<th style="text-align: left">C1</th>' in page
    assert '<tfoot><tr style="border-top: 2px solid; font-weight: bold"><th style="text-align: left">total</th>' in page


def test_logging_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a documented line that does not run, or logs something else than numbers and text."""
    text = (Path(zoo.__file__).parent.parent / "docs" / "reading.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(table = zoo.summary\(net.*?)```", text, re.DOTALL)
    logged: dict[str, Any] = {}
    writer = SimpleNamespace(add_text=lambda tag, text_string: logged.update({tag: text_string}))
    trainer = SimpleNamespace(logger=SimpleNamespace(log_hyperparams=lambda params: logged.update(params)))
    monkeypatch.chdir(tmp_path)
    net = nn.Conv2d(3, 4, 3, bias=False)
    exec(code, {"zoo": zoo, "Path": Path, "net": net, "writer": writer, "trainer": trainer})
    assert {name: logged[name] for name in ("params", "macs", "depth")} == {"params": 108, "macs": 30 * 30 * 108, "depth": 1}
    assert "| name |" in logged["model"]
    assert [int(row["params"]) for row in csv.DictReader((tmp_path / "net.csv").read_text().splitlines())] == [108]
