"""Receptive fields where channels see different windows and are put into another order, proved by NaNs in the input."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.analysis.experiment import experiment


class Branches(nn.Module):
    """A 1×1 and a 5×5 convolution beside each other, `op` on their channels, and half of what comes out of it."""

    def __init__(self, op: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.small, self.large, self.op, self.head = nn.Conv2d(1, 4, 1), nn.Conv2d(1, 4, 5, padding=2), op, nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.op(torch.cat([self.small(x), self.large(x)], 1)))


OPS: dict[str, Callable[[Tensor], Tensor]] = {
    "shuffle": lambda y: nn.functional.channel_shuffle(y, 2)[:, :2],
    "shuffle in four": lambda y: nn.functional.channel_shuffle(y, 4)[:, :1],
    "shuffled by hand": lambda y: y.reshape(y.shape[0], 2, 4, *y.shape[2:]).transpose(1, 2).reshape(y.shape)[:, :2],
    "first half": lambda y: y[:, :2],
    "list of both": lambda y: y[:, [3, 4]],
    "list of one": lambda y: y[:, [3, 0]],
    "list from the end": lambda y: y[:, [-8, -7]],
    "index_select": lambda y: y.index_select(1, torch.tensor([7, 0])),
    "index_select of one": lambda y: y.index_select(1, torch.tensor([1, 0])),
    "glu": lambda y: nn.functional.glu(y, 1)[:, :2],
    "glu of one": lambda y: nn.functional.glu(y[:, :4], 1),
    "roll": lambda y: y.roll(1, 1)[:, :2],
    "roll of all": lambda y: y.roll(4, 1)[:, :2],
    "flip": lambda y: y.flip(1)[:, :2],
    "unfold": lambda y: y.unfold(1, 4, 4)[:, 0].movedim(-1, 1),
    "rows": lambda y: y[:, :, [5, 1, 1]],
}


@pytest.mark.parametrize("name", OPS)
def test_channels_that_are_put_elsewhere(name: str) -> None:
    """Kills a field that stays with the number of a channel while the channel moves, and a refusal of an order that is known."""
    net = Branches(OPS[name]).eval()
    shape = (1, 1, 9, 9)
    findings = list(experiment(net, zoo.trace(net, input=shape), shape))
    assert {finding.path for finding in findings} >= {"small", "large"}
    assert len(findings) == 3
    assert [(finding.path, finding.verdict, finding.why) for finding in findings if finding.verdict != "equal"] == []


@pytest.mark.parametrize("name", ["shuffle", "list of one", "index_select of one", "glu of one", "flip", "roll of all"])
def test_size(name: str) -> None:
    """Kills the field of another branch: what one unit reaches back to, by the gradient."""
    net = Branches(OPS[name]).eval()
    x = torch.zeros(1, 1, 9, 9, requires_grad=True)
    nn.init.ones_(net.small.weight)
    nn.init.ones_(net.large.weight)
    net(x)[0, :, 4, 4].sum().backward()
    assert x.grad is not None
    seen = int(x.grad[0, 0].any(0).sum())
    assert [axis.size for axis in zoo.receptive_field(net, "head", unit=(4, 4), input=(1, 1, 9, 9)).axes] == [seen, seen]
