"""Studies that run what lectures draw: each proof can fail, each lesson is of the case that was asked for, each mistake is told."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

import zoo
from zoo.studies import (
    _by_torch,
    _one_map,
    batch_norm,
    convolution_algorithms,
    equivariance,
    growth,
    kept_activations,
    local_normalisation,
    pooling,
    toeplitz,
)
from zoo.tables.notes import Failed
from zoo_cli.main import run


def failures(name: str, **options: Any) -> set[str]:
    table = zoo.compare(name, run=True, **options)
    found = {note.subject for note in table.notes if isinstance(note, Failed)}
    assert bool(found) == str(table.notes[-1]).startswith("The proof failed for ")
    return found


def said(name: str, **options: Any) -> str:
    return str(zoo.compare(name, **options).notes[-1])


ORIGINAL: dict[str, Callable[..., Any]] = {
    "convolve": _by_torch.convolve,
    "sum": _by_torch.sum_over_copies,
    "pooled": pooling.pooled,
    "toeplitz": toeplitz.convolve,
    "built": growth.built,
    "normalised": local_normalisation.by_torch,
    "conv": equivariance.conv,
    "own": equivariance.own,
}


def wider(name: str, layers: int, kernel: int) -> nn.Sequential:
    """A stack whose first convolution sees more than the field that was counted."""
    net: nn.Sequential = ORIGINAL["built"](name, layers, kernel)
    first = net[0][0]
    assert isinstance(first, nn.Conv2d)
    first.dilation, first.padding = (2, 2), (kernel - 1, kernel - 1)
    return net


FAULTS: dict[str, tuple[str, dict[str, Any], Any, str, Any, set[str]]] = {
    "torch flips": (
        "convolution",
        {"kernel": "12/34"},
        _by_torch,
        "convolve",
        lambda image, kernel, stride: ORIGINAL["convolve"](image, kernel.flip(-1, -2), stride),
        {"valid", "same", "full", "cross-correlation", "convolution", "edge", "gradient"},
    ),
    "NaN": (
        "convolution",
        {},
        _by_torch,
        "convolve",
        lambda image, kernel, stride: ORIGINAL["convolve"](image, kernel, stride) * torch.nan,
        {"valid", "same", "full", "cross-correlation", "convolution", "edge", "blur", "gradient"},
    ),
    "a use left out of the sum": (
        "convolution",
        {},
        _by_torch,
        "sum_over_copies",
        lambda image, kernel, stride: ORIGINAL["sum"](image[..., :-1, :], kernel, stride),
        {"gradient"},
    ),
    "average for maximum": (
        "pooling",
        {},
        pooling,
        "pooled",
        lambda name, maps, window, stride: ORIGINAL["pooled"]("average" if name == "max" else name, maps, window, stride),
        {"max (windows)"},
    ),
    "a contrast that is not divided": (
        "local-normalisation",
        {},
        local_normalisation,
        "divisive",
        lambda maps, window: maps[0],
        {"contrast (map)"},
    ),
    "an alpha that torch divides by the window": (
        "local-normalisation",
        {},
        local_normalisation,
        "by_torch",
        lambda name, maps, window: (
            nn.functional.local_response_norm(maps, window, 1e-4, 0.75, 2)[:, :1]
            if name == "response"
            else ORIGINAL["normalised"](name, maps, window)
        ),
        {"response (maps)"},
    ),
    "normalised to NaN": (
        "local-normalisation",
        {},
        local_normalisation,
        "by_torch",
        lambda name, maps, window: ORIGINAL["normalised"](name, maps, window) * torch.nan,
        {"response (maps)", "subtractive (map)", "divisive (map)", "contrast (map)"},
    ),
    "a matrix of a flipped kernel": (
        "toeplitz",
        {},
        toeplitz,
        "convolve",
        lambda one, image, kernel: ORIGINAL["toeplitz"](one, image, kernel.flip(-1)),
        {"1-D valid", "1-D same", "1-D valid /2", "2-D valid"},
    ),
    "a wider field": ("growth", {"layers": 2}, growth, "built", wider, {"plain", "strided", "dilated", "pooled", "pooled_1"}),
    "a shift that is not applied": (
        "equivariance",
        {},
        equivariance,
        "rolled",
        lambda x, d: x,
        {"locally connected", "dense", "zero-padded convolution", "convolution /2", "max pooling /2"},
    ),
    "a convolution that depends on the place": (
        "equivariance",
        {},
        equivariance,
        "conv",
        lambda x, wrap=True: ORIGINAL["conv"](x, wrap=wrap) * torch.arange(1, x.shape[-1] + 1),
        {"convolution", "sum over all", "convolution /2"},
    ),
    "weights that are shared": (
        "equivariance",
        {},
        equivariance,
        "own",
        lambda x, width: ORIGINAL["conv"](x),
        {"locally connected", "dense"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a proof that holds whatever is put in."""
    name, options, module, seam, faulty, subjects = FAULTS[fault]
    if name == "growth":
        monkeypatch.setattr(growth, "SIDE", 32)
        monkeypatch.setattr(growth, "_stack", lambda stack, layers, kernel: ORIGINAL["built"](stack, layers, kernel))
    monkeypatch.setattr(module, seam, faulty)
    found = failures(name, **options)
    assert found >= subjects if name == "growth" else found == subjects


