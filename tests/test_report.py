"""The report as a file: complete, the same when made again, free of torch, and with every number and working of the analyzer.

What needs a browser is in `tests/browser`.
"""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from test_laws import COMMAND, loaded

import zoo
from zoo.analysis.choose import choose
from zoo.analysis.tree import tree
from zoo.pages.render import REPORT, packed
from zoo_cli.main import run


def data(html: str, name: str = "data") -> Any:
    """What the script of a page gets."""
    (text,) = re.findall(rf'<script type="text/plain" id="{name}">(.*?)</script>', html)
    return json.loads(zlib.decompress(base64.b64decode(text), wbits=-15))


@pytest.fixture(scope="module")
def googlenet() -> zoo.Report:
    return zoo.report("googlenet")


@pytest.mark.parametrize("name", ["lenet5", "googlenet", "resnet18"])
def test_tree(name: str) -> None:
    """Kills a tree that loses a row, changes a cell, or in which a module is not the sum of what is in it."""
    trace = zoo.trace(name)
    table, found = zoo.measure(trace), tree(trace, choose(None))
    leaves = [node for node in found.nodes if not node.children]
    assert [(node.group.name, dict(node.cells)) for node in leaves] == [(row.name, dict(row.cells)) for row in table.rows]
    assert dict(found.nodes[0].cells) == dict(table.total)
    for node in found.nodes:
        inside = [found.nodes[child] for child in node.children]
        assert all(one.level == node.level + 1 for one in inside)
        assert len(inside) != 1
        for column in ("params", "macs", "flops", "activations"):
            assert not inside or node.cells[column] == sum(one.cells[column] for one in inside)


def test_workings_are_those_of_explain(googlenet: zoo.Report) -> None:
    """Kills a page that shares lines between layers and mixes them up."""
    (model,), (workings,) = data(googlenet.html)["models"], data(googlenet.html, "workings")
    trace = zoo.trace("googlenet")
    for layer in ("conv1", "inception_3a.conv5x5", "inception_5b", "googlenet"):
        node = model["names"].index(layer)
        explained = zoo.explain(trace, None if layer == "googlenet" else layer)
        for quantity in explained.quantities:
            assert model["cells"][quantity.column.name][node] == json.loads(json.dumps(quantity.cell))
            blocks = workings["of"][quantity.column.name][node]
            numbers = {workings["lines"][line][2] for _, lines in blocks for line in lines}
            assert {line.numbers for line in quantity.lines} == numbers


def test_only_its_own_style_and_script(googlenet: zoo.Report) -> None:
    """Kills a policy whose hashes are of something else, and whatever would be loaded."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', googlenet.html)
    assert policy.startswith("default-src &#39;none&#39;;")
    for kind in ("style", "script"):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", googlenet.html, re.DOTALL)
        assert len(texts) == {"style": 2, "script": 1}[kind]
        for text in texts:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"&#39;sha256-{digest}&#39;" in policy
    assert not re.search(
        r'\s(style|src|on\w+)="|@import|url\(', re.sub(r"<script>.*?</script>", "", googlenet.html, flags=re.DOTALL)
    )


@pytest.mark.slow
def test_the_same_again_and_without_torch(tmp_path: Path) -> None:
    """Kills a page that depends on the time, on an order of sets, or on torch where the trace is kept."""
    made = []
    for seed in ("1", "2", "3"):
        text, heavy = loaded(
            COMMAND, "report", "resnet18", "-s", "num_classes=7", "-o", "-", ZOO_CACHE=str(tmp_path), PYTHONHASHSEED=seed
        )
        made.append((text, "torch" in heavy))
    assert [torch for _, torch in made] == [True, False, False]
    assert len({text for text, _ in made}) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alexnet", "-o", "."], "cannot write .: it is a folder"),
        (["alexnot"], "alexnot"),
        (["alexnet", "vgg17"], "vgg17"),
        (["alexnet", "--input", "1x2x3"], "alexnet"),
    ],
    ids=" ".join,
)
def test_bad_input(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills a traceback, and a file that is half written."""
    monkeypatch.chdir(tmp_path)
    assert run(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_packed() -> None:
    """Kills data that ends its element."""
    text = packed({"</script><script>": ["<!--", "é"]})
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)


def test_two(googlenet: zoo.Report) -> None:
    """Kills pairs that are not those of `zoo diff`, and rows without their mark."""
    html = zoo.report("resnet18", "resnet34").html
    found = data(html)
    first, second = (model["names"] for model in found["models"])
    paired = {second[j] for _, j in found["pairs"]}
    added = {row.name for row in zoo.diff("resnet18", "resnet34").rows}
    assert added
    assert paired.isdisjoint(added)
    assert {name for name in second if name not in added} - paired == {"conv2_x.2", "conv3_x.2", "conv3_x.3"} | {
        f"conv4_x.{i}" for i in (2, 3, 4, 5)
    } | {"conv5_x.2"}
    assert all(first[i] == second[j] for i, j in found["pairs"] if i)


def test_two_of_other_layouts() -> None:
    """Kills a page that fails, or lists more than `zoo diff`, where one of the networks permutes what it reads."""
    from test_diff import Tokens

    few, many = (zoo.trace(Tokens(9, twice), input=(3, 5, 8)) for twice in (False, True))
    assert not zoo.diff(few, many).rows
    assert "not listed: layers that only put elements elsewhere" in zoo.report(few, many).html


def test_in_a_notebook(googlenet: zoo.Report) -> None:
    """Kills a page that a notebook does not show, or shows as part of itself."""
    shown = googlenet._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count("<") == 2
    assert "&lt;!doctype html&gt;" in shown


def test_columns_and_convention() -> None:
    """Kills options that change nothing, numbers of another convention than asked for, and mistakes found after the models ran."""
    page = zoo.report("resnet18", columns=["params", "macs", "trainable"], convention="thop").html
    assert re.findall(r'data-sort="(\w+)"', page) == ["name", "type", "params", "macs", "trainable"]
    total = zoo.summary("resnet18", convention="thop").total["macs"]
    assert total != zoo.summary("resnet18").total["macs"]
    assert f"<dd>{total:,}</dd>" in page
    with pytest.raises(zoo.ZooError, match="unknown column 'weights'"):
        zoo.report("nothing", columns=["weights"])
    with pytest.raises(zoo.ZooError, match="unknown convention"):
        zoo.report("nothing", convention="weights")


def test_parts_of_the_script() -> None:
    """Kills a part that is in no page, and one that is there twice."""
    folder = Path(zoo.__file__).parent / "pages" / "report"
    assert sorted(REPORT) == sorted(file.stem for file in folder.iterdir())
    assert REPORT[-1] == "start"
