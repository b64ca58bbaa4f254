"""The comparisons: they run in every format, their numbers are those of the papers, their lessons quote what they computed."""

import csv
import importlib
import io
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import zoo
from zoo.extend.options import ANY, COUNT, FLAG, SIZES, TEXT, declared
from zoo.extend.study import ratio_text, short, studies
from zoo.models.running import trace_target
from zoo.studies import lenet_to_alexnet, plain_vs_residual, pool_vs_stride, receptive_field_growth
from zoo.studies._poolings import of_network as unpooled
from zoo.studies._reductions import reductions
from zoo.tables.formats._cells import text
from zoo.tables.table import Table
from zoo_cli.main import run

NAMES = list(studies())
each_study = pytest.mark.parametrize("name", NAMES)


@cache
def table(name: str, **options: Any) -> Table:
    return zoo.compare(name, **options)


def arms(name: str, **options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells by type and name."""
    return {(row.type, row.name): dict(row.cells) for row in table(name, **options).rows}


def lesson(name: str, **options: Any) -> str:
    return table(name, **options).notes[-1]


# Every study ---------------------------------------------------------------------------------------------------------


def test_listing() -> None:
    """Kills a study that is not listed, a question that is not shown, and options that nobody can find."""
    rows = {row.name: row.cells for row in zoo.compare().rows}
    assert list(rows) == NAMES
    assert {"fc-vs-gap", "dense-vs-sparse-vs-conv", "through-the-years"} < rows.keys()
    assert all(row["question"].endswith("?") for row in rows.values())
    assert rows["plain-vs-residual"]["options"] == "run, seeds"


LISTING = "import sys, zoo; zoo.compare(); print('torch' in sys.modules)"


@pytest.mark.parametrize(
    ("code", "loaded"),
    [(LISTING, False), pytest.param(LISTING.replace("compare()", "compare('pool-vs-stride')"), True, marks=pytest.mark.slow)],
)
def test_listing_without_torch(code: str, loaded: bool) -> None:
    """Kills seconds of waiting for a list, and a probe that never finds torch."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded}\n"


@pytest.mark.slow
@each_study
def test_formats(name: str) -> None:
    """Kills cells that a format cannot write, columns that all are dropped, and lines that a terminal breaks."""
    found = table(name)
    page = found.render("text", 80).splitlines()
    assert max(map(len, page)) <= 80
    assert page[0].startswith(f"{name}: ")
    data = json.loads(found.render("json"))
    assert data == json.loads(json.dumps(found.to_dict()))
    assert [row["name"] for row in data["rows"]] == [row.name for row in found.rows]
    lines = list(csv.DictReader(io.StringIO(found.render("csv"))))
    assert [line["name"] for line in lines] == [row.name for row in found.rows]
    markdown = found.render("markdown").splitlines()
    assert sum(line.startswith("| ") for line in markdown) == len(found.rows) + 2  # names and rule
    assert f"- {lesson(name)}" in markdown
    assert found.render("html").count("<tr") >= len(found.rows)


@pytest.mark.slow
@each_study
def test_all_cells_are_filled(name: str) -> None:
    """Kills a column that no arm fills, and a cell that no column shows."""
    found = table(name)
    columns = {column.name for column in found.columns}
    for row in found.rows:
        assert row.cells.keys() == columns
    assert all(any(row.cells[column] is not None for row in found.rows) for column in columns)


@each_study
def test_ratios(name: str) -> None:
    """Kills a ratio upside down, or to another arm than the first of its type."""
    first: dict[str, dict[str, Any]] = {}
    for row in table(name).rows:
        base = first.setdefault(row.type, dict(row.cells))
        for column in base:
            if column.endswith("/1") and isinstance(row.cells[column], float):
                plain = column.removesuffix("/1")
                assert row.cells[column] == pytest.approx(row.cells[plain] / base[plain], rel=1e-5)


def numbers(found: Table) -> Iterator[list[float]]:
    """The numbers of each column."""
    for column in found.columns:
        cells = [row.cells[column.name] for row in found.rows]
        sizes = [max(cell["size"]) if isinstance(cell, dict) and "size" in cell else cell for cell in cells]
        yield list(dict.fromkeys(n for n in sizes if isinstance(n, int | float) and not isinstance(n, bool)))


TARGETS = (
    "lenet5",
    "vgg11",
    "resnet18",
    "googlenet",
    "torchvision:densenet121",
    "torchvision:mobilenet_v2",
    "torchvision:convnext_tiny",
)
NOTHING_TO_SHOW = {
    "bottleneck": ("lenet5", "vgg11", "resnet18", "torchvision:mobilenet_v2", "torchvision:convnext_tiny"),
    "grouped-vs-full": ("lenet5", "vgg11", "resnet18", "googlenet", "torchvision:densenet121"),
    "pool-vs-stride": ("torchvision:mobilenet_v2", "torchvision:convnext_tiny"),
}
"""Networks that a study refuses, since they have no layer of the kind that it asks about."""
OTHERS: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {"on": target})
        for name in NAMES
        if "on" in studies()[name].options
        for target in TARGETS
        if target not in NOTHING_TO_SHOW.get(name, ())
    ),
    *(("grouped-vs-full", {"on": f"torchvision:{name}"}) for name in ("resnext50_32x4d", "shufflenet_v2_x1_0", "regnet_x_400mf")),
    *(("bottleneck", {"on": target}) for target in ("resnet50", "googlenet_bn", "torchvision:inception_v3")),
    ("fc-vs-gap", {"on": "vgg16", "input": (3, 448, 448)}),
    ("fc-vs-gap", {"on": "nin_imagenet"}),
    ("dense-vs-sparse-vs-conv", {"input": (1, 5, 5), "kernel": (5, 5)}),
    ("dense-vs-sparse-vs-conv", {"input": (3, 7, 9), "kernel": (1, 1), "channels": 3}),
    ("dense-vs-sparse-vs-conv", {"input": (1, 9, 9), "kernel": (3, 3), "stride": 3}),
    ("dense-vs-sparse-vs-conv", {"input": (2, 6, 6), "kernel": (5, 5), "channels": 8}),
    ("dense-vs-sparse-vs-conv", {"kernel": (7, 7)}),
    *(("attention-vs-conv", {"channels": c, "heads": h}) for c, h in ((64, 4), (128, 8), (512, 8), (768, 12), (8, 2))),
    *(("convolution-algorithms", {"kernel": k}) for k in (1, 5, 7)),
    *(("convolution-algorithms", {"input": i, "channels": c}) for i, c in (((3, 64, 64), 16), ((512, 7, 7), 512))),
    *(("kept-activations", {"layers": n, "channels": c}) for n, c in ((8, 8), (16, 16), (24, 32), (40, 8), (64, 64))),
    *(("scaling", {"factor": f}) for f in (3, 4, 8)),
    *(("scaling", {"steps": n}) for n in (1, 5)),
    *(("growth", {"layers": n}) for n in (1, 2, 4, 8)),
    ("growth", {"layers": 3, "kernel": 5}),
    *(("pooling", {"window": n}) for n in (3, 4)),
    *(("pooling", {"stride": n}) for n in (1, 3)),
    ("pooling", {"signal": "1 1 1 1 9"}),
    *(("toeplitz", {"input": (n,), "kernel": (k,)}) for n, k in ((5, 2), (7, 3), (9, 5))),
    *(("toeplitz", {"input": (5,), "padding": p}) for p in ("same", "full")),
    *(("convolution", {"kernel": text}) for text in ("1 -1", "12/34", "1 2 1", "1")),
    ("convolution", {"stride": 2}),
    *(("arithmetic-intensity", {"batch": n, "on": "lenet5"}) for n in (2, 8)),
    ("receptive-field-growth", {"on": "torchvision:swin_t"}),
    ("training-memory", {"on": "torchvision:vit_b_16"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"), OTHERS, ids=lambda value: value if isinstance(value, str) else " ".join(map(str, value.values()))
)
def test_lessons_of_other_cases(name: str, options: dict[str, Any]) -> None:
    """Kills a sentence that was written for the default case and is printed for another, or quotes a number of another."""
    said = lesson(name, **options)
    assert_quotes(table(name, **options), large_or_words=False)
    assert said != lesson(name)
    others = {"alexnet", "vgg16", "googlenet", "resnet50", "VGG-16", "GoogLeNet", "AlexNet"} - {str(options.get("on"))}
    assert not any(re.search(rf"\b{other}\b", said) for other in others)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fc-vs-gap", {"on": "vgg16", "input": (3, 448, 448)}, "As published vgg16 does not take 3×448×448"),
        (
            "fc-vs-gap",
            {"on": "nin_imagenet"},
            "is an average already, with 0.0% of its 7.6 million parameters; another linear layer",
        ),
        ("fc-vs-gap", {"on": "alexnet"}, "one linear layer instead of the head leaves 11,551,080"),
        ("dense-vs-sparse-vs-conv", {"input": (1, 5, 5), "kernel": (5, 5)}, "sharing saves nothing"),
        ("dense-vs-sparse-vs-conv", {"input": (1, 5, 5), "kernel": (5, 5)}, "sparse matrix takes 500 bytes, the dense one 100"),
        ("receptive-field-growth", {"on": "torchvision:swin_t"}, "is first known to cover the input at"),
        ("conventions", {}, "For alexnet the tools print from 724,406,816 to 1,448,813,632, 2.0 times"),
        ("bottleneck", {}, "without reductions have 4.1 times the parameters and 3.6 times the MACs"),
        ("bottleneck", {}, "without projections, 1.83 times the parameters and 1.48 times the MACs"),
        (
            "googlenet-table-1",
            {},
            "multiplier 8, then a 1×1 convolution, has 2,712 weights and 34,019,328 multiply-accumulates, which is what",
        ),
        ("googlenet-table-1", {}, "the weights of 3; weights with biases fit in 4 rows"),
        ("stacked-3x3", {}, "write 3.0 times the activations"),
        ("printed-tables", {}, "1 contradicts 1.4M"),
        ("depthwise-separable", {"on": "vgg16"}, "13 full convolutions of vgg16 take 8.6 times the MACs"),
    ],
)
def test_lessons(name: str, options: dict[str, Any], words: str) -> None:
    """Kills a lesson that leaves out what the table was made to show."""
    assert words in lesson(name, **options)


