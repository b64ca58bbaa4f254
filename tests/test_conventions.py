"""Named conventions: every figure against the tool it is named after, in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

import zoo
from zoo.analysis import conventions
from zoo.tables.notes import NotCounted
from zoo_cli.main import run

ROOT = Path(zoo.__file__).parent.parent
NETS = f"{ROOT / 'tests' / 'convention_nets.py'}"
TOOLS = [name for name in conventions.names() if name != "pure"]
SAMPLE = [
    *(
        "lenet5",
        "resnet20",
        "torchvision:googlenet@3x64x64",
        "torchvision:swin_t@3x32x32",
        "torchvision:mobilenet_v3_small@3x64x64",
    ),
    *(f"{NETS}:{net}@4x8x8" for net in ("Spelled", "Resized", "Lines")),
    f"{NETS}:Sequences@6x8",
]


def test_tools_agree() -> None:
    """Kills a rule that is a tool's only on plain networks: spellings, odd layers and recurrent ones are among these."""
    command = [sys.executable, str(ROOT / "benchmarks" / "conventions.py"), "--json", *SAMPLE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(SAMPLE), done.stderr
    figures = {(one["target"], tool): (one[tool]["ours"], one[tool]["theirs"]) for one in found for tool in TOOLS}
    assert {where: pair for where, pair in figures.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("tool", [name for name in TOOLS if name != "torch"])
def test_no_tool_is_another(tool: str) -> None:
    """Kills a convention that is a second name of the default, and a total that its rows do not add up to."""
    table = zoo.summary("googlenet_bn", input=(1, 3, 64, 64), columns=["macs", "flops"], convention=tool)
    assert table.total["macs"] != zoo.summary("googlenet_bn", input=(1, 3, 64, 64), columns=["macs"]).total["macs"]
    assert table.total["flops"] == 2 * table.total["macs"]
    assert sum(row.cells["macs"] for row in table.rows) == table.total["macs"]
    assert table.context["convention"] == tool
    shares = zoo.summary("lenet5", columns=["macs", "macs%"], convention=tool)
    cells = [(row.cells["macs%"], row.cells["macs"] / shares.total["macs"]) for row in shares.rows]
    assert [share for share, _ in cells] == pytest.approx([quotient for _, quotient in cells], rel=1e-3)


def test_by_hand() -> None:
    """Kills every tool's rule for one small network, worked out on paper: Conv2d(2, 4, 3) with bias, BatchNorm2d, ReLU on 5×5."""
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    products, out = 9 * 4 * 2 * 9, 4 * 9
    expected = {
        "pure": products,
        "torch": products,
        "torchinfo": products + out + 8,
        "fvcore": products + 2 * out,
        "thop": products + 4 * out,
        "ptflops": products + out + 2 * out + 2 * out,
    }
    found = {name: zoo.summary(net, input=(1, 2, 5, 5), columns=["macs"], convention=name).total["macs"] for name in expected}
    assert found == expected
    assert found.keys() == set(conventions.names())


def test_what_a_tool_does_not_see_is_said() -> None:
    """Kills a figure that leaves out attention without a word."""
    net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    cores, projections = 2 * 2 * 5 * 5 * 4, 4 * 5 * 8 * 8

    def note(name: str) -> str:
        table = zoo.summary(net, input=(1, 5, 8), columns=["macs"], convention=name)
        return "; ".join(note.missed for note in table.notes if isinstance(note, NotCounted) and note.convention == name)

    assert note("fvcore") == f"scaled_dot_product_attention (1×), {cores} MACs"
    assert note("thop") == f"linear (2×), scaled_dot_product_attention (1×), {cores + projections:,} MACs"
    assert note("ptflops") == note("torch") == ""


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a table that does not name its convention, and an unknown name that passes."""
    assert run(["summary", "lenet5", "--convention", "torchinfo"]) == 0
    out = capsys.readouterr().out
    assert "332,210" in out
    assert "convention torchinfo: " in out
    assert run(["summary", "lenet5", "--convention", "torchinfo", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["context"]["convention"] == "torchinfo"
    assert run(["summary", "lenet5", "--convention", "fvcor"]) == 2
    assert "did you mean fvcore" in capsys.readouterr().err