@pytest.mark.parametrize("name", ["convolution", "pooling", "local-normalisation", "toeplitz", "equivariance"])
def test_proofs_hold(name: str) -> None:
    assert not failures(name)


def test_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(toeplitz, "convolve", lambda one, image, kernel: image)
    assert run(["compare", "toeplitz", "--run"]) == 1
    assert "failed: 1-D valid: the matrix times numbers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("convolution", {"kernel": "1 -1"}, "this kernel, which is not symmetric, changes"),
        ("convolution", {"kernel": "11/11"}, "A kernel of even size has no middle"),
        ("convolution", {"image": "123/456/789", "kernel": "1"}, "A padding of (k - 1)/2 = 0 preserves the size"),
        ("convolution", {"stride": 2}, "Valid gives 2×2 values, same 3×3, full 4×4"),
        ("pooling", {"window": 2, "stride": 1}, "only a larger stride saves work"),
        ("pooling", {"window": 3, "image": "123/456/789"}, "takes 230,400 MACs instead of 2,359,296"),
        ("pooling", {"signal": "1 1 1 1 9"}, "changes 1 of 4 inputs and 2 of 4 outputs"),
        ("toeplitz", {"input": (5,), "kernel": (5,), "padding": "same"}, "|m - i| <= 2"),
        ("toeplitz", {"input": (6,), "kernel": (2,), "stride": 2}, "shifted by 2."),
        ("toeplitz", {"input": (3, 4), "kernel": (2, 2)}, "24 of 72 entries are not zero, and 4 weights fill them; its blocks"),
        ("local-normalisation", {"image": "1 2 3/4 5 6"}, "Contrast changes no value of divisive and contrast normalisation"),
        (
            "local-normalisation",
            {"image": "3 3/3 3"},
            "Brightness changes no value of subtractive, divisive and contrast normalisation",
        ),
        ("local-normalisation", {"image": "0 0/0 0"}, "Contrast changes no value of response, subtractive, divisive and contrast"),
        ("local-normalisation", {"on": "levi_hassner"}, "levi_hassner has POOL - LRN - CONV, with 0 parameters"),
        ("local-normalisation", {"on": "resnet18"}, "resnet18 has no local response normalisation."),
        ("local-normalisation", {"on": "vgg11_lrn"}, "vgg11_lrn has CONV - LRN - POOL, with 0 parameters"),
        ("equivariance", {"on": "lenet5"}, "only one by multiples of 4 pixels."),  # it has no padding
        ("equivariance", {"on": "resnet18"}, "pixels; away from the borders, which are padded."),
        ("growth", {"layers": 2}, "see 6 as well: no kernel follows that could step further"),
        ("convolution", {"image": "1 2 3/4 5 6/7 8 9", "kernel": "0 1 0/1 0 1/0 1 0"}, "one that is not changes 1 value."),
        ("growth", {"layers": 1}, "No other stack sees more"),
        ("growth", {"layers": 4, "kernel": 5}, "sees 17 pixels: each layer adds 4"),
        ("growth", {"layers": 3}, "With strides it sees 9, with pooling 10, with dilation 9"),
        ("equivariance", {"stride": 1}, "for every shift tried: convolution, max pooling /1; for none"),
        ("equivariance", {"stride": 3}, "convolution /3 and max pooling /3 follow only multiples of 3"),
        ("equivariance", {"on": "vgg16"}, "at features.pool5 only one by multiples of 32"),
        ("equivariance", {"on": "lenet5"}, "at S4 only one by multiples of 4"),
        ("lecture-tables", {"topic": "sizes"}, "Of 18 claims that can be compared, 18 agree"),
        ("lecture-tables", {"topic": "resnet"}, "3×3, 3×3 is printed, 1×1, 3×3, 1×1 is counted"),
        ("lecture-tables", {"lecture": "d"}, "70,455,785,472,000,000 is counted"),
        ("dense-vs-sparse-vs-conv", {"input": (1, 64), "kernel": (5,)}, "zoo summary prints 600 FLOPs for it, 60 more"),
        ("dense-vs-sparse-vs-conv", {"input": (1, 9, 9), "kernel": (3, 3), "stride": 3}, "a stride saves work and storage"),
    ],
)
def test_lessons(name: str, options: dict[str, Any], words: str) -> None:
    """Kills a sentence that was written for the default case."""
    assert words in said(name, **options)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("convolution", {"image": "12/3"}, "option image: expected rows of one length"),
        ("convolution", {"image": "1a"}, "option image: expected numbers in rows"),
        ("convolution", {"image": "1/2"}, "kernel: 3×3 does not fit into an image of 2×1"),
        ("convolution", {"image": "1" * 17}, "expected at most 16×16 numbers"),
        ("pooling", {"window": 5}, "window: 5×5 does not fit"),
        ("pooling", {"signal": "1/2"}, "signal: expected one row of at least 3 numbers"),
        ("toeplitz", {"padding": "some"}, "option padding: expected valid, same, full, got 'some'"),
        ("toeplitz", {"input": (100,)}, "the matrix would be 98×100; expected at most"),
        ("toeplitz", {"input": (3,), "kernel": (2, 2)}, "one size each"),
        ("toeplitz", {"input": (2,)}, "kernel: 3 does not fit into 2"),
        ("local-normalisation", {"window": 4}, "window: expected an odd number >= 3, got 4"),
        ("growth", {"kernel": 2}, "option kernel: expected an odd integer"),
        ("growth", {"layers": 20}, "option layers: expected at most 10"),
        ("equivariance", {"stride": 5}, "a stride that divides 24"),
        ("equivariance", {"on": "vgg16", "stride": 4}, "supports no other option"),
        ("lecture-tables", {"topic": "size"}, "did you mean sizes"),
        ("lecture-tables", {"lecture": "F"}, "lecture: expected A, B, C, D, E, got 'F'"),
        ("dense-vs-sparse-vs-conv", {"input": (5,)}, "expected input as CxHxW and kernel as HxW"),
    ],
)
def test_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(zoo.ZooError) as error:
        zoo.compare(name, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def grid(text: str) -> Tensor:
    return torch.tensor([[float(one) for one in row.split()] for row in text.split("\n")])


@pytest.mark.parametrize("stride", [1, 2])
def test_values_are_those_of_torch(stride: int) -> None:
    """An oracle of its own: what the table shows, computed with torch from the image and the kernel as they are given."""
    image, kernel = torch.arange(30.0).reshape(5, 6) % 7, torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    written = ["/".join(" ".join(str(int(one)) for one in row) for row in given.tolist()) for given in (image, kernel)]
    rows = zoo.compare("convolution", image=written[0], kernel=written[1], stride=stride).rows
    shown = {(row.type, row.name): grid(row.cells["output"]) for row in rows if row.type in {"padding", "kernel"}}
    for name, around in (("valid", (0, 0, 0, 0)), ("full", (1, 1, 1, 1))):
        expected = F.conv2d(F.pad(image, around)[None, None], kernel[None, None], stride=stride)[0, 0]
        assert torch.equal(shown["padding", name], expected)
    assert torch.equal(
        shown["kernel", "convolution"], F.conv2d(image[None, None], kernel.flip(0, 1)[None, None], stride=stride)[0, 0]
    )


def test_figure_9_8() -> None:
    """Goodfellow et al., figure 9.8: the detector's values 0.1 1 0.2 0.1, pooled 1 1 1 0.2; shifted by one, 0.3 1 1 1."""
    row = next(row for row in zoo.compare("pooling").rows if row.name == "max /1")
    assert torch.equal(grid(row.cells["before"]), torch.tensor([[0.1, 1, 0.2, 0.1], [0.3, 0.1, 1, 0.2]]))
    assert torch.equal(grid(row.cells["after"]), torch.tensor([[1, 1, 1, 0.2], [0.3, 1, 1, 1]]))


def test_flops_are_those_of_summary() -> None:
    """Kills a reconciliation with a number that zoo summary does not print."""
    rows = zoo.compare("dense-vs-sparse-vs-conv").rows
    cells = {row.type: row.cells for row in rows if row.name == "convolution"}
    for case, layer, image in (
        ("1×320×280, 2×1", nn.Conv2d(1, 1, (2, 1), bias=False), (1, 320, 280)),
        ("1×28×28, 1 of 5×5", nn.Conv2d(1, 1, 5), (1, 28, 28)),
        ("3×32×32, 10 of 5×5", nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32)),
    ):
        assert cells[case]["flops"] == zoo.summary(layer, input=(1, *image), columns=["flops"]).total["flops"]
    assert cells["3×32×32, 10 of 5×5"]["padding"] == "2"
    assert cells["3×32×32, 10 of 5×5"]["output"] == [10, 32, 32]