def test_four_ways_read_and_give_the_same() -> None:
    """Kills arms of other images or units, and entries of the matrix for padding: 200×200 pixels that 10×10 windows see."""
    found = arms("dense-vs-sparse-vs-conv")
    for case in {case for case, _ in found}:
        assert len({tuple(found[case, arm]["output"]) for arm in ("dense", "sparse", "unshared", "convolution")}) == 1
    case = "1×200×200, 1 of 10×10"
    seen = sum(0 <= i - 4 + t < 200 for i in range(200) for t in range(10)) ** 2
    assert found[case, "sparse"]["stored"] == found[case, "unshared"]["stored"] == seen < 40_000 * 100
    assert found[case, "dense"]["stored"] == 40_000**2
    assert found[case, "sparse"]["bytes"] == seen * (4 + 8 + 8)
    assert found[case, "convolution"]["buffer"] == 4 * 40_000 * 100


def test_separable() -> None:
    """Kills a separable arm with other maps, and counts that are not section 3.1's: 1/C_out + 1/k² of the full convolution."""
    found = arms("depthwise-separable")
    for case in {case for case, _ in found} - {"all"}:
        full, separable = found[case, "full"], found[case, "separable"]
        assert full["output"] == separable["output"]
        assert separable["macs"] / full["macs"] == pytest.approx(1 / full["output"][0] + 1 / 9)


