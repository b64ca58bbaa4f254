"""Receptive fields of what is no image: sequences, raw audio, several inputs, several outputs, windowed attention."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo


class Net(nn.Module):
    """A forward that is written as a function of the network and its inputs."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self, *inputs)


def rf(net: nn.Module, *shapes: Any) -> Any:
    return zoo.summary(net, input=list(shapes), columns=["rf"]).total["rf"]


def encoder() -> nn.Module:
    """The convolutions of wav2vec 2.0: one output for 400 samples, every 320 (arXiv 2006.11477, section 4.2: 25 ms, 20 ms)."""
    pairs = zip((1, 8, 8, 8, 8, 8, 8), (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2), strict=True)
    return nn.Sequential(*[nn.Conv1d(wide, 8, kernel, stride) for wide, kernel, stride in pairs])


IDS = zoo.Input((1, 20), "int64", "ids")
WHOLE = {"size": [10], "stride": [1], "padding": [0], "global": True}
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...], dict[str, Any]]] = {
    "raw audio": (
        lambda: Net(lambda n, x: n.conv(x[:, None]).transpose(1, 2), conv=encoder()),
        ((1, 16000),),
        {"size": [400], "stride": [320], "padding": [0]},
    ),
    "words": (
        lambda: Net(lambda n, x: n.conv(n.words(x).transpose(1, 2)), words=nn.Embedding(9, 8), conv=nn.Conv1d(8, 8, 5, padding=2)),
        ((1, 20),),
        {"size": [5], "stride": [1], "padding": [2]},
    ),
    "tokens": (lambda: nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), ((1, 10, 32),), WHOLE),
    "tokens first": (lambda: nn.TransformerEncoderLayer(32, 4, 64), ((10, 1, 32),), WHOLE),
    "features last": (
        lambda: Net(lambda n, x: n.conv(x.transpose(1, 2)), conv=nn.Conv1d(32, 8, 3)),
        ((1, 10, 32),),
        {"size": [3], "stride": [1], "padding": [0]},
    ),
    "image and timestep": (
        lambda: Net(
            lambda n, x, t: n.last(n.first(x) + n.time(t[:, None] * torch.arange(4))[:, :, None, None]),
            first=nn.Conv2d(3, 4, 3, padding=1),
            time=nn.Linear(4, 4),
            last=nn.Conv2d(4, 4, 3, padding=1),
        ),
        ((1, 3, 16, 16), (1,)),
        {"size": [5, 5], "stride": [1, 1], "padding": [2, 2]},
    ),
    "image and prompt": (
        lambda: Net(
            lambda n, x, words: F.scaled_dot_product_attention(
                n.first(x).flatten(2).transpose(1, 2)[:, None], n.key(words)[:, None], n.value(words)[:, None]
            ),
            first=nn.Conv2d(3, 8, 3, padding=1),
            key=nn.Linear(16, 8),
            value=nn.Linear(16, 8),
        ),
        ((1, 3, 6, 6), (1, 7, 16)),
        {"size": [3, 3], "stride": [1, 1], "padding": [1, 1]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_axes(case: str) -> None:
    """Kills axes by their place in the shape: pixels over an embedding, and none of samples or words."""
    build, shapes, expected = CASES[case]
    if case == "words":
        shapes = (IDS._replace(name=None),)
    assert rf(build().eval(), *shapes) == expected


@pytest.mark.parametrize("case", ["raw audio", "features last", "tokens"])
def test_axes_by_gradient(case: str) -> None:
    """Kills a window of the right size somewhere else: what the first output reaches back to, by the gradient."""
    build, (shape,), expected = CASES[case]
    torch.manual_seed(0)
    net, x = build().eval(), torch.rand(shape, requires_grad=True)
    out = net(x)
    (out[0, :, 0] if case == "features last" else out[0, 0]).sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs() if len(shape) == 2 else x.grad[0].abs().sum(1)
    assert int((seen > 0).sum()) == expected["size"][0]


def test_axes_in_the_experiment() -> None:
    """Kills NaNs that are put into features instead of tokens."""
    net = Net(lambda n, x: n.last(n.conv(x.transpose(1, 2))), conv=nn.Conv1d(6, 8, 3), last=nn.Conv1d(8, 8, 3, 2)).eval()
    found = zoo.verify(net, input=(1, 12, 6), rf=True)
    verdicts = [row.cells["verdict"] for row in found.rows if row.name.startswith("rf")]
    assert verdicts
    assert set(verdicts) == {"equal"}


def test_total_of_several_outputs() -> None:
    """Kills the field of the first output as that of the network."""
    net = Net(lambda n, x: (n.a(x), n.b(x), n.c(x)), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(3, 4, 5), c=nn.Conv2d(3, 4, 7))
    total = rf(net, (1, 3, 9, 9))
    assert [field["size"] for field in (total, *total["others"])] == [[3, 3], [5, 5], [7, 7]]
    assert "3@i, 2 others" in zoo.summary(net, input=(1, 3, 9, 9)).render()
    assert total["others"][1]["size"] == [7, 7]
    alike = Net(lambda n, x: (n.a(x), n.a(x)), a=nn.Conv2d(3, 4, 3))
    assert "others" not in rf(alike, (1, 3, 9, 9))


@pytest.mark.parametrize(
    ("net", "apart"),
    [
        (Net(lambda n, x: n.a(x) + x[:, :1, 1:-1, 1:-1], a=nn.Conv2d(3, 1, 3)), None),
        (Net(lambda n, x: n.a(x) + x[:, :1, :-2, :-2], a=nn.Conv2d(3, 1, 3)), [1, 1]),
        (Net(lambda n, x: n.a(x) + n.b(x), a=nn.Conv2d(3, 3, 3, 2, 1), b=nn.AvgPool2d(2)), ["1/2", "1/2"]),  # ResNet-D
        (Net(lambda n, x: n.a(x) + F.interpolate(n.b(x), scale_factor=2), a=nn.Conv2d(3, 3, 3, 1, 1), b=nn.AvgPool2d(2)), None),
        (Net(lambda n, x: n.c(n.a(x) + n.b(x)), a=nn.Conv2d(3, 3, 3, 2, 1), b=nn.AvgPool2d(2), c=nn.Conv2d(3, 3, 1)), None),
    ],
    ids=["aligned", "cropped", "pooled", "enlarged", "further on"],
)
def test_misaligned_branches(net: nn.Module, apart: list[Any] | None) -> None:
    """Kills a join of branches that look elsewhere without a word, and a warning of those that do not."""
    table = zoo.summary(net, input=(1, 3, 12, 12), columns=["rf"])
    assert table.total["rf"].get("misaligned") == apart
    assert ("centres differ" in table.render()) == any("misaligned" in row.cells["rf"] for row in table.rows)


class Windows(nn.Module):
    """Attention inside of windows of 2 × 2 tokens, fused or written out, then one that reads all."""

    def __init__(self, *, fused: bool) -> None:
        super().__init__()
        self.patches, self.qkv, self.fused = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 24), fused

    def attend(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        if self.fused:
            return F.scaled_dot_product_attention(q, k, v)
        return (q @ k.transpose(-2, -1)).softmax(-1) @ v

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).permute(0, 2, 3, 1).reshape(1, 4, 2, 4, 2, 8).transpose(2, 3).reshape(16, 4, 8)
        x = self.attend(x).reshape(1, 4, 4, 2, 2, 8).transpose(2, 3).reshape(1, 64, 8)
        return self.attend(x)


@pytest.mark.parametrize("fused", [True, False])
def test_stride_after_windowed_attention(fused: bool) -> None:
    """Kills the stride of the keys, and 0 where attention is written out: that of the queries, which are 4 pixels apart."""
    table = zoo.summary(Windows(fused=fused), input=(1, 3, 32, 32), columns=["rf"])
    assert table.total["rf"] == {"size": [32, 32], "stride": [4, 4], "padding": [0, 0], "global": True}


def test_stride_of_shifted_windows() -> None:
    """Kills a stride of 0, or one that compounds, after windows that are rolled and have no law for all units."""
    pytest.importorskip("timm")
    last = zoo.summary("timm:swin_tiny_patch4_window7_224", columns=["rf"]).total["rf"]
    assert last == {"size": [224, 224], "stride": [32, 32], "padding": [0, 0], "global": True}


def test_normalisation_across_channels_slides_along_none() -> None:
    """Kills a third axis of an image that is normalised first: torch pools along the channels for it."""
    net = nn.Sequential(nn.LocalResponseNorm(3), nn.Conv2d(4, 2, 3))
    assert rf(net, (1, 4, 9, 9)) == {"size": [3, 3], "stride": [1, 1], "padding": [0, 0]}


def causal(net: Any, x: Tensor) -> Tensor:
    parts = net.three(net.conv(x).transpose(1, 2))[:, None].chunk(3, -1)
    return F.scaled_dot_product_attention(*parts, is_causal=True)[:, 0]


def masked(net: Any, x: Tensor) -> Tensor:
    parts = net.three(net.conv(x).transpose(1, 2))[:, None].chunk(3, -1)
    seen = torch.ones(parts[0].shape[-2], parts[0].shape[-2], dtype=torch.bool, device=x.device).tril()
    mask = seen if net.mask == "truth values" else torch.zeros(seen.shape).masked_fill(~seen, -1e9)[None, None]
    found: Tensor = net.head(F.scaled_dot_product_attention(*parts, attn_mask=mask))
    return found


def steps(net: Any, x: Tensor) -> Tensor:
    found: Tensor = net.recurrent(net.conv(x).transpose(1, 2))[0]
    return found


SO_FAR: dict[str, tuple[Callable[..., Tensor], Callable[[], nn.Module]]] = {
    "causal attention": (lambda n, x: n.head(causal(n, x)), lambda: nn.Linear(8, 24)),
    "two layers": (steps, lambda: nn.LSTM(8, 5, 2, batch_first=True)),
    "both ways": (steps, lambda: nn.GRU(8, 5, batch_first=True, bidirectional=True)),
    "last state": (lambda n, x: n.recurrent(n.conv(x).transpose(1, 2))[1], lambda: nn.RNN(8, 5, batch_first=True)),
    "steps first": (lambda n, x: n.recurrent(n.conv(x).permute(2, 0, 1))[0], lambda: nn.LSTM(8, 5)),
}


@pytest.mark.parametrize("case", SO_FAR)
def test_steps_see_those_before_them(case: str) -> None:
    """Kills a recurrent layer without a field, and causal attention in which a token sees those after it."""
    forward, build = SO_FAR[case]
    part = "three" if case == "causal attention" else "recurrent"
    net = Net(forward, conv=nn.Conv1d(3, 8, 5, 2), head=nn.Identity(), **{part: build()}).eval()
    found = zoo.verify(net, input=(1, 3, 21), rf=True)
    verdicts = [row.cells["verdict"] for row in found.rows if row.name.startswith("rf")]
    assert len(verdicts) >= 2
    assert set(verdicts) == {"equal"}


@pytest.mark.parametrize("kind", ["truth values", "numbers"])
def test_causal_masks(kind: str) -> None:
    """Kills attention in which a token sees those after it because the mask is an argument: its values say what is seen."""
    net = Net(masked, conv=nn.Conv1d(3, 8, 5, 2), three=nn.Linear(8, 24), head=nn.Identity()).eval()
    net.mask = kind  # type: ignore[assignment]
    assert rf(net, (1, 3, 21)) == {"undefined": "each unit sees all before it"}
    found = {row.name: row.cells["verdict"] for row in zoo.verify(net, input=(1, 3, 21), rf=True).rows}
    assert found["rf of head"] == "equal"


def test_fields_of_steps() -> None:
    """Kills a last step that does not see everything, a law for steps that have none, and a table that fills the memory."""
    last = Net(lambda n, x: causal(n, x)[:, -1], conv=nn.Conv1d(3, 8, 5, 2), three=nn.Linear(8, 24))
    assert rf(last, (1, 3, 21)) == {"size": [21], "stride": [2], "padding": [0], "global": True}
    net = Net(causal, conv=nn.Conv1d(3, 8, 5, 2), three=nn.Linear(8, 24))
    for length in (21, 100_001):
        assert rf(net, (1, 3, length)) == {"undefined": "each unit sees all before it"}
    both = Net(SO_FAR["both ways"][0], conv=nn.Conv1d(3, 8, 5, 2), recurrent=SO_FAR["both ways"][1]())
    assert rf(both, (1, 3, 21))["size"] == [21]
