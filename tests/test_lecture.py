"""Tables as lectures print them, against the lectures' own rows."""

import pytest

import zoo
from zoo.questions.lecture import lecture
from zoo_cli.main import run


def printed(table: zoo.Table) -> list[tuple[object, ...]]:
    return [(row.name, *(row.cells[key] for key in ("maps", "size", "kernel", "stride", "padding"))) for row in table.rows]


def test_lenet5() -> None:
    """LeNet-5's layers as every lecture has them: C1 6@28x28 5x5, S2 6@14x14 2x2/2, C3 16@10x10, S4, C5 120@1x1, F6 84."""
    table = lecture("lenet5")
    assert printed(table)[1:] == [
        ("F6", None, 84, None, None, None),
        ("C5", 120, [1, 1], [5, 5], [1, 1], "VALID"),
        ("S4", 16, [5, 5], [2, 2], [2, 2], "VALID"),
        ("C3", 16, [10, 10], [5, 5], [1, 1], "VALID"),
        ("S2", 6, [14, 14], [2, 2], [2, 2], "VALID"),
        ("C1", 6, [28, 28], [5, 5], [1, 1], "VALID"),
        ("input", 1, [32, 32], None, None, None),
    ]
    assert {row.cells["activation"] for row in table.rows[1:-1]} == {"tanh"}


def test_alexnet() -> None:
    """Géron's table of AlexNet, from the input; his SAME on the first layer is 56x56, and his 224 is 227."""
    rows = {row[0]: row[1:] for row in printed(lecture("alexnet", input_first=True))}
    assert rows["conv1"] == (96, [55, 55], [11, 11], [4, 4], "VALID")
    assert rows["pool1"] == (96, [27, 27], [3, 3], [2, 2], "VALID")
    assert rows["conv2"] == (256, [27, 27], [5, 5], [1, 1], "SAME")
    assert rows["conv3"] == rows["conv4"] == (384, [13, 13], [3, 3], [1, 1], "SAME")
    assert next(iter(rows)) == "input"
    assert zoo.layer((3, 224, 224), "conv 96 11x11/4 same").table.rows[0].cells["output"] == [1, 96, 56, 56]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--depth 1", "--depth: --style lecture supports only --columns, --filter, --sort and --top"),
        ("--expand", "--fold: "),
        ("--strict", "--strict: "),
        ("--convention thop", "--convention: "),
        ("--top 2", "--top: --style lecture requires --sort"),
        ("--columns nothing", "unknown column"),
        ("--filter X*", "no row matches"),
    ],
)
def test_options_are_not_ignored(options: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an option that is taken and has no effect."""
    assert run(["summary", "lenet5", "--style", "lecture", *options.split()]) == 2
    assert words in capsys.readouterr().err


def test_options_have_their_effect(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("summary lenet5 --style lecture --columns maps,macs --sort macs --top 1 --format csv".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name,type,maps,macs"
    assert lines[1].startswith("C3,Convolution,16,150000")