@pytest.mark.parametrize(("channels", "heads"), [(256, 8), (64, 4), (96, 3), (1024, 16), (8, 8)])
def test_attention(channels: int, heads: int) -> None:
    """Kills projections or products left out, and a lesson that names sizes at which attention is not dearer: L > 2.5 C."""
    found = arms("attention-vs-conv", channels=channels, heads=heads)
    for side in (7, 14, 28, 56, 112):
        conv, attention = (found[f"{side}×{side}", name]["macs"] for name in ("convolution", "attention"))
        assert conv == 9 * channels**2 * side**2
        assert attention == 4 * channels**2 * side**2 + 2 * channels * side**4
        said = lesson("attention-vs-conv", channels=channels, heads=heads).partition(".")[0]
        assert (re.search(rf"\b{side}×{side}", said) is not None) == (side**2 > 2.5 * channels)


def test_training_memory() -> None:
    """Kills a state of the optimizer that it does not keep, and activations that do not grow with the batch."""
    found = arms("training-memory")
    trained = 25_557_032 * 4
    for name, each in (("SGD", 0), ("SGD with momentum", 1), ("Adam", 2)):
        assert found["batch 128", name]["optimizer"] == each * trained
    saved = [found["Adam", f"batch {batch}"]["saved"] for batch in (1, 8, 32, 128)]
    assert saved[3] - saved[2] == pytest.approx(96 * (saved[1] - saved[0]) / 7, rel=1e-6)
    for cells in found.values():
        parts = [cells[part] for part in ("weights", "gradients", "optimizer", "saved") if cells[part] is not None]
        assert cells["total"] == sum(parts)


def test_adam_keeps_two_numbers() -> None:
    """Kills a table of optimizers that torch's do not follow."""
    from zoo.studies.training_memory import OPTIMIZERS

    for name, make in {
        "SGD": lambda params: torch.optim.SGD(params, 0.1),
        "SGD with momentum": lambda params: torch.optim.SGD(params, 0.1, momentum=0.9),
        "Adam": torch.optim.Adam,
    }.items():
        weight = nn.Parameter(torch.ones(10))
        optimizer = make([weight])
        weight.grad = torch.ones(10)
        optimizer.step()
        kept = [value for value in optimizer.state[weight].values() if torch.is_tensor(value) and value.shape == weight.shape]
        assert len(kept) == OPTIMIZERS[name]


@each_study
def test_lesson_quotes_the_table(name: str) -> None:
    """Kills a number typed into a sentence: each is in the table, or is the ratio or the difference of two of one column."""
    assert_quotes(table(name), large_or_words=name not in SMALL)


SMALL = {"arithmetic-intensity", "convolution", "equivariance", "growth", "local-normalisation", "scaling", "toeplitz"}
"""Studies whose numbers fit on a blackboard."""


def assert_quotes(found: Table, large_or_words: bool = True) -> None:
    """Every large number of the lesson is in the table, or a ratio or a difference of two numbers of one column."""
    exact, rounded, ratios = set(), set(), set()
    for column in numbers(found):
        exact |= {text(n) for n in column}
        rounded |= {short(n) for n in column if isinstance(n, int)}
        for a, b in itertools.permutations(column, 2):
            ratios |= {ratio_text(a, b)} if b else set()
            rounded |= {short(a - b)} if isinstance(a, int) and isinstance(b, int) and a > b else set()
    said = str(found.notes[-1])
    large = set(re.findall(r"\d{1,3}(?:,\d{3})+", said))
    words = set(re.findall(r"[\d.]+ (?:thousand|million|billion|trillion)", said))
    factors = set(re.findall(r"([\d.,]*\d) times (?:as|fewer|the|more)", said)) - {"12"}  # as GoogLeNet's paper says of AlexNet
    assert large | words or not large_or_words
    alone = {ratio_text(n, 1) for column in numbers(found) for n in column}
    assert large <= exact | ratios | alone
    assert words <= rounded
    assert factors <= ratios | exact | alone


@each_study
def test_is_in_the_documents(name: str) -> None:
    """Kills a study without a page; what the page shows is compared in test_docs.py."""
    page = (Path(zoo.__file__).parents[1] / "docs" / "studies.md").read_text(encoding="utf-8")
    assert f"\n## {name}\n" in page
    assert f"\n$ zoo compare {name}\n" in page


