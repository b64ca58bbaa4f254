"""The window of one unit: `zoo.receptive_field` and `zoo rf`, against a NaN in every pixel by itself."""

import contextlib
import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo import ZooError, receptive_field
from zoo.models.running import trace_target
from zoo.models.targets import resolve
from zoo_cli.main import run


class Net(nn.Module):
    def __init__(self, way: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.parts, self.way = nn.ModuleList(parts), way

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x, *self.parts)


def windowed(x: Tensor) -> Tensor:
    """Attention within rolled windows of 2×2, as Swin has it."""
    n, c, h, w = x.shape
    tokens = x.roll((-1, -1), (2, 3)).view(n, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, 4, c)
    tokens = (tokens @ tokens.transpose(1, 2)).softmax(-1) @ tokens
    back = tokens.view(n, h // 2, w // 2, 2, 2, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)
    return back.roll((1, 1), (2, 3))


def with_class_token(x: Tensor, patches: nn.Module) -> Tensor:
    """Tokens behind one that sees nothing, and a convolution along them."""
    tokens = patches(x).flatten(2)
    return torch.cat([tokens.new_ones(1, tokens.shape[1], 1), tokens], 2)


CASES: dict[str, nn.Module] = {
    "dilated, strided, padded": nn.Conv2d(2, 2, (3, 2), stride=(2, 1), padding=(2, 0), dilation=(2, 3)),
    "same, dilated": nn.Conv2d(2, 2, (3, 2), padding="same", dilation=(2, 3)),
    "same, dilated, even": nn.Sequential(nn.Conv2d(2, 2, 2, stride=2), nn.Conv2d(2, 2, (2, 4), padding="same", dilation=(2, 1))),
    "transposed": nn.Sequential(nn.Conv2d(2, 2, 3), nn.ConvTranspose2d(2, 2, (2, 3), stride=(3, 2), padding=1)),
    "twice as large": nn.Sequential(nn.Conv2d(2, 2, 3, stride=2), nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3, padding=1)),
    "uneven averages": nn.Sequential(nn.Conv2d(2, 2, 2), nn.AdaptiveAvgPool2d((3, 5))),
    "pixels to channels": nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(8, 2, (1, 2))),
    "channels to pixels": nn.Sequential(nn.Conv2d(2, 4, 3), nn.PixelShuffle(2)),
    "round the border": nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
    "mirrored": nn.Conv2d(2, 2, 3, padding=2, padding_mode="reflect"),
    "misaligned": Net(lambda x: x[:, :, ::2] + x[:, :, :4]),
    "cropped, then padded": Net(lambda x: F.pad(x[:, :, 2:], (0, 0, 2, 0))),
    "focus": Net(lambda x: torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)),
    "stacked rows": Net(lambda x: torch.stack([x, x.flip(2)], 3).flatten(2, 3)),
    "channels last": Net(lambda x, f: f(x.permute(0, 2, 3, 1)[:, 1:]), nn.Linear(2, 3)),
    "rolled windows": Net(windowed),
    "tokens": Net(with_class_token, nn.Conv2d(2, 4, 2, stride=2)),
    "one row for all": Net(lambda x: x + x[:, :, 3:4]),
    "stacked columns": Net(lambda x: F.unfold(x, (2, 3), stride=2)),
    "stacked columns, padded": Net(lambda x: F.unfold(x, (2, 3), padding=(1, 2), dilation=(3, 2), stride=(2, 1))),
    "dilated pooling": nn.MaxPool2d((2, 3), stride=(1, 2), padding=1, dilation=(3, 2)),
    "padded pooling": nn.Sequential(nn.AvgPool2d(3, stride=2, padding=1), nn.AvgPool2d((1, 2))),
    "so far": Net(lambda x: x[:, :, 1:].cumsum(2)),
    "so far, along rows": Net(lambda x: x.cumsum(3)[..., ::2]),
    "expanded": Net(lambda x: x[:, :, 2:3].expand(-1, -1, 3, -1)),
    "repeated": Net(lambda x: x[..., 1:3].repeat_interleave(2, 3)),
    "cut into windows": Net(lambda x, f: f(x.unfold(2, 3, 2).sum(-1)), nn.Conv2d(2, 2, (1, 2))),
    "instances": nn.Sequential(nn.InstanceNorm2d(2), nn.MaxPool2d(2)),
    "softmax along rows": nn.Softmax(3),
    "means of rows": Net(lambda x: x.mean(3, keepdim=True) + x[..., 2:3]),
    "sums of maps": Net(lambda x, f: f(x.sum(1).unsqueeze(1)), nn.Conv2d(1, 2, (1, 2))),
    "sums of columns": Net(lambda x: x.sum(-2, keepdim=True) + x[:, :, 1:2]),
    "some rows": Net(lambda x: x[:, :, torch.tensor([5, 1, 1])]),
    "upside down": Net(lambda x: x.flip(2)[:, :, 1:]),
    "chosen": Net(lambda x: x.select(2, 3).unsqueeze(2)),
    "narrowed": Net(lambda x: x.narrow(3, 2, 5).movedim(3, 2)),
    "rounded up": nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(2, 1)),
    "strided, then rounded up": nn.Sequential(nn.Conv2d(2, 2, 2, stride=2), nn.MaxPool2d(2, 3, 1, ceil_mode=True)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("case", CASES)
def test_every_unit(case: str) -> None:
    """Kills a window one pixel off, gaps that are counted, borders and phases forgotten: every unit against every pixel."""
    net, (h, w) = CASES[case].eval(), (8, 10)
    images = torch.zeros(h, w, 1, 2, h, w)
    for y, x in product(range(h), range(w)):
        images[y, x, 0, :, y, x] = torch.nan
    with torch.inference_mode():
        seen = torch.stack([torch.stack([net(image)[0].isnan() for image in row]) for row in images])  # pixels × output
    trace = zoo.trace(net, input=(1, 2, h, w))
    middle = receptive_field(trace)
    channels = -1 if case == "channels last" else 0
    maps = seen.any(dim=2 + channels % (seen.dim() - 2))
    assert tuple(maps.shape[2:]) == middle.units
    for unit in product(*map(range, middle.units)):
        found = receptive_field(trace, unit=unit)
        reached = maps[(slice(None), slice(None), *unit)]
        for axis, other in zip(found.axes, (1, 0), strict=True):
            pixels = reached.any(dim=other).nonzero()[:, 0].tolist()
            assert (axis.seen, axis.first, axis.last) == (len(pixels), *((pixels[0], pixels[-1]) if pixels else (None, None)))


def test_places_by_two_lists() -> None:
    """Kills a window of units that were picked along two axes at once, or put into a table."""
    for way in (lambda x: x[:, :, torch.tensor([1, 5]), torch.tensor([2, 7])], lambda x: x[:, :, torch.tensor([[1, 5], [2, 2]])]):
        with pytest.raises(ZooError, match="index selects units at positions that depend on values"):
            receptive_field(zoo.trace(Net(way), input=(1, 2, 8, 10)))


def test_unclipped() -> None:
    """Kills an overhang on the wrong side: AlexNet's pool5 is 195 pixels wide, moves by 32, and begins 64 before the image."""
    trace = zoo.trace(resolve("alexnet", {}).module, input=(1, 3, 227, 227))
    for y, x in ((0, 5), (1, 4), (2, 3)):
        found = receptive_field(trace, "pool5", (y, x))
        for axis, i in zip(found.axes, (y, x), strict=True):
            low, high = 32 * i - 64, 32 * i - 64 + 194
            assert axis.unclipped == (low, high)
            assert axis.overhang == (max(0, -low), max(0, high - 226))
            assert (axis.first, axis.last, axis.size) == (max(low, 0), min(high, 226), min(high, 226) - max(low, 0) + 1)
    assert receptive_field("alexnet", "pool5").unit == (3, 3)


def test_three_axes_and_one() -> None:
    """Kills axes in the wrong order where there are more or fewer than two."""
    video = nn.Conv3d(1, 1, (1, 3, 5), padding=(0, 1, 2))
    found = receptive_field(video, unit=(1, 0, 6), input=(1, 1, 3, 6, 7))
    assert [(a.first, a.last, a.overhang) for a in found.axes] == [(1, 1, (0, 0)), (0, 1, (1, 0)), (4, 6, (0, 2))]
    assert receptive_field(nn.Conv1d(1, 1, 3, stride=2), unit=(2,), input=(1, 1, 9)).axes[0].unclipped == (4, 6)


@pytest.mark.parametrize(
    ("layer", "unit", "message"),
    [
        ("pol5", None, "unknown layer of alexnet 'pol5'; did you mean pool5"),
        ("pool5", (6, 0), "pool5 has no unit 6,0: it has 6×6 units, counted from 0"),
        ("pool5", (1,), "pool5 has no unit 1: it has 6×6 units"),
        ("pool5", (0, -1), "no unit 0,-1"),
        ("fc8", (1,), "fc8 has no unit 1: it has one unit; leave out --unit"),
    ],
)
def test_mistakes(layer: str, unit: Any, message: str) -> None:
    """Kills a traceback, and a unit that does not exist and has a window."""
    with pytest.raises(ZooError, match=message):
        receptive_field("alexnet", layer, unit)


def test_no_field() -> None:
    """Kills a window of what has none."""
    with pytest.raises(ZooError, match="has no receptive field: no rule for grid_sampler"):
        receptive_field("stn_mnist", "conv2")
    with pytest.raises(ZooError, match="does not depend on the network's input"):
        receptive_field(Net(lambda x: x.new_ones(3, 3)), input=(1, 1, 4, 4))


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a command that shows another unit than its function, or other rows than the table's."""
    assert run(["rf", "alexnet", "pool5", "--unit", "0,5", "--format", "json"]) == 0
    table = json.loads(capsys.readouterr().out)
    y, x = table["rows"]
    assert (table["context"]["unit"], y["first"], y["last"], y["before"], y["from"]) == ([0, 5], 0, 130, 64, -64)
    assert (x["first"], x["last"], x["after"], x["to"]) == (96, 226, 64, 290)
    assert run(["rf", "lenet5", "--format", "json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert (rows["S4"]["unit"], rows["S4"]["first"], rows["S4"]["size"]) == ([2, 2], [8, 8], [16, 16])


@pytest.mark.parametrize("arguments", [["alexnet", "pool5", "-u", "1;1"], ["alexnet", "-u", "1,1"], ["alexnet", "nothing_like_it"]])
def test_command_refuses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a mistake that is answered with anything but one line and exit code 2."""
    assert run(["rf", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "name",
    [
        "googlenet",
        pytest.param("alexnet", marks=pytest.mark.slow),
        pytest.param("vgg11_lrn", marks=pytest.mark.slow),
        pytest.param("torchvision:swin_t", marks=pytest.mark.slow),
        pytest.param("torchvision:shufflenet_v2_x1_0", marks=pytest.mark.slow),
    ],
)
def test_channels_are_not_told_apart(name: str) -> None:
    """Kills a unit that is asked for by its channel, because a normalisation or a shuffle of channels told them apart."""
    trace = trace_target(name)
    seen = 0
    for call in trace.calls:
        if call.path and len(call.outputs) == 1 and len(call.outputs[0].shape) == 4:
            with contextlib.suppress(zoo.ZooError):  # where no field is defined
                assert len(receptive_field(trace, call.path).units) == 2, call.path
                seen += 1
    assert seen > 5


@pytest.mark.parametrize("net", [nn.Conv2d(1, 1, 3, padding="same", dilation=2), nn.Conv2d(1, 1, 3, padding=2, dilation=2)])
def test_same_is_its_padding(net: nn.Module) -> None:
    """Kills a padding "same" that forgets the dilation: torch's own padding of a kernel of 3 with dilation 2 is 2."""
    assert zoo.summary(net, input=(1, 1, 9, 9), columns=["rf"]).total["rf"] == {"size": [5, 5], "stride": [1, 1], "padding": [2, 2]}
