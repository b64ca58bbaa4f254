"""Budgets: limits that a model keeps or exceeds, on the command line and in a test."""

from pathlib import Path

import pytest
import torch
from torch import nn

import zoo
from zoo.util.quantities import quantity
from zoo_cli.main import run


@pytest.mark.parametrize(
    ("text", "number"),
    [("5G", 5 * 10**9), ("25M", 25 * 10**6), ("2GiB", 2 * 2**30), ("1.5 kB", 1500), ("0.1Ki", 103), ("1e3", 1000), (224, 224)],
)
def test_quantities(text: object, number: int) -> None:
    """Kills a prefix of another power, and a fraction that is cut off."""
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "5X", "-1", "G", "2iB", "nan", True, None, "1e999999999G"])
def test_no_quantities(text: object) -> None:
    """Kills a limit that is silently no limit, and one that takes minutes to compute."""
    with pytest.raises(zoo.ZooError, match=r"max_macs: expected a number such as 5G"):
        quantity(text, "max_macs")


def test_the_limit_itself_is_kept() -> None:
    """Kills a comparison that is off by one."""
    macs = zoo.summary("lenet5").total["macs"]
    assert zoo.check_budget("lenet5", max_macs=macs).rows[0].cells == {"found": macs, "limit": macs}
    with pytest.raises(zoo.OverBudgetError, match=r"^lenet5 is over budget: MACs 325,680 > 325,679 \(1 more, \+0.0%\)$"):
        zoo.check_budget("lenet5", max_macs=macs - 1)


def test_memory() -> None:
    """Kills memory without buffers, activations or gradients: a network whose bytes are counted by hand."""
    net = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8))
    bytes_of_weights = 4 * (24 + 8 + 8)
    bytes_of_buffers = 4 * (8 + 8) + 8
    maps = 4 * 8 * 16 * 16
    image = 4 * 3 * 16 * 16
    held = bytes_of_weights + bytes_of_buffers + 2 * maps + image  # while the norm reads the convolution's output
    assert zoo.check_budget(net, max_memory="1G", input=(1, 3, 16, 16)).rows[0].cells["found"] == held
    net.requires_grad_(False)
    frozen = zoo.check_budget(net, max_memory="1G", input=(2, 3, 16, 16), train=True).rows[0].cells["found"]
    net.requires_grad_(True)
    learning = zoo.check_budget(net, max_memory="1G", input=(2, 3, 16, 16), train=True).rows[0].cells["found"]
    assert learning - frozen >= bytes_of_weights


def test_fields() -> None:
    """Kills a limit that every head with a global average keeps: VGG-16's last maps see 212 pixels."""
    with pytest.raises(zoo.OverBudgetError, match=r"receptive field 212 < 224 \(12 less, -5.4%\)"):
        zoo.check_budget("vgg16", min_rf=224)
    zoo.check_budget("vgg16", min_rf=212)


class Strange(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.qr(x)[0]


def test_what_is_not_known_is_not_kept() -> None:
    """Kills a lower bound that passes."""
    with pytest.raises(zoo.OverBudgetError, match=r"FLOPs ≥ 0, which cannot be compared"):
        zoo.check_budget(Strange(), max_flops="1T", input=(1, 3, 8, 8))


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Kills an exit code that lies, a second line, and a table that is lost."""
    assert run(["summary", "lenet5", "--max-params", "60K", "--max-macs", "1M", "--min-rf", "16"]) == 0
    assert capsys.readouterr().err == ""
    file = tmp_path / "table.json"
    assert run(["summary", "lenet5", "--max-params", "50k", "--max-macs", "0.3M", "-o", str(file)]) == 1
    assert capsys.readouterr().err == (
        "zoo: over budget: parameters 60,000 > 50,000 (10,000 more, +20.0%); MACs 325,680 > 300,000 (25,680 more, +8.6%)\n"
    )
    assert "over budget: parameters" in file.read_text(encoding="utf-8")
    assert run(["summary", "lenet5", "--max-macs", "many"]) == 2
    assert run(["summary", "lenet5", "--max-macs", "1M", "--style", "lecture"]) == 2


def test_nothing_to_check() -> None:
    """Kills a check of nothing that passes."""
    with pytest.raises(zoo.ZooError, match=r"expected at least one of max_params"):
        zoo.check_budget("lenet5")