@pytest.mark.parametrize(
    ("what", "options", "words"),
    [
        (["fc-vs-gab"], {}, "fc-vs-gap"),
        (["years"], {}, "unknown study"),
        (["fc-vs-gap", "alexnet"], {}, "is a study; expected"),
        (["fc-vs-gap"], {"onn": "alexnet"}, "did you mean on"),
        (["plain-vs-residual"], {"seed": 3}, "did you mean seeds"),
        (["alexnet-832m"], {"on": "alexnet"}, "option of alexnet-832m 'on'; it takes none"),
        (["bottleneck"], {"on": "vgg16"}, "vgg16 has no 1×1 convolution that reduces the input of a larger one"),
        (["grouped-vs-full"], {"on": "vgg16"}, "vgg16 has no convolution in groups"),
        (["pool-vs-stride"], {"on": "torchvision:vit_b_16"}, "has no pooling of maps with a stride"),
        (["stacked-3x3"], {"on": "mlp_mnist"}, "mlp_mnist has no full convolution with a kernel of 3×3 or larger"),
        (["plain-vs-residual"], {"seeds": 0}, "seeds: expected an integer >= 1, got 0"),
        (["plain-vs-residual"], {"seeds": True}, "got True"),
        (["plain-vs-residual"], {"seeds": "many"}, "got 'many'"),
        (["receptive-field-growth"], {"on": "resnet5"}, "resnet50"),
        (["receptive-field-growth"], {"on": ""}, "unknown model"),
        (["fc-vs-gap"], {"on": "torchvision:vit_b_16"}, "cannot find the head of VisionTransformer"),
    ],
)
def test_refused(what: list[str], options: dict[str, Any], words: str) -> None:
    """Kills a mistake that is ignored, and a message of several lines or without the way out."""
    with pytest.raises(zoo.ZooError, match=re.escape(words)) as caught:
        zoo.compare(*what, **options)
    assert "\n" not in str(caught.value)


