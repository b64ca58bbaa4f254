"""Every kind of computation: costs of real modules and functions against formulas, and what is unknown or refused."""

import warnings
from collections.abc import Callable
from math import log2
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

import zoo

try:
    from torchvision import ops
except ImportError:  # the oldest torch has none
    ops = None

N, C, D, H, W, K, G, L, S, E, V = 2, 4, 6, 9, 11, 3, 2, 5, 7, 8, 16


class Net(nn.Module):
    """`way` as a forward, with the parts that it needs."""

    def __init__(self, way: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.way = way

    def forward(self, *x: Tensor) -> Any:
        return self.way(self, *x)


def of(function: Callable[..., Any], **parts: Any) -> Net:
    """A function of the inputs alone."""
    return Net(lambda net, *x: function(*x), **parts)


def einsum(equation: str) -> Net:
    return of(lambda *x: torch.einsum(equation, *x))


def total(net: nn.Module, shapes: Any, **how: Any) -> dict[str, Any]:
    given = {"input": shapes} if isinstance(shapes, list) else {"inputs": shapes}
    return dict(zoo.summary(net, **given, columns=["params", "macs", "flops"], **how).total)


IMAGE, MASK = (N, C, H, W), nn.Transformer.generate_square_subsequent_mask(S)
LEFT, MIDDLE, RIGHT = (L, S), (S, E), (E, V)
CORES = N * 4 * L * S * (E + E)

MATRICES = {
    "vector · vector": (of(torch.matmul), [(S,), (S,)], S),
    "matrix · vector": (of(torch.matmul), [LEFT, (S,)], L * S),
    "vector · matrix": (of(torch.matmul), [(S,), MIDDLE], S * E),
    "matrices · vector": (of(torch.matmul), [(N, *LEFT), (S,)], N * L * S),
    "vector · matrices": (of(torch.matmul), [(S,), (N, *MIDDLE)], N * S * E),
    "matrices · matrix": (of(torch.matmul), [(N, *LEFT), MIDDLE], N * L * S * E),
    "matrix · matrices": (of(lambda x, y: x @ y), [LEFT, (N, *MIDDLE)], N * L * S * E),
    "broadcast": (of(lambda x, y: x @ y), [(N, 1, *LEFT), (C, *MIDDLE)], N * C * L * S * E),
    "mm": (of(torch.mm), [LEFT, MIDDLE], L * S * E),
    "mv": (of(torch.mv), [LEFT, (S,)], L * S),
    "dot": (of(torch.dot), [(S,), (S,)], S),
    "inner": (of(torch.inner), [LEFT, (E, S)], L * S * E),
    "outer": (of(torch.outer), [(L,), (S,)], 0),
    "bmm": (of(torch.bmm), [(N, *LEFT), (N, *MIDDLE)], N * L * S * E),
    "addmm": (of(torch.addmm), [(E,), LEFT, MIDDLE], L * S * E),
    "addmv": (of(torch.addmv), [(L,), LEFT, (S,)], L * S),
    "addr": (of(torch.addr), [(L, S), (L,), (S,)], 0),
    "baddbmm": (of(torch.baddbmm), [(N, L, E), (N, *LEFT), (N, *MIDDLE)], N * L * S * E),
    "addbmm": (of(torch.addbmm), [(L, E), (N, *LEFT), (N, *MIDDLE)], N * L * S * E),
    "tensordot": (of(lambda x, y: torch.tensordot(x, y, 2)), [(N, L, S), (L, S, E)], N * L * S * E),
    "multi_dot": (of(lambda *x: torch.linalg.multi_dot(x)), [LEFT, MIDDLE, RIGHT], L * S * E + L * E * V),
    "matrix_power": (of(lambda x: torch.linalg.matrix_power(x, 3)), [(L, L)], 2 * L**3),
    "einsum of matrices": (einsum("ij,jk,kl->il"), [LEFT, MIDDLE, RIGHT], L * S * E + L * E * V),
    "einsum of heads": (einsum("bhid,bhjd->bhij"), [(N, C, L, E), (N, C, S, E)], N * C * L * S * E),
    "einsum with dots": (einsum("...i,ij->...j"), [(N, C, S), MIDDLE], N * C * S * E),
    "einsum dot": (einsum("i,i->"), [(S,), (S,)], S),
    "einsum outer": (einsum("bi,bj->bij"), [(N, L), (N, S)], 0),
    "einsum diagonal": (einsum("ii->i"), [(L, L)], 0),
    "linear on n dimensions": (nn.Linear(S, E), [(N, C, L, S)], N * C * L * S * E),
    "linear on a vector": (nn.Linear(S, E), [(S,)], S * E),
    "linear by a vector": (of(F.linear), [(L, S), (S,)], L * S),
    "bilinear": (nn.Bilinear(S, E, D), [(N, S), (N, E)], N * D * (S * E + S)),
    "complex": (nn.Linear(S, E, dtype=torch.complex64), torch.zeros(N, S, dtype=torch.complex64), N * S * E),
    "bfloat16": (nn.Linear(S, E).bfloat16(), [(N, S)], N * S * E),
    "float64": (nn.Conv2d(C, D, K).double(), [IMAGE], N * (H - 2) * (W - 2) * D * C * K * K),
}  # fmt: skip

CONVOLUTIONS = {
    "1-d": (nn.Conv1d(C, D, 5, padding="same"), [(N, C, W)], N * W * D * C * 5),
    "2-d": (nn.Conv2d(C, D, K, groups=G, dilation=2), [IMAGE], N * (H - 4) * (W - 4) * D * C // G * K * K),
    "3-d": (nn.Conv3d(C, D, (1, 2, 3)), [(N, C, 5, H, W)], N * 5 * (H - 1) * (W - 2) * D * C * 6),
    "same": (nn.Conv2d(C, D, K, padding="same", dilation=2), [IMAGE], N * H * W * D * C * K * K),
    "valid": (nn.Conv2d(C, D, K, padding="valid", dilation=2), [IMAGE], N * (H - 4) * (W - 4) * D * C * K * K),
    **{mode: (nn.Conv2d(C, D, K, padding=1, padding_mode=mode), [IMAGE], N * H * W * D * C * K * K)
       for mode in ("zeros", "reflect", "replicate", "circular")},
    "without batch": (nn.Conv2d(C, D, K), [IMAGE[1:]], (H - 2) * (W - 2) * D * C * K * K),
    "bare weight": (Net(lambda net, x: F.conv2d(x, net.w), w=nn.Parameter(torch.zeros(D, C, K, K))), [IMAGE],
                    N * (H - 2) * (W - 2) * D * C * K * K),
    "torch.convolution": (of(lambda x, w: torch.convolution(x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)),
                          [IMAGE, (D, C, K, K)], N * (H - 2) * (W - 2) * D * C * K * K),
    "conv_tbc": (of(torch.conv_tbc), [(W, N, C), (K, C, D), (D,)], N * (W - 2) * D * C * K),
    "transposed": (nn.ConvTranspose2d(C, D, K, stride=2, groups=G, output_padding=1), [IMAGE], N * H * W * C * D // G * K * K),
    "transposed, output size": (Net(lambda net, x: net.up(x, output_size=(20, 24)), up=nn.ConvTranspose2d(C, D, K, stride=2)),
                                [IMAGE], N * H * W * C * D * K * K),
    "transposed 1-d": (nn.ConvTranspose1d(C, D, K, dilation=2), [(N, C, W)], N * W * C * D * K),
    "transposed 3-d": (nn.ConvTranspose3d(C, D, K), [(N, C, 5, H, W)], N * 5 * H * W * C * D * K**3),
    "complex": (nn.Conv2d(C, D, K, dtype=torch.complex64), torch.zeros(IMAGE, dtype=torch.complex64),
                N * (H - 2) * (W - 2) * D * C * K * K),
    **({} if ops is None else {
        "deformable": (ops.DeformConv2d(C, D, K, padding=1, groups=G), [IMAGE, (N, 18, H, W), (N, 9, H, W)],
                       N * H * W * D * C // G * K * K)}),
}  # fmt: skip

SEQUENCE = (N, L, E)
ONE_HEAD = 4 * L * E * E + 2 * L * L * E
LAYER = ONE_HEAD + 2 * L * E * V


def attend(**how: Any) -> Net:
    return of(lambda *x: F.scaled_dot_product_attention(*x, **how))


ATTENTION = {
    "plain": (attend(), [(N, 4, L, E), (N, 4, S, E), (N, 4, S, E)], CORES),
    "wider values": (attend(), [(N, 4, L, E), (N, 4, S, E), (N, 4, S, V)], N * 4 * L * S * (E + V)),
    "causal": (attend(is_causal=True), [(N, 4, L, E)] * 3, N * 4 * L * L * 2 * E),
    "mask": (of(lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m)),
             [(N, 4, L, E), (N, 4, S, E), (N, 4, S, E), (L, S)], CORES),
    "grouped queries": (attend(enable_gqa=True), [(N, 4, L, E), (N, 2, S, E), (N, 2, S, E)], CORES),
    "one head": (attend(), [SEQUENCE, (N, S, E), (N, S, E)], N * L * S * 2 * E),
    "other widths": (nn.MultiheadAttention(E, 2, kdim=D, vdim=C), [(L, N, E), (S, N, D), (S, N, C)],
                     N * (L * E * E + S * D * E + S * C * E + 2 * L * S * E + L * E * E)),
    "more keys": (Net(lambda net, x: net.a(x, x, x)[0],
                      a=nn.MultiheadAttention(E, 2, batch_first=True, add_bias_kv=True, add_zero_attn=True)), [SEQUENCE],
                  N * (4 * L * E * E + 2 * L * (L + 2) * E)),
    "layer": (nn.TransformerEncoderLayer(E, 2, V, batch_first=True), [SEQUENCE], N * LAYER),
    "layer without gradients": (nn.TransformerEncoderLayer(E, 2, V, batch_first=True).eval().requires_grad_(False), [SEQUENCE],
                                N * LAYER),
    "layer, padding mask": (Net(lambda net, x: net.e(x, src_key_padding_mask=torch.zeros(N, L, dtype=torch.bool)),
                                e=nn.TransformerEncoder(nn.TransformerEncoderLayer(E, 2, V, batch_first=True), 2)), [SEQUENCE],
                            2 * N * LAYER),
    "transformer": (Net(lambda net, x, y: net.t(x, y, tgt_mask=MASK), t=nn.Transformer(E, 2, 1, 1, V, batch_first=True)),
                    [SEQUENCE, (N, S, E)],
                    N * (LAYER + 4 * S * E * E + 2 * S * S * E + 2 * (S + L) * E * E + 2 * S * L * E + 2 * S * E * V)),
}  # fmt: skip

LENGTHS = [5, 3, 2]
STEPS = sum(LENGTHS)


def packed(rnn: nn.Module, **how: Any) -> Net:
    def way(net: Any, x: Tensor) -> Any:
        out = net.rnn(pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, **how))[0]
        return pad_packed_sequence(out, batch_first=True)[0]

    return Net(way, rnn=rnn)


RECURRENT = {
    "lstm": (nn.LSTM(E, V, 2, bidirectional=True, batch_first=True), [SEQUENCE], N * L * 2 * 4 * V * (E + V + 2 * V + V)),
    "projected": (nn.LSTM(E, V, proj_size=C), [(L, N, E)], N * L * (4 * V * (E + C) + V * C)),
    "gru": (nn.GRU(E, V), [(L, N, E)], N * L * 3 * V * (E + V)),
    "rnn": (nn.RNN(E, V, 2, nonlinearity="relu"), [(L, N, E)], N * L * V * (E + V + V + V)),
    "without batch": (nn.LSTM(E, V), [(L, E)], L * 4 * V * (E + V)),
    "packed lstm": (packed(nn.LSTM(E, V, batch_first=True)), [(3, 5, E)], STEPS * 4 * V * (E + V)),
    "packed gru, unsorted": (
        packed(nn.GRU(E, V, bidirectional=True), enforce_sorted=False),
        [(3, 5, E)],
        STEPS * 2 * 3 * V * (E + V),
    ),
    "packed rnn": (packed(nn.RNN(E, V)), [(3, 5, E)], STEPS * V * (E + V)),
    "packed input": (
        Net(lambda net, x: pad_packed_sequence(net.rnn(x)[0])[0], rnn=nn.LSTM(E, V)),
        (pack_sequence([torch.zeros(n, E) for n in LENGTHS]),),
        STEPS * 4 * V * (E + V),
    ),
    "lstm cell": (nn.LSTMCell(E, V), [(N, E)], N * 4 * V * (E + V)),
    "gru cell": (nn.GRUCell(E, V), [(N, E)], N * 3 * V * (E + V)),
    "rnn cell": (nn.RNNCell(E, V), [(N, E)], N * V * (E + V)),
}

SHARED = nn.Linear(S, S)


def compiled_in_place() -> nn.Module:
    net = nn.Sequential(nn.Linear(S, E))
    net.compile()
    net[0].compile()
    return net


WEIGHTED = {
    "shared by two parents": (nn.Sequential(nn.Sequential(SHARED), nn.Sequential(SHARED, nn.ReLU())), [(N, S)], 2 * N * S * S),
    "through .forward": (Net(lambda net, x: net.fc.forward(x), fc=nn.Linear(S, E)), [(N, S)], N * S * E),
    "weight norm": (parametrizations.weight_norm(nn.Linear(S, E)), [(N, S)], N * S * E),
    "spectral norm": (parametrizations.spectral_norm(nn.Linear(S, E)), [(N, S)], N * S * E + S * E + E),  # and uᵀ(W v)
    "pruned": (prune.l1_unstructured(nn.Linear(S, E), "weight", amount=0.5), [(N, S)], N * S * E),  # zeros multiply too
    "parameters on containers": (Net(lambda net, x: x @ net.p[0] @ net.d["a"], p=nn.ParameterList([torch.zeros(S, E)]),
                                     d=nn.ParameterDict({"a": torch.zeros(E, V)})), [(N, S)], N * S * E + N * E * V),
    "compiled": (torch.compile(nn.Linear(S, E)), [(N, S)], N * S * E),
    "compiled inside": (nn.Sequential(torch.compile(nn.Linear(S, E))), [(N, S)], N * S * E),
    "compiled in place": (compiled_in_place(), [(N, S)], N * S * E),
    "data parallel": (nn.DataParallel(nn.Linear(S, E)), [(N, S)], N * S * E),
    "vmap": (Net(lambda net, x: torch.func.vmap(net.fc)(x), fc=nn.Linear(S, E)), [(N, S)], N * S * E),
    "functional_call": (Net(lambda net, x: torch.func.functional_call(net.fc, dict(net.fc.named_parameters()), (x,)),
                            fc=nn.Linear(S, E)), [(N, S)], N * S * E),
    "checkpoint": (Net(lambda net, x: torch.utils.checkpoint.checkpoint(net.fc, x, use_reentrant=False), fc=nn.Linear(S, E)),
                   [(N, S)], N * S * E),
    "no parameters": (nn.Sequential(nn.ReLU(), nn.Flatten()), [IMAGE], 0),
}  # fmt: skip


class Product(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x @ w


WEIGHTED["autograd function"] = (of(Product.apply), [LEFT, MIDDLE], L * S * E)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{group}: {name}")
     for group, cases in (("matrices", MATRICES), ("convolutions", CONVOLUTIONS), ("attention", ATTENTION),
                          ("recurrent", RECURRENT), ("weights", WEIGHTED))
     for name, case in cases.items()],
)  # fmt: skip
def test_macs(case: tuple[nn.Module, Any, int]) -> None:
    """Kills a form of product that is missed, counted twice, or counted by its padded, broadcast or output size."""
    net, shapes, expected = case
    assert total(net, shapes)["macs"] == expected


INDICES = torch.zeros(N, L, dtype=torch.int64)
BOXES = torch.tensor([[0.0, 0, 0, 4, 4], [1, 1, 1, 5, 5], [1, 0, 0, 2, 2]])
X = N * C * H * W
OUT = N * C * 5 * 7


def resize(mode: str) -> Net:
    return of(lambda x: F.interpolate(x, size=(5, 7), mode=mode))


def sample(mode: str) -> Net:
    return of(lambda x, grid: F.grid_sample(x, grid, mode=mode, align_corners=False))


OTHER = {
    "batch norm": (nn.BatchNorm2d(C), [IMAGE], 2 * X),
    "synchronised batch norm": (nn.SyncBatchNorm(C), [IMAGE], 2 * X),
    "group norm": (nn.GroupNorm(2, C), [IMAGE], 7 * X),
    "instance norm": (nn.InstanceNorm2d(C), [IMAGE], 5 * X),
    "instance norm, affine": (nn.InstanceNorm2d(C, affine=True), [IMAGE], 7 * X),
    "layer norm": (nn.LayerNorm([H, W]), [IMAGE], 7 * X),
    "rms norm": (nn.RMSNorm(W), [IMAGE], 4 * X),
    "nearest": (resize("nearest"), [IMAGE], 0),
    "bilinear": (resize("bilinear"), [IMAGE], 7 * OUT),
    "bicubic": (resize("bicubic"), [IMAGE], 35 * OUT),
    "linear": (of(lambda x: F.interpolate(x, size=5, mode="linear")), [(N, C, W)], 3 * N * C * 5),
    "trilinear": (of(lambda x: F.interpolate(x, size=5, mode="trilinear")), [(N, C, 3, 3, 3)], 15 * N * C * 125),
    "pixel shuffle": (nn.PixelShuffle(2), [IMAGE], 0),
    "grid sample": (sample("bilinear"), [IMAGE, (N, 5, 7, 2)], 7 * OUT),
    "grid sample, bicubic": (sample("bicubic"), [IMAGE, (N, 5, 7, 2)], 35 * OUT),
    "grid sample, nearest": (sample("nearest"), [IMAGE, (N, 5, 7, 2)], 0),
    "grid sample, 3-d": (sample("bilinear"), [(N, C, 3, H, W), (N, 1, 5, 7, 3)], 15 * OUT),
    **({} if ops is None else {
        "roi align": (of(lambda x: ops.roi_align(x, BOXES, (3, 2), sampling_ratio=2)), [IMAGE], 3 * C * 3 * 2 * 4 * 8),
        "ps roi align": (of(lambda x: ops.ps_roi_align(x, BOXES, 2, sampling_ratio=2)), [IMAGE], 3 * (C // 4) * 2 * 2 * 4 * 8)}),
    "embedding": (nn.Embedding(50, E), INDICES, 0),
    "embedding bag": (nn.EmbeddingBag(50, E, mode="sum"), INDICES, N * L * E),
    "weighted bag": (Net(lambda net, i, w: net.bag(i, per_sample_weights=w), bag=nn.EmbeddingBag(50, E, mode="sum")),
                     (INDICES, torch.zeros(N, L)), 2 * N * L * E),
    "fold": (of(lambda x: F.fold(x, (8, 8), 2)), [(N, C * 4, 49)], N * C * 4 * 49),
    "scatter_add": (of(lambda x: x.new_zeros(N, L).scatter_add(1, INDICES, x)), [(N, L)], N * L),
    "complex transform": (of(torch.fft.fft2), torch.zeros(N, 8, 16, dtype=torch.complex64), 5 * N * 128 * int(log2(128))),
    "real transform": (of(torch.fft.rfft), [(N, 16)], 5 * N * 16 * 4 // 2),
    "inverse": (of(lambda x: torch.fft.irfft(x, n=16)), torch.zeros(N, 9, dtype=torch.complex64), 5 * N * 16 * 4 // 2),
    "in place views": (of(lambda x: x.clone().unsqueeze_(0).transpose_(0, 1).squeeze_()), [(N, L)], 0),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_other_operations(name: str) -> None:
    """Kills a transform, a sampler or a sum that is counted as nothing, or by the rule of another mode."""
    net, shapes, expected = OTHER[name]
    found = total(net, shapes)
    assert (found["macs"], found["flops"]) == (0, expected)


def test_short_time_transform() -> None:
    """Kills a window that is lost, or refused, for being real beside a signal that is not; and frames that are not counted."""
    net = Net(lambda net, x: torch.stft(x, 16, hop_length=4, window=net.window, center=False, return_complex=True))
    net.register_buffer("window", torch.ones(16))
    frames = (64 - 16) // 4 + 1
    trace = zoo.trace(net, input=(N, 64))
    assert zoo.measure(trace, columns=["flops"]).total["flops"] == N * frames * (16 + 5 * 16 * 4 // 2)
    assert [param.name for param in trace.params] == ["window"]
    assert trace.unused == ()


SPARSE = torch.sparse_coo_tensor(torch.arange(L).expand(2, L), torch.ones(L), (L, L), check_invariants=False)


@torch.library.custom_op("zoo_tests::doubled", mutates_args=())
def doubled(x: Tensor) -> Tensor:
    """Somebody's op."""
    return 2 * x


@torch.library.custom_op("zoo_tests::shapeless", mutates_args=())
def shapeless(x: Tensor) -> Tensor:
    """Somebody's op of which nothing is known."""
    return 2 * x


@doubled.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


@pytest.mark.parametrize(
    ("way", "shapes", "column", "kind"),
    [
        (doubled, [(L, S)], "macs", "zoo_tests::doubled"),
        (torch.linalg.inv, [(L, L)], "macs", "linalg_inv_ex"),
        (torch.linalg.svd, [LEFT], "macs", "_linalg_svd"),
        (lambda x: torch.sparse.mm(SPARSE, x), [LEFT], "macs", "_sparse_addmm"),
        (torch.sort, [LEFT], "flops", "sort"),
        (lambda x: ops.roi_pool(x, BOXES, 2), [IMAGE], "flops", "torchvision::roi_pool"),
        (lambda x: ops.roi_align(x, BOXES, 2), [IMAGE], "flops", "torchvision::roi_align"),
        (lambda x: x[ops.nms(BOXES[:, 1:], torch.ones(3), 0.5)], [(3, 2)], "flops", "torchvision::nms"),
    ],
)
def test_unknown_is_named(way: Callable[..., Any], shapes: Any, column: str, kind: str) -> None:
    """Kills the silent zero: beside known products, an op whose cost depends on an algorithm or on values."""
    net = Net(lambda net, *x: (way(*x), x[0] @ x[0].mT))
    found = total(net, shapes)
    assert found[column]["unknown"] == {kind: 1}
    assert found[column]["at_least"] >= shapes[0][0] ** 2
    assert column == "macs" or isinstance(found["macs"], int)


with warnings.catch_warnings(action="ignore"):  # a prototype
    NESTED = torch.nested.nested_tensor([torch.zeros(2, S), torch.zeros(3, S)])


def scripted() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # it is deprecated
        return torch.jit.trace(nn.Linear(S, E), torch.zeros(N, S))


@pytest.mark.parametrize(
    ("net", "shapes", "says"),
    [
        (scripted, [(N, S)], "scripted module; analyse the original module"),
        (of(shapeless), [(L, S)], "zoo_tests::shapeless, and torch does not know the shapes that it returns; register a fake"),
        (of(lambda x: x.masked_select(x > 0)), [(L, S)], "masked_select, and torch does not know the shapes that it returns; zoo"),
        (of(lambda boxes, scores: ops.nms(boxes, scores, 0.5)), [(L, 4), (L,)], "the output of torchvision::nms depends on them"),
        (Net(lambda net, x, n: net.rnn(pack_padded_sequence(x, n)), rnn=nn.RNN(E, V)),
         (torch.zeros(5, 3, E), torch.tensor(LENGTHS)), "the lengths of packed sequences"),
        (nn.Linear(S, E), NESTED, "an input is a nested tensor"),
        (of(lambda x: (2 * item for item in x)), [LEFT], "returns a generator, of which nothing has run"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refused_in_one_line(net: Any, shapes: Any, says: str) -> None:
    """Kills a traceback, a zero, and a message that leaves the reader without an op or a way out."""
    with pytest.raises(zoo.ZooError, match=says) as caught:
        total(net() if callable(net) and not isinstance(net, nn.Module) else net, shapes)
    assert "\n" not in str(caught.value)


BESIDE = {
    "cat": lambda x, t: torch.cat([x, t([[1.0, 2.0, 3.0, 4.0]])]),
    "where": lambda x, t: torch.where(t([True, False, True, False]), x, t([0.0])),
    "number's power": lambda x, t: t([2.0]) ** x,
    "prelu": lambda x, t: F.prelu(x, t([0.25])),
    "cross entropy": lambda x, t: F.cross_entropy(x, t([0, 1])),
    "index_add": lambda x, t: x.index_add(0, t([0]), t([[1.0, 2.0, 3.0, 4.0]])),
    "attention": lambda x, t: F.scaled_dot_product_attention(x[None], x[None], x[None], t([[True, False], [True, True]])),
    "spectrum": lambda x, t: torch.fft.fft(x) * t([1.0, 2.0, 3.0, 4.0]),
    "viewed before": lambda x, t: (lambda c: torch.cat([x * c.view(-1), c]))(torch.ones(1, 4)),
}


@pytest.mark.parametrize("way", BESIDE.values(), ids=BESIDE)
def test_values_beside_activations(way: Callable[..., Tensor]) -> None:
    """Kills a tensor with values that is taken for its own stand-in without: torch then says that devices differ."""
    x = torch.ones(2, 4)
    (found,) = zoo.trace(of(lambda x: way(x, torch.tensor)), inputs=x).outputs
    real = way(x, torch.tensor)
    assert (found.shape, found.dtype) == (tuple(real.shape), str(real.dtype).removeprefix("torch."))


def test_attention_of_one_query_for_all() -> None:
    """Kills products of the query's own size, where it is spread over a batch of keys."""
    shapes = [(1, C, L, E), (N, C, S, E), (N, C, S, V)]
    found = total(of(F.scaled_dot_product_attention), shapes)
    assert found["macs"] == N * C * L * S * (E + V)
    assert found["flops"] == 2 * found["macs"] + 6 * N * C * L * S
