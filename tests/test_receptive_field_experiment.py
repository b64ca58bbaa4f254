"""Receptive fields proved by experiment: a NaN in one pixel of the input reaches exactly the units that see the pixel.

Unit i of a field of some size, stride and padding sees the pixels from i·stride - padding on, as many as its size.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo

Field = Mapping[str, Any]


def predicted(field: Field, pixels: Tensor, units: Sequence[int]) -> Tensor:
    """Which units see which pixel: pixels × units along each axis."""
    seen = torch.ones(len(pixels), *units, dtype=torch.bool)
    for axis, count in enumerate(units):
        first = torch.arange(count) * field["stride"][axis] - field["padding"][axis]
        pixel = pixels[:, axis, None]
        inside = (first <= pixel) & (pixel < first + field["size"][axis])
        seen &= inside.view(len(pixels), *(count if a == axis else 1 for a in range(len(units))))
    return seen


def poisoned(channels: int, sides: Sequence[int], pixels: Tensor) -> Tensor:
    """A black image for each pixel, but for the NaN in it."""
    images = torch.zeros(len(pixels), channels, *sides)
    for image, pixel in zip(images, pixels.tolist(), strict=True):
        image[(slice(None), *pixel)] = torch.nan
    return images


def reached(maps: Tensor) -> Tensor:
    """Where a NaN has come to, in any channel."""
    return maps.isnan().any(dim=1)


# The catalogue --------------------------------------------------------------------------------------------------------


IMAGES = [name for name in zoo.list_models() if len(zoo.card(name).input) == 3]
FAMILIES = ("lenet", "alexnet", "vgg", "googlenet", "resnet")


class Enough(Exception):  # noqa: N818
    """Every map that was wanted has been seen; the rest of the network need not run."""


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return zoo.create_model(name).eval()


def fields_of(name: str) -> dict[str, Field]:
    """The fields of all modules at every depth, down to where the network looks at the whole image."""
    net = on_meta(name)
    trace = zoo.trace(net, input=(1, *zoo.card(name).input))
    tables = [zoo.measure(trace, columns=("output", "rf"), depth=depth) for depth in (1, 2, 3, None)]
    cells = {row.name: row.cells for table in tables for row in table.rows}
    return {
        path: cells[path]["rf"]
        for path, module in net.named_modules()
        if path in cells and len(cells[path]["output"]) == 4 and cells[path]["rf"].keys() == {"size", "stride", "padding"}
        if not isinstance(module, nn.AdaptiveAvgPool2d)  # whose window depends on the size of the image
    }


def seen_by(net: nn.Module, paths: Sequence[str], images: Tensor) -> dict[str, Tensor]:
    """Where the NaNs have come to in what leaves each of the modules."""
    found: dict[str, Tensor] = {}

    def look(path: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            found[path] = reached(output)
            if len(found) == len(paths):
                raise Enough

        return hook

    for path in paths:
        net.get_submodule(path).register_forward_hook(look(path))
    with suppress(Enough), torch.inference_mode():
        net(images)
    return found


def probes(height: int, width: int) -> Tensor:
    """Two corners, two borders, the centre, and a pixel in no special place."""
    corners = [(0, 0), (height - 1, width - 1)]
    return torch.tensor([*corners, (0, width // 2), (height // 2, 0), (height // 2, width // 2), (height // 3, width * 3 // 5)])


def check(net: nn.Module, fields: Mapping[str, Field], channels: int, sides: tuple[int, int]) -> None:
    """What is seen is what is predicted, of all pixels but those that some map does not read, where its size is rounded down."""
    pixels = probes(*sides)
    found = seen_by(net, list(fields), poisoned(channels, sides, pixels))
    assert found.keys() == fields.keys()
    dropped = torch.zeros(len(pixels), dtype=torch.bool)
    for path, seen in found.items():
        expected = predicted(fields[path], pixels, seen.shape[1:])
        expected[dropped] = False
        assert torch.equal(seen, expected), path
        dropped |= ~seen.flatten(1).any(dim=1)
    assert dropped.sum() <= 1


@pytest.mark.parametrize("name", [name for name in IMAGES if zoo.card(name).macs < 1.6e9 and zoo.card(name).depth <= 200])
def test_every_module(name: str) -> None:
    """Kills a window one pixel off, at any module of a network that computes as it is used: corners and borders too."""
    net = on_meta(name).to_empty(device="cpu")
    for key, tensor in net.state_dict().items():
        tensor.fill_(float(key.endswith("running_var")))
    card = zoo.card(name)
    check(net, fields_of(name), card.input[0], (68, 99) if card.family == "lenet" else card.input[1:])


def thin(self: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The same window with one map in and out, which sees the same pixels as a window over all maps."""
    assert self.padding_mode == "zeros"
    window = torch.ones(1, 1, *self.kernel_size)
    return F.conv2d(x.sum(dim=1, keepdim=True), window, None, self.stride, self.padding, self.dilation)


