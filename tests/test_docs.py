"""The documents are run: commands print what is shown, examples compute what they say, and prose quotes what the analyzer computes.

ZOO_RENEW_GOLDENS=1 writes the commands' present output into the documents.
"""

import doctest
import inspect
import os
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

import zoo
from zoo.analysis.choose import columns
from zoo_cli.main import run

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CONSOLE = re.compile(r"(?<=```console\n)\$ (?P<command>.*)\n(?P<output>(?:.|\n)*?)(?=```)")  # which may have backticks


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_print_what_is_shown(
    document: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Kills a document that shows yesterday's output."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)  # for what commands write

    def output(match: re.Match[str]) -> str:
        program, *arguments = shlex.split(match["command"])
        assert program == "zoo"
        assert run(arguments) == 0
        return f"$ {match['command']}\n{capsys.readouterr().out}"

    text = document.read_text(encoding="utf-8")
    now = CONSOLE.sub(output, text)
    if os.environ.get("ZOO_RENEW_GOLDENS"):
        document.write_text(now, encoding="utf-8")
    else:
        assert now == text


def test_every_column_is_described() -> None:
    """Kills a column that the page on tables does not name: nobody would find it."""
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    first = {name for line in page.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert set(columns()) - first == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_compute_what_they_say(document: Path) -> None:
    """Kills an example that does not run, or says something else."""
    result = doctest.testfile(str(document), module_relative=False, encoding="utf-8")
    assert result.failed == 0


def recipes() -> dict[str, str]:
    """The Python blocks of CONTRIBUTING by the first word of their docstring."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    return {block.split()[0].strip('"').rstrip(":"): block for block in blocks}


def loaded(name: str) -> ModuleType:
    module = ModuleType(name)
    exec(recipes()[name], vars(module))
    return module


def test_the_recipe_of_an_architecture_is_right() -> None:
    """Kills a recipe whose card claims what its network has not."""
    builder = loaded("TinyNet").tinynet
    total = zoo.summary(builder(), input=(1, *builder.card.input)).total
    assert (total["params"], total["macs"], total["depth"]) == (builder.card.params, builder.card.macs, builder.card.depth)


def test_the_recipe_of_a_pass_is_right() -> None:
    """Kills a recipe that does not fit the engine: AlexNet has 10,568 biases."""
    from zoo.analysis.rows import group
    from zoo.models.targets import resolve

    trace = zoo.trace(resolve("alexnet", {}).module, input=(1, 3, 227, 227))
    cells, total = loaded("Bias").COLUMN.measure(trace, group(trace))
    assert total == sum(cells) == 10_568


def test_the_recipe_of_a_format_is_right() -> None:
    """Kills a recipe that does not draw a table."""
    lines = loaded("Tab-separated").render(zoo.summary("alexnet")).splitlines()
    assert lines[0] == "conv1\t34944"


def test_the_recipe_of_a_comparison_is_right() -> None:
    """Kills a recipe whose study does not run, or whose lesson quotes other numbers than its table."""
    table = loaded("Depth").STUDY()
    assert [row.cells["depth"] for row in table.rows] == [18, 152]
    assert f"{table.rows[1].cells['params/1']:.1f} times the parameters" in table.notes[-1]


def test_the_recipe_of_a_lint_rule_is_right() -> None:
    """Kills a recipe that finds nothing."""
    from torch import nn

    with zoo.register(loaded("Convolutions")):
        [finding] = zoo.lint(nn.Sequential(nn.Conv2d(3, 1, 3, padding=1)), input=(1, 3, 8, 8), select=["single-filter"])
    assert (finding.layer, finding.what) == ("0", "one map of 64 elements")


def test_the_recipe_of_a_command_is_right(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a recipe whose command does not take the options of others, or does not print its answer."""
    monkeypatch.setitem(sys.modules, "zoo.questions.depth", loaded("Layers"))
    command = loaded("`zoo").depth
    given = {name: option.default for name, option in inspect.signature(command).parameters.items()}
    command(**{**given, "target": "resnet50", "format": "csv"})
    assert capsys.readouterr().out.splitlines() == ["name,type,depth", "resnet50,network,50"]


def test_the_recipe_of_a_picture_is_right() -> None:
    """Kills a recipe that is not drawn, or has other data than it shows."""
    pytest.importorskip("matplotlib")
    with zoo.register(loaded("Width")):
        drawn = zoo.plot("width", "alexnet")
        assert [row.cells["maps"] for row in drawn.table.rows] == [96, 256, 384, 384, 256]
        assert drawn.svg().startswith("<svg")


def test_the_conventions_quote_computed_numbers() -> None:
    """Kills a number in the prose of docs/conventions.md that the analyzer does not compute."""
    prose = " ".join((ROOT / "docs" / "conventions.md").read_text(encoding="utf-8").split())
    lenet = zoo.summary("lenet5")
    cells = {row.name: row.cells for row in lenet.rows}
    sums = {name: cells[name]["output"][1] * cells[name]["output"][2] * cells[name]["output"][3] for name in ("S2", "S4")}
    classes, units = cells["OUTPUT"]["output"][1], cells["F6"]["output"][1]
    assert f"LeNet-5 has {lenet.total['macs']:,} MACs" in prose
    assert f"({sums['S2']:,} in S2 and {sums['S4']:,} in S4, together {sum(sums.values()):,})" in prose
    assert f"square {classes * units:,} differences" in prose
    assert f"LeNet-5 has {zoo.summary('lenet5', columns=['connections']).total['connections']:,}." in prose
    fc6 = next(row for row in zoo.summary("alexnet").rows if row.name == "fc6").cells["rf"]
    assert f"AlexNet's fc6 has {fc6['size'][0]}@{fc6['stride'][0]}i-{fc6['padding'][0]}" in prose
    depths = [zoo.summary(name).total["depth"] for name in ("alexnet", "vgg16", "googlenet", "resnet50", "resnet152")]
    assert "the {}, {}, {}, {} and {} of the networks' names".format(*depths) in prose