@pytest.mark.parametrize(("shape", "kernel", "stride"), [((1, 1, 9, 8), (3, 2), 1), ((1, 2, 7, 7), (3, 3), 2)])
def test_rows_of_a_large_matrix(
    shape: tuple[int, ...], kernel: tuple[int, int], stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills a matrix made by rows that is not the whole one, and a proof of it that cannot fail."""
    image, weight = torch.randn(shape), torch.randn(3, shape[1], *kernel)
    whole = _one_map.matrix(weight, shape[1:], stride)
    sparse = _one_map.entries(weight, shape[1:], stride)
    assert torch.equal(sparse.to_dense(), whole)
    assert torch.allclose(_one_map.by_rows(sparse, image.reshape(-1, 1)), whole @ image.reshape(-1, 1), atol=1e-5)
    links = int((whole != 0).sum())
    assert not _one_map.proof(image, weight, stride, links, whole=False)[1]
    monkeypatch.setattr(_one_map, "by_rows", lambda sparse, x: torch.zeros(sparse.shape[0], 1))
    assert {one.subject for one in _one_map.proof(image, weight, stride, links, whole=False)[1]} == {"dense"}


@pytest.mark.slow
def test_the_textbooks_case_itself() -> None:
    assert not failures("dense-vs-sparse-vs-conv", input=(1, 320, 280))


@pytest.mark.slow
def test_gradients_reach_the_field() -> None:
    assert not failures("growth", layers=4)


# Normalisation, algorithms, scaling, what is kept -------------------------------------------------------------------------


def test_folding_as_torch_folds() -> None:
    """An oracle: torch's own folding of a convolution and a normalisation gives the same weights and biases."""
    layers: list[tuple[nn.Module, nn.BatchNorm1d | nn.BatchNorm2d]] = [
        (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)),
        (nn.Conv2d(4, 8, 3, groups=2, bias=False), nn.BatchNorm2d(8, eps=0.1)),
        (nn.Linear(5, 8), nn.BatchNorm1d(8)),
    ]
    for layer, norm in layers:
        batch_norm._randomised(norm.eval())
        fuse = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
        expected = fuse(layer.eval(), norm)  # type: ignore[type-var]
        batch_norm.fold(layer, norm)
        assert torch.allclose(layer.weight, expected.weight, atol=1e-6)  # type: ignore[arg-type]
        assert torch.allclose(layer.bias, expected.bias, atol=1e-6)  # type: ignore[arg-type]