@pytest.mark.parametrize("name", [name for family in FAMILIES[1:] for name in zoo.list_models(family=family)])
def test_in_images_larger_than_any_window(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills sizes, strides and paddings that only look right since the images are smaller than the windows.

    The sides differ from the usual one by a multiple of all strides, so that no other rows are rounded off than there.
    """
    fields, usual = fields_of(name), zoo.card(name).input[1]
    monkeypatch.setattr(nn.Conv2d, "_conv_forward", thin)
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda self, x: x)
    largest = max(field["size"][0] for field in fields.values())
    long, short = largest + 64 + (usual - largest) % 32, 96 + usual % 32
    for sides in ((long, short), (short, long)):
        check(on_meta(name), fields, 1, sides)


@pytest.mark.parametrize(
    ("name", "path", "field"), [("alexnet", "pool5", (195, 32, 64)), ("vgg16", "features.pool5", (212, 32, 90))]
)
def test_published_field(name: str, path: str, field: tuple[int, int, int]) -> None:
    """Kills an experiment that proves another quantity than the one that is published."""
    assert tuple(fields_of(name)[path][key] for key in ("size", "stride", "padding")) == tuple([n, n] for n in field)


@pytest.mark.parametrize("name", [name for family in FAMILIES for name in zoo.list_models(family=family)])
def test_stages_are_checked(name: str) -> None:
    """Kills an experiment that leaves out what it should prove: all poolings, blocks and stages are in it."""
    net, checked = on_meta(name), fields_of(name)
    layers = {path for path, module in net.named_modules() if isinstance(module, nn.Conv2d | nn.MaxPool2d)}
    stages = {path for path, _ in net.named_children() if path.startswith(("S", "features", "inception", "conv"))}
    assert layers | stages <= checked.keys()


@pytest.mark.parametrize(("key", "off"), list(product(("size", "stride", "padding"), (-1, 1))))
def test_experiment_can_fail(key: str, off: int) -> None:
    """Kills an experiment that nothing contradicts."""
    fields = fields_of("lenet5")
    wrong = {**fields["S4"], key: [n + off for n in fields["S4"][key]]}
    net = zoo.create_model("lenet5").eval()
    check(net, {"S4": fields["S4"]}, 1, (68, 99))
    with pytest.raises(AssertionError, match="S4"):
        check(net, {"S4": wrong}, 1, (68, 99))


# Networks made by hand ------------------------------------------------------------------------------------------------


class Net(nn.Module):
    """`forward`, with what `parts` it needs."""

    def __init__(self, forward: Callable[..., Tensor], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.way = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self, x)


def conv(axes: int, kernel: int | tuple[int, ...], **how: Any) -> nn.Module:
    """Two maps to two."""
    return (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1](2, 2, kernel, **how)


DENSE: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "asymmetric kernel, stride and padding": (conv(2, (3, 5), stride=(2, 1), padding=(0, 2)), (9, 8)),
    "stacked": (nn.Sequential(conv(2, (1, 3), padding=1), conv(2, (5, 2), stride=(1, 2))), (9, 10)),
    "padding same, even kernel": (nn.Sequential(conv(2, 4, padding="same"), conv(2, (1, 3))), (8, 7)),
    "one axis": (nn.Sequential(conv(1, 5, stride=2, padding=3), nn.MaxPool1d(2), conv(1, 2)), (23,)),
    "three axes": (nn.Sequential(conv(3, (1, 2, 3), stride=(1, 1, 2), padding=(0, 1, 1)), nn.AvgPool3d(2)), (4, 5, 7)),
    "grouped, then mixed": (nn.Sequential(conv(2, 3, groups=2), conv(2, (2, 1))), (7, 6)),
    "ceil mode": (nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(2, ceil_mode=True)), (10, 8)),
    "padded pooling": (nn.Sequential(nn.AvgPool2d((3, 2), (2, 1), (1, 0)), nn.MaxPool2d((1, 3), 2, (0, 1))), (9, 9)),
    "residual": (Net(lambda net, x: x + net.b(net.a(x)), a=conv(2, 3, padding=1), b=conv(2, (1, 5), padding=(0, 2))), (6, 9)),
    "branches side by side": (
        Net(
            lambda net, x: torch.cat([net.a(x), net.b(x), x], dim=1),
            a=conv(2, (1, 5), padding=(0, 2)),
            b=nn.MaxPool2d((1, 3), 1, (0, 1)),
        ),
        (7, 6),
    ),
    "branches not centred": (Net(lambda net, x: net.a(x) + x[:, :, 2:, :-1], a=conv(2, (3, 2))), (8, 6)),
    "pad and crop": (Net(lambda net, x: net.a(F.pad(x, (2, 0, 1, -2))), a=conv(2, 3)), (8, 7)),
    "slices": (Net(lambda net, x: net.b(net.a(x)[:, :, 1::2, 2:]), a=conv(2, 3), b=conv(2, 2)), (10, 8)),
    "turned and turned back": (
        Net(lambda net, x: net.a(x.transpose(2, 3)).permute(0, 1, 3, 2), a=conv(2, (4, 1), padding=(1, 0))),
        (7, 8),
    ),
    "even adaptive pooling": (nn.Sequential(conv(2, 3), nn.AdaptiveAvgPool2d((3, 2))), (8, 8)),
    "normalised over maps": (nn.Sequential(conv(2, 3), nn.LocalResponseNorm(3), nn.Softmax(dim=1)), (6, 5)),
    "in place": (Net(lambda net, x: net.a(x).add_(net.b(x)).relu_(), a=conv(2, 3, padding=1), b=conv(2, 1)), (6, 5)),
}
WHOLE: dict[str, nn.Module] = {
    "global pooling": nn.Sequential(conv(2, 3), nn.AdaptiveAvgPool2d(1)),
    "a mean": Net(lambda net, x: net.a(x).mean((2, 3), keepdim=True), a=conv(2, 3)),
    "squeeze and excitation": Net(lambda net, x: x * net.a(x.mean((2, 3), keepdim=True)), a=conv(2, 1)),
    "group normalisation": nn.Sequential(nn.GroupNorm(1, 2), conv(2, 3)),
    "instance normalisation": nn.InstanceNorm2d(2),
    "layer normalisation": nn.LayerNorm((2, 6, 5)),
    "fully connected": Net(lambda net, x: net.a(x.flatten(1)), a=nn.Linear(60, 3)),
    "attention": Net(lambda net, x: F.scaled_dot_product_attention(*[x.flatten(2).transpose(1, 2)] * 3)),
}
GAPS: dict[str, nn.Module] = {
    "dilation": nn.Sequential(conv(2, 3, dilation=(2, 3)), conv(2, (2, 1))),
    "stride beyond the kernel": nn.Sequential(conv(2, 1, stride=2), conv(2, (3, 2))),
    "branches that cross": Net(lambda net, x: net.a(x)[..., 2:-2] * net.b(x)[:, :, 1:-1], a=conv(2, (3, 1)), b=conv(2, (1, 5))),
    "shifted branches": Net(lambda net, x: x[:, :, 4:, 3:] + x[:, :, :-4, :-3]),
}
UNDEFINED: dict[str, tuple[nn.Module, str]] = {
    "strides": (Net(lambda net, x: x[:, :, ::2, ::2] + x[:, :, :3, :3]), "strides 1 and 2"),
    "round the border": (conv(2, 3, padding=1, padding_mode="circular"), "from the other border"),
    "rolled": (Net(lambda net, x: torch.roll(x, (1, -1), (2, 3))), "from the other border"),
    "turned": (Net(lambda net, x: x + x.transpose(2, 3)), "orders of axes"),
}


def everything(net: nn.Module, sides: Sequence[int]) -> tuple[Field, Tensor, Tensor]:
    """What is predicted of the output, every pixel, and what the output shows of a NaN in each."""
    pixels = torch.tensor(list(product(*map(range, sides))))
    with torch.inference_mode():
        seen = reached(net.eval()(poisoned(2, sides, pixels)))
    return zoo.summary(net, input=(1, 2, *sides), columns=("rf",)).total["rf"], pixels, seen


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("case", DENSE)
def test_dense(case: str) -> None:
    """Kills one axis taken for the other, branches that are not joined, padding on the wrong side, a size one off."""
    field, pixels, seen = everything(*DENSE[case])
    assert torch.equal(seen, predicted(field, pixels, seen.shape[1:]))


@pytest.mark.parametrize("case", WHOLE)
def test_whole(case: str) -> None:
    """Kills a window where there is none: every unit sees every pixel."""
    field, _, seen = everything(WHOLE[case], (6, 5))
    assert field["global"] is True
    assert seen.all()


@pytest.mark.parametrize("case", GAPS)
def test_gaps(case: str) -> None:
    """Kills counting the pixels that are seen instead of the window that holds them."""
    field, pixels, seen = everything(GAPS[case], (11, 12))
    inside = predicted(field, pixels, seen.shape[1:])
    assert not (seen & ~inside).any()
    assert not torch.equal(seen, inside)
    for unit in product(*map(range, seen.shape[1:])):
        found = pixels[seen[(slice(None), *unit)]]
        assert (found.max(dim=0).values - found.min(dim=0).values + 1).tolist() == field["size"]


@pytest.mark.parametrize("case", UNDEFINED)
def test_undefined(case: str) -> None:
    """Kills a number where no one window describes all units, and one that is missing without a reason."""
    net, reason = UNDEFINED[case]
    assert reason in zoo.summary(net, input=(1, 2, 5, 5), columns=("rf",)).total["rf"]["undefined"]


@pytest.mark.parametrize("net", [nn.Softmax(dim=3), Net(lambda net, x: x + x.mean(3, keepdim=True))], ids=["softmax", "mean"])
def test_whole_along_one_axis(net: nn.Module) -> None:
    """Kills a window that walks along an axis of which every unit sees all."""
    field, pixels, seen = everything(net, (6, 5))
    assert not (seen & ~predicted(field, pixels, seen.shape[1:])).any()