@each_study
def test_options_are_declared(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an option without a kind or a help text, and one that the help page of its study does not show."""
    assert run(["compare", name, "--help"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    for option in studies()[name].options.values():
        assert option.kind is not ANY
        assert option.help
        assert f"--{option.name}" in page
        assert f"{option.help[0].upper()}{option.help[1:]}." in page


@pytest.mark.parametrize("spelled", [["--kernel", "3x3"], ["-s", "kernel=3x3"], ["--set", "kernel=3×3"]])
def test_spellings_of_an_option(spelled: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a spelling that is refused, or read otherwise than in Python."""
    name = "dense-vs-sparse-vs-conv"
    assert run(["compare", name, *spelled, "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(zoo.compare(name, kernel=(3, 3)).render("json"))
    assert zoo.compare(name, kernel="3x3") == zoo.compare(name, kernel=[3, 3])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("stacked-3x3 --kernel 3x3", "--kernel (see zoo compare stacked-3x3 --help)"),
        ("dense-vs-sparse-vs-conv --kernel 3,3", "option kernel: expected sizes"),
        ("dense-vs-sparse-vs-conv -s stride=0", "option stride: expected an integer >= 1, got '0'"),
        ("plain-vs-residual -s run=maybe", "option run: expected true or false, got 'maybe'"),
        ("fc-vs-gap -s no=1", "unknown option of fc-vs-gap 'no'"),
        ("fc-vs-gap alexnet", "is a study; expected"),
    ],
)
def test_options_refused(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a slip that is passed over."""
    assert run(["compare", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


def test_kinds_without_annotations() -> None:
    """Kills a study of a plugin whose keywords declare no more than Python does."""

    def bare(on="alexnet", *, deep=False, stride=2, size=(3, 3), other=None) -> Table:  # type: ignore[no-untyped-def]
        raise NotImplementedError

    kinds = [option.kind for option in declared(bare).values()]
    assert kinds == [TEXT, FLAG, COUNT, SIZES, ANY]


# fc-vs-gap -----------------------------------------------------------------------------------------------------------


def test_heads() -> None:
    """Kills a head cut in the wrong place, and pooling that is taken for one: the paper's numbers and ours by hand."""
    found = arms("fc-vs-gap")
    fc = 37_752_832 + 16_781_312 + 4_097_000
    assert found["alexnet", "published"]["params"] == 60_965_224
    assert found["alexnet", "published"]["head_params"] == fc
    assert round(found["alexnet", "published"]["share"], 2) == 0.96
    assert (found["vgg16", "gap"]["params"], found["vgg16", "gap"]["macs"]) == (15_227_688, 15_347_142_656)
    assert found["googlenet", "published"]["params"] == found["googlenet", "gap"]["params"] == 6_998_552
    assert found["vgg16", "fc"]["params"] == 138_357_544
    # VGG's head on GoogLeNet's 1024×7×7 maps
    assert found["googlenet", "fc"]["head_params"] == 1024 * 49 * 4096 + 4096 + 16_781_312 + 4_097_000


def test_class_maps() -> None:
    """Kills class maps made after the average: the 1×1 convolution runs at each position, 36 in AlexNet, 49 in VGG-16."""
    found = arms("fc-vs-gap")
    for name, positions, channels in (("alexnet", 36, 256), ("vgg16", 49, 512)):
        gap, maps = found[name, "gap"], found[name, "maps"]
        assert maps == found[name, "nin"]
        assert maps["params"] == gap["params"]
        assert maps["head_macs"] == positions * gap["head_macs"] == positions * channels * 1000


def test_nin_is_another_function() -> None:
    """Kills a ReLU after the average, which changes other scores: with the same weights nin averages the positive parts alone."""
    from zoo.studies.fc_vs_gap import _head

    torch.manual_seed(0)
    maps, nin = _head("maps", (5, 4, 3), 6), _head("nin", (5, 4, 3), 6)
    nin.load_state_dict(dict(zip(nin.state_dict(), maps.state_dict().values(), strict=True)))
    x = torch.randn(2, 5, 4, 3)
    weight, bias = maps.state_dict().values()
    scores = torch.einsum("nchw,kc->nkhw", x, weight[:, :, 0, 0]) + bias[:, None, None]
    torch.testing.assert_close(maps(x), scores.mean((2, 3)))
    torch.testing.assert_close(nin(x), scores.clamp(min=0).mean((2, 3)))
    assert not torch.allclose(nin(x), maps(x).clamp(min=0), atol=1e-3)


def test_heads_and_sizes() -> None:
    """Kills a class score that sees too little, and a fully connected layer that takes images of any size."""
    found = arms("fc-vs-gap")
    sizes = {arm: cells["any_size"] for (name, arm), cells in found.items() if name == "alexnet"}
    assert sizes == {"published": "no", "maps": "yes", "nin": "yes", "gap": "yes", "flat": "no", "fc": "no"}
    assert found["googlenet", "published"]["any_size"] == "no"  # its average is of 7×7 units
    assert all(cells["rf"]["global"] for cells in found.values())


def test_lesson_of_heads() -> None:
    """Kills the 12 times of GoogLeNet's paper, which no count gives."""
    assert "parameters are 8.7 times GoogLeNet's 6,998,552, not 12 times" in lesson("fc-vs-gap")


def test_heads_of_another_network() -> None:
    """Kills a study that knows its own four networks only, or takes an average for a large head."""
    found = arms("fc-vs-gap", on="torchvision:densenet121")
    assert found["torchvision:densenet121", "published"]["params"] == 7_978_856
    assert "is an average and one linear layer" in lesson("fc-vs-gap", on="torchvision:densenet121")
    assert "15,227,688 parameters" in lesson("fc-vs-gap", on="vgg16")


# stacked-3x3 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "side"), [(64, 224), (128, 112), (256, 56), (512, 28)])
def test_stacks(channels: int, side: int) -> None:
    """Kills other counts than section 2.3's 27C² and 49C², maps of another stage, and biases among the weights."""
    found = arms("stacked-3x3")
    for name, rf, kernels in (("three 3×3", 7, 3 * [9]), ("one 7×7", 7, [49]), ("two 3×3", 5, 2 * [9]), ("one 5×5", 5, [25])):
        cells = found[f"{channels}, rf {rf}", name]
        assert cells["weights/C²"] == sum(kernels)
        assert cells["weights"] == sum(kernels) * channels**2
        assert cells["params"] == cells["weights"] + len(kernels) * channels
        assert cells["macs"] == cells["weights"] * side**2
        assert cells["relus"] == cells["depth"] == len(kernels)
        assert cells["rf"] == {"size": [rf, rf], "stride": [1, 1], "padding": [rf // 2, rf // 2]}
    assert found[f"{channels}, rf 7", "one 7×7"]["weights/1"] == pytest.approx(49 / 27, rel=1e-5)


def test_lesson_of_stacks() -> None:
    """Kills the other ratio: the paper says that 7×7 has 81% more, not that 3×3 has 45% less."""
    assert "27C² weights; one 7×7 convolution has 49C², 81% more" in lesson("stacked-3x3")
    assert "18C², one 5×5 convolution 25C², 39% more" in lesson("stacked-3x3")


# bottleneck ----------------------------------------------------------------------------------------------------------

# Side of the maps, channels that come in, filters of 1×1, 3×3 and 5×5 as in Table 1 of the paper; parameters, MACs, channels.
MODULES = """
3a 28 192  64 128  32   163696 128049152  256
3b 28 256 128 192  96   388736 304267264  480
4a 14 480 192 208  48   376176  73608192  512
4b 14 512 160 224  64   449160  87908352  512
4c 14 512 128 256  64   510104  99850240  512
4d 14 512 112 288  64   605376 118515712  528
4e 14 528 256 320 128   868352 169996288  832
5a  7 832 256 320 128  1043456  51079168  832
5b  7 832 384 384 128  1444080  70697984 1024
"""
INCEPTION = [(name, *map(int, rest)) for name, *rest in map(str.split, MODULES.strip().splitlines())]


@pytest.mark.parametrize(("name", "side", "channels", "n1", "n3", "n5", "params", "macs", "out"), INCEPTION)
def test_modules(name: str, side: int, channels: int, n1: int, n3: int, n5: int, params: int, macs: int, out: int) -> None:
    """Kills a naive module that reduces its pooling or its large kernels, and one on other channels than the network's."""
    reduced, naive = arms("bottleneck")[name, "reduced"], arms("bottleneck")[name, "naive"]
    assert [reduced[key] for key in ("in", "out", "params", "macs", "maps")] == [channels, out, params, macs, [side, side]]
    weights = channels * (n1 + 9 * n3 + 25 * n5)
    assert [naive[key] for key in ("in", "out", "macs")] == [channels, channels + n1 + n3 + n5, weights * side**2]
    assert naive["params"] == weights + n1 + n3 + n5


def test_all_modules() -> None:
    """Kills a chain that forgets a module or its pooling, or gives a naive one the reduced one's channels."""
    reduced, naive = arms("bottleneck")["all nine", "reduced"], arms("bottleneck")["all nine", "naive"]
    assert [reduced["params"], reduced["macs"]] == [sum(row[i] for row in INCEPTION) for i in (6, 7)]
    channels, macs = 192, 0
    for _, side, _, n1, n3, n5, *_ in INCEPTION:
        macs += channels * (n1 + 9 * n3 + 25 * n5) * side**2
        channels += n1 + n3 + n5
    assert (naive["out"], naive["macs"], naive["maps"]) == (channels, macs, [7, 7])


def test_blocks() -> None:
    """Kills blocks of other widths than figure 5's 64 and 256, and projections or maps that are not there."""
    found = {name: cells for (kind, name), cells in arms("bottleneck").items() if kind == "conv2_x"}
    weights = {"basic": 2 * 9 * 64**2, "bottleneck": 2 * 256 * 64 + 9 * 64**2, "wide basic": 2 * 9 * 256**2}
    scales = {"basic": 2 * 2 * 64, "bottleneck": 2 * (64 + 64 + 256), "wide basic": 2 * 2 * 256}
    assert {name: cells["params"] for name, cells in found.items()} == {name: weights[name] + scales[name] for name in weights}
    assert {name: cells["macs"] for name, cells in found.items()} == {name: 56**2 * n for name, n in weights.items()}
    assert [(cells["in"], cells["out"]) for cells in found.values()] == [(64, 64), (256, 256), (256, 256)]


def test_reductions_of_any_network() -> None:
    """Kills a reduction that is not found or counted twice: GoogLeNet's modules are built with and without them too."""
    nine, whole = arms("bottleneck"), arms("bottleneck", on="googlenet")
    for unit in ("params", "macs"):
        grown = nine["all nine", "no reductions"][unit] - nine["all nine", "reduced"][unit]
        assert whole["network", "direct"][unit] - whole["network", "reduced"][unit] == grown
    assert [pair.name for pair in reductions(squeezing(2))] == ["2"]
    assert not list(reductions(squeezing(9)))


def squeezing(width: int) -> zoo.Trace:
    """A 1×1 convolution of 8 maps to so many, and a 3×3 convolution of them."""
    net = nn.Sequential(nn.Conv2d(8, width, 1), nn.ReLU(), nn.Conv2d(width, 4, 3))
    return zoo.trace(net, input=(1, 8, 6, 6))


# grouped-vs-full -----------------------------------------------------------------------------------------------------


def test_groups() -> None:
    """Kills a layer too many or too few, and the ungrouped network taken for the published one."""
    found = arms("grouped-vs-full")
    layers = ("conv2", "conv4", "conv5", "all of them", "network")
    assert list(found) == [(layer, arm) for layer in layers for arm in ("grouped", "full")]
    grouped = {layer: tuple(found[layer, "grouped"][key] for key in ("reads", "params", "macs")) for layer, _ in found}
    del grouped["all of them"]
    assert grouped == {
        "conv2": (48, 307_456, 223_948_800),
        "conv4": (192, 663_936, 112_140_288),
        "conv5": (192, 442_624, 74_760_192),
        "network": (None, 60_965_224, 724_406_816),
    }
    for layer in ("conv2", "conv4", "conv5"):
        assert found[layer, "full"]["reads"] == 2 * grouped[layer][0]
        assert found[layer, "full"]["macs"] == 2 * grouped[layer][2]
    built = zoo.measure(zoo.trace("alexnet_ungrouped"), columns=["params", "macs"], depth=0).total
    assert [found["network", "full"][key] for key in ("params", "macs")] == list(built.values()) == [62_378_344, 1_135_256_096]
    assert "the whole of alexnet 56.7% more MACs" in lesson("grouped-vs-full")


# plain-vs-residual ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "arm", "params", "macs", "projections"),
    [
        (18, "plain", 11_515_688, 1_794_805_760, 0),
        (18, "A", 11_515_688, 1_794_805_760, 0),
        (18, "B", 11_689_512, 1_814_073_344, 3),
        (18, "C", 12_043_816, 1_878_298_624, 8),
        (34, "plain", 21_623_848, 3_644_493_824, 0),
        (34, "A", 21_623_848, 3_644_493_824, 0),
        (34, "B", 21_797_672, 3_663_761_408, 3),
        (34, "C", 22_716_840, 3_830_747_136, 16),
    ],
)
def test_shortcuts(depth: int, arm: str, params: int, macs: int, projections: int) -> None:
    """Kills a shortcut of the wrong kind, and one that is counted into the depth."""
    cells = arms("plain-vs-residual")[f"{depth} layers", arm]
    assert [cells[key] for key in ("params", "macs", "depth", "projections")] == [params, macs, depth, projections]


def test_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills norms of other weights than those they are named after, arms that start from other weights, and a changed seed."""
    monkeypatch.setattr(plain_vs_residual, "DEPTHS", {18: (2, 2, 2, 2)})
    state = torch.get_rng_state()
    found = {row.name: row.cells for row in zoo.compare("plain-vs-residual", run=True, seeds=1).rows}
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images, classes = torch.randn(4, 3, 64, 64), torch.randint(1000, (4,))
        net = zoo.create_model("plain18").train()
    weights = [weight for name, weight in net.conv4_x.named_parameters() if "conv" in name]
    gradients = torch.autograd.grad(F.cross_entropy(net(images), classes), weights)
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
    assert found["plain"]["conv4_x"] == pytest.approx(norm, rel=0.01)
    growth = {arm: cells["conv2_x"] / cells["conv5_x"] for arm, cells in found.items()}
    assert growth["A"] < growth["B"] < growth["C"] < growth["plain"]


# pool-vs-stride ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arm", "params", "macs", "depth", "size"),
    [
        ("base", 954_730, 228_331_008, 7, 3 + 2 + 2 + 2 * (2 + 2 + 2) + 4 * 2),
        ("strided", 954_730, 100_929_024, 7, 3 + 2 + 2 * (2 + 2) + 4 * 2),
        ("more convs", 1_369_738, 398_200_320, 9, 3 + 2 + 2 + 2 + 2 * (2 + 2 + 2 + 2) + 4 * 2),
        ("all conv", 1_369_738, 270_798_336, 9, 3 + 2 + 2 + 2 * (2 + 2 + 2) + 4 * 2),  # as the authors' Caffe model has it
    ],
)
def test_model_c(arm: str, params: int, macs: int, depth: int, size: int) -> None:
    """Kills a stride in the wrong layer, other padding than gives 6×6 class maps, and a convolution too few."""
    cells = arms("pool-vs-stride")["model C", arm]
    assert [cells[key] for key in ("params", "macs", "depth")] == [params, macs, depth]
    assert cells["rf"]["size"] == [size, size]
    assert cells["rf"]["stride"] == [4, 4]
    maps = pool_vs_stride._network(pool_vs_stride.STAGES[arm])(torch.zeros(1, 3, 32, 32))
    assert maps.shape == (1, 10, 6, 6)


def test_poolings_of_any_network() -> None:
    """Kills a stride arm or a convolution that counts otherwise than the network that is built so."""

    def conv(before: int, after: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, stride, padding=1), nn.BatchNorm2d(after), nn.ReLU()]

    def built(*layers: nn.Module) -> zoo.Trace:
        return zoo.trace(nn.Sequential(*layers, *conv(6, 4)), input=(1, 3, 8, 8))

    found = {(arm.type, arm.name): arm.cells for arm in unpooled(built(*conv(3, 6), nn.MaxPool2d(2)))[0]}
    others = {
        "pooling": built(*conv(3, 6), nn.MaxPool2d(2)),
        "convolution": built(*conv(3, 6), nn.Conv2d(6, 6, 2, 2)),
        "stride": built(*conv(3, 6, 2)),
    }
    for arm, net in others.items():
        total = zoo.measure(net, columns=["params", "macs"], depth=0).total
        assert {unit: found["network", arm][unit] for unit in total} == total


@pytest.mark.parametrize(
    ("study", "row", "printed", "words"),
    [
        ("alexnet_832m", "conv4", ("1.3M", "112M"), "conv2, conv4 and conv5 are grouped as in the paper. Without truncation"),
        ("alexnet_832m", "conv2", ("307K", "999M"), "7 of its 8 rows follow"),
        ("alexnet_832m", "conv2", ("307K", "999M"), "conv2 fits neither"),
        ("googlenet_table_1", "inception_5a", ("1018", "51M"), "which is what the table prints. The network"),
        ("googlenet_table_1", "inception_4a", ("364", "99M"), "Row inception_4a does not fit its filters."),
        ("googlenet_table_1", "conv1", ("9.2", "118M"), "fit in 5 rows. Row inception_5a"),
    ],
)
def test_lessons_follow_what_is_printed(
    study: str, row: str, printed: tuple[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills a sentence about a printed table that stands whatever the table prints."""
    module = importlib.import_module(f"zoo.studies.{study}")
    monkeypatch.setattr(module, "PRINTED", {**module.PRINTED, row: printed})
    assert words in str(module.run().notes[-1])


def test_no_factor_where_none_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills the factor of 3 of lectures where forward passes alone give the number that is printed."""
    assert "What is printed has a factor of 3" in lesson("lenet-to-alexnet")
    monkeypatch.setattr(lenet_to_alexnet, "PRINTED_TRAINING", "70×10^15")
    assert "factor" not in str(lenet_to_alexnet.run().notes[-1])


# receptive-field-growth ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "covers", "at", "beyond"),
    [
        ("lenet5", 16, "C5", 3, 1),
        ("alexnet", 195, "fc6", 6, 2),
        ("vgg16", 212, "classifier.fc6", 14, 2),
        ("vgg19", 268, "features.conv5_4", 16, 3),
        ("googlenet", 715, "inception_4b.conv5x5", 11, 11),
        ("resnet50", 483, "conv4_x.3.conv2", 33, 17),
        ("resnet152", 1507, "conv4_x.1.conv2", 39, 113),
    ],
)
def test_fields(name: str, size: int, covers: str, at: int, beyond: int) -> None:
    """Kills class scores taken for maps, and a layer counted among those behind itself."""
    cells = receptive_field_growth._at_the_end(trace_target(name))
    assert cells["rf"]["size"] == [size, size]
    assert (cells["covers"], cells["at"], cells["beyond"]) == (covers, at, beyond)
    assert at + beyond == zoo.card(name).depth
    assert cells["rf/input"] == pytest.approx(size / zoo.card(name).input[1], rel=1e-5)


def test_families() -> None:
    """Kills a family left out, and networks of middling depth in the place of its ends."""
    ends: dict[str, list[str]] = {}
    for row in table("receptive-field-growth").rows:
        ends.setdefault(row.type, []).append(row.name)
    assert ends["vgg"] == ["vgg11", "vgg19"]
    assert ends["googlenet"] == ["googlenet"]
    assert set(ends) == {zoo.card(name).family for name in zoo.list_models() if len(zoo.card(name).input) == 3}
    for family, names in ends.items():
        depths = [zoo.card(name).depth for name in zoo.list_models(family=family)]
        assert {zoo.card(name).depth for name in names} == {min(depths), max(depths)}
    for row in table("receptive-field-growth").rows:
        seen = row.cells["covers"] is not None
        assert not seen or row.cells["at"] + row.cells["beyond"] == zoo.card(row.name).depth
        assert seen != (zoo.card(row.name).family == "fcn")  # which sees less than 500×500 pixels


def test_growth() -> None:
    """Kills rows that repeat a field, and fields of VGG-16 other than Araujo et al.'s."""
    rows = table("receptive-field-growth", on="vgg16").rows
    sizes = {row.name.rpartition(".")[2]: row.cells["rf"]["size"][0] for row in rows}
    assert {f"pool{i}": sizes[f"pool{i}"] for i in range(1, 6)} == {
        "pool1": 6,
        "pool2": 16,
        "pool3": 44,
        "pool4": 100,
        "pool5": 212,
    }
    assert sizes["fc6"] == 404
    assert list(sizes.values()) == sorted(set(sizes.values()))
    assert "first covers the input at classifier.fc6, layer 14 on the longest path, with 2 after it" in lesson(
        "receptive-field-growth", on="vgg16"
    )


def test_growth_of_any_network() -> None:
    """Kills a sentence about a layer that is not there, and a module that is refused for being none of the catalogue."""
    said = zoo.compare("receptive-field-growth", on=nn.Sequential(nn.Conv2d(3, 4, 7), nn.Conv2d(4, 4, 3))).notes[-1]
    assert said == "No unit of Sequential sees the whole input; units of its last maps see 0.0402 of the input's side."
    with pytest.raises(zoo.ZooError, match="no receptive fields to follow: circular padding"):
        zoo.compare("receptive-field-growth", on=nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"))


# Cost against accuracy, intensity -------------------------------------------------------------------------------------


def test_accuracies_are_those_of_torchvision() -> None:
    """An oracle: torchvision's metadata has the accuracies and costs of its own weights."""
    from torchvision.models import get_model_weights

    rows = {row.name: row.cells for row in table("cost-against-accuracy").rows if row.type == "centre crop"}
    for name in ("vgg11", "vgg16", "resnet34", "resnet50_v1_5", "googlenet_bn"):
        weights = get_model_weights(zoo.card(name).torchvision).IMAGENET1K_V1  # type: ignore[attr-defined]
        assert rows[name]["top1"] == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert rows[name]["macs"] / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.02)


def test_what_is_better() -> None:
    """Kills networks that are compared across tests, and a front of networks that another beats in accuracy and MACs."""
    found = table("cost-against-accuracy").rows
    for row in found:
        mine = row.cells
        rivals = [one.cells for one in found if one.type == row.type and one.name != row.name]
        beaten = [c for c in rivals if c["top1"] >= mine["top1"] and c["macs"] <= mine["macs"]]
        assert mine["better"] == sum((c["top1"], c["macs"]) != (mine["top1"], mine["macs"]) for c in beaten)
    assert {row.name for row in found if row.type == "centre crop" and not row.cells["better"]} >= {"resnet34", "googlenet_bn"}
    assert {row.name for row in found if row.cells["better"]} >= {"vgg19", "plain34"}


def test_intensity_by_hand() -> None:
    """Kills bytes that are left out and a limit upside down: a layer of 4096 to 4096 units moves its 16.8 million weights."""
    found = arms("arithmetic-intensity", on="alexnet", batch=64, device="1e12:1e11")
    fc = [(9216, 4096), (4096, 4096), (4096, 1000)]
    for batch in (1, 64):
        flops, moved = 2 * batch * sum(a * b for a, b in fc), 4 * sum(a * b + b + batch * (a + b) for a, b in fc)
        cells = found["alexnet", f"fc ×{batch}"]
        assert (cells["flops"], cells["moved"]) == (flops, moved)
        assert cells["by_memory"] == (3 if batch == 1 else 0)
    each = [(2 * a * b, 4 * (a * b + a + 2 * b)) for a, b in fc]
    seconds = sum(max(flops / 1e12, moved / 1e11) for flops, moved in each)
    assert found["alexnet", "fc ×1"]["microseconds"] == pytest.approx(1e6 * seconds, rel=1e-2)
    assert found["alexnet", "all ×1"]["time"] == 1


def test_kinds_of_layers() -> None:
    """Kills depthwise convolutions among the full ones, and products of attention that are no layer."""
    for target, kinds in (
        ("torchvision:mobilenet_v2", {"conv", "depthwise", "fc", "all"}),
        ("torchvision:vit_b_16", {"conv", "fc", "other", "all"}),
    ):
        assert {name.partition(" ")[0] for _, name in arms("arithmetic-intensity", on=target)} == kinds


# through-the-years ---------------------------------------------------------------------------------------------------


def test_years() -> None:
    """Kills a network left out, years out of order, and cells that are not what the card claims."""
    rows = table("through-the-years").rows
    assert [row.name for row in rows] == zoo.list_models()
    for row in rows:
        card = zoo.card(row.name)
        assert [row.cells[key] for key in ("params", "macs", "depth")] == [card.params, card.macs, card.depth]
        assert row.cells["year"] == (None if row.type == "variant" else card.year)
        assert row.cells["input"] == list(card.input)
        assert row.cells["reuse"] == pytest.approx(card.macs / card.params, rel=1e-5)
    years = [row.cells["year"] for row in rows if row.cells["year"]]
    assert years == sorted(years)
    variants = {row.name for row in rows if row.type == "variant"}
    assert variants == {
        *("lenet5_modern", "alexnet_ungrouped", "googlenet_bn", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
        *("resnet50_v1_5", "resnet101_v1_5", "resnet152_v1_5"),
    }
    assert not any(name in lesson("through-the-years") for name in variants)
    fields = {row.name: row.cells["rf"] for row in rows}
    assert (fields["alexnet"], fields["vgg16"], fields["googlenet"], fields["resnet50"]) == (195, 212, 715, 483)