class Shared(nn.Module):
    """A convolution that something else reads too, one that follows its normalisation, and one that can be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.read_twice, self.norm_1 = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.norm_2, self.after = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.norm_3 = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.read_twice(x)
        return self.norm_3(self.after(self.norm_2(torch.relu(self.norm_1(x) + x))))


def test_which_normalisations_fold() -> None:
    trace = zoo.trace(Shared(), input=(1, 3, 8, 8))
    assert list(batch_norm.pairs(trace)) == [batch_norm.Pair("after", "norm_3")]


@pytest.mark.parametrize("fault", ["eps", "mean", "beta", "nothing"])
def test_faults_of_folding(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = batch_norm.fold

    def faulty(layer: nn.Module, norm: nn.Module) -> None:
        if fault == "nothing":
            return
        changed = {"eps": ("eps", 0.0), "mean": ("running_mean", 0 * norm.running_mean), "beta": ("bias", None)}[fault]  # type: ignore[operator]
        setattr(norm, *changed)
        original(layer, norm)

    monkeypatch.setattr(batch_norm, "fold", faulty)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=0.01), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert failures("batch-norm", on=net) == {"Sequential"}


@pytest.mark.parametrize("fault", list(convolution_algorithms.HOW))
def test_faults_of_algorithms(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = convolution_algorithms.computed
    wrong = lambda name, image, weight: original(name, image, weight.flip(-1) if name == fault else weight)  # noqa: E731
    monkeypatch.setattr(convolution_algorithms, "computed", wrong)
    assert failures("convolution-algorithms") == {fault}


@pytest.mark.parametrize("options", [{}, {"input": (2, 8, 9), "channels": 3}, {"kernel": 5}, {"kernel": 1}])
def test_algorithms_agree(options: dict[str, Any]) -> None:
    assert not failures("convolution-algorithms", **options)


def test_counts_of_algorithms() -> None:
    """Lavin and Gray 2015: F(2×2, 3×3) takes 2.25 times fewer multiplications; its transforms 32 and 24 additions a tile."""
    cells = {row.name: row.cells for row in zoo.compare("convolution-algorithms", input=(64, 56, 56)).rows}
    assert cells["direct"]["multiplications"] == zoo.layer((64, 56, 56), "conv 64 3x3 same no bias").table.total["macs"]
    assert cells["direct"]["multiplications"] / cells["Winograd"]["multiplications"] == 2.25
    assert convolution_algorithms.additions_of(convolution_algorithms.B, 4) == 32
    assert convolution_algorithms.additions_of(convolution_algorithms.A, 4) == 24
    assert cells["im2col"]["buffer"] == 4 * 64 * 9 * 56 * 56


def test_kept_activations_are_those_of_torch() -> None:
    """An oracle: what autograd keeps, by the storages that it packs."""
    for kind in kept_activations.HOW:
        net = kept_activations.built(kind, 4, 8).train()
        kept: dict[int, int] = {}
        own = {one.untyped_storage().data_ptr() for one in (*net.parameters(), *net.buffers())}

        def pack(one: Tensor, kept: dict[int, int] = kept, own: set[int] = own) -> Tensor:
            storage = one.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return one

        image = torch.randn(1, 8, kept_activations.SIDE, kept_activations.SIDE)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one):
            output = net(image)
        counted = zoo.summary(net, input=image.shape, train=True, columns=["saved"]).total["saved"]
        assert sum(kept.values()) == counted
        del output


def test_scaling_by_hand() -> None:
    """MACs grow with the square of the resolution, but for the linear layer; with that of the width, save for both ends."""
    rows = {row.name: row.cells for row in zoo.compare("scaling").rows}
    base, head = rows["base"]["macs"], 128 * 1000
    assert rows["resolution ×2"]["macs"] - head == 4 * (base - head)
    first = 9 * 3 * 32 * 64 * 64
    assert rows["width ×2"]["macs"] - 2 * first - 2 * head == 4 * (base - first - head)
    assert rows["resolution ×2"]["params"] == rows["base"]["params"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("batch-norm", {"on": "resnet18"}, "resnet18: all 20 normalisations fold into the layer before them and take 4.8 thousand"),
        pytest.param("batch-norm", {"on": "torchvision:densenet121"}, "59 of 121 normalisations fold", marks=pytest.mark.slow),
        ("batch-norm", {"on": "alexnet"}, "alexnet has no batch normalisation"),
        ("convolution-algorithms", {"kernel": 7}, "FFT takes the fewest operations here"),
        ("convolution-algorithms", {"kernel": 1}, "Nothing takes fewer operations here"),
        ("convolution-algorithms", {"input": (3, 8, 8), "channels": 8}, "Winograd takes the fewest operations here"),
        ("kept-activations", {"layers": 8}, "From 2 to 8 layers"),
        ("kept-activations", {"layers": 16, "channels": 16}, "With 16 layers"),
        ("scaling", {"factor": 3}, "MACs by 9.0 (power 2.0)"),
        ("scaling", {"steps": 1}, "The compound takes 2.1"),
    ],
)
def test_lessons_of_costs(name: str, options: dict[str, Any], words: str) -> None:
    assert words in said(name, **options)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("batch-norm", {"on": "alexnet", "run": True}, "alexnet has no batch normalisation that can be folded"),
        ("convolution-algorithms", {"kernel": 2}, "an odd kernel"),
        ("convolution-algorithms", {"input": (64, 224, 224), "run": True}, "--run would take minutes"),
        ("kept-activations", {"layers": 12}, "expected multiples of 8"),
        ("scaling", {"factor": 1}, "expected a factor from 2 to 8"),
    ],
)
def test_costs_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(zoo.ZooError) as error:
        zoo.compare(name, **options)
    assert words in str(error.value)
