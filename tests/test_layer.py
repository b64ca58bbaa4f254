"""The layer calculator: described layers give what torch's own layers give, and what lectures print."""

import json
from typing import Any

import pytest
from torch import nn

import zoo
from zoo.analysis.working import Place, Wiring
from zoo.models.by_hand import trace_of
from zoo.models.described import read
from zoo_cli.main import run


def numbers(table: zoo.Table) -> list[Any]:
    names = ["output", "params", "macs", "flops", "rf", "units", "connections"]
    return [[row.cells[name] for name in names] for row in table.rows]


@pytest.mark.parametrize(
    ("shape", "text", "layers"),
    [
        ((3, 32, 32), "conv 10 5x5 pad 2", [nn.Conv2d(3, 10, 5, padding=2)]),
        ((3, 7, 7), "conv 1 3x3/3", [nn.Conv2d(3, 1, 3, stride=3)]),
        ((3, 32, 32), "conv 8 3x5 dilation 2 no bias", [nn.Conv2d(3, 8, (3, 5), dilation=2, bias=False)]),
        ((4, 9, 9), "conv 8 3 groups 2 stride 2x1", [nn.Conv2d(4, 8, 3, groups=2, stride=(2, 1))]),
        (
            (3, 32, 32),
            "conv 6 5x5 | relu | pool 2x2 | fc 120",
            [nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1176, 120)],
        ),
        ((128, 21), "conv 32 5 | pool 3 | gap", [nn.Conv1d(128, 32, 5), nn.MaxPool1d(3), nn.AdaptiveAvgPool1d(1)]),
        ((1, 8, 8, 8), "conv 2 3 | avgpool 2", [nn.Conv3d(1, 2, 3), nn.AvgPool3d(2)]),
        ((3, 14, 14), "pool 3x3/2 ceil", [nn.MaxPool2d(3, 2, ceil_mode=True)]),
        ((784,), "fc 30 | sigmoid", [nn.Linear(784, 30), nn.Sigmoid()]),
        ((3, 8, 8), "Conv2d(3, 10, 5, padding='same') | nn.BatchNorm2d(10)", [nn.Conv2d(3, 10, 5, padding=2), nn.BatchNorm2d(10)]),
        ((3, 8, 8), "torch.nn.AvgPool2d(2, stride=1, padding=1) | ReLU()", [nn.AvgPool2d(2, stride=1, padding=1), nn.ReLU()]),
        ((2, 9), "Conv1d(2, 4, kernel_size=3, stride=(2,), bias=False)", [nn.Conv1d(2, 4, 3, stride=2, bias=False)]),
    ],
)
def test_numbers_are_those_of_torch(shape: tuple[int, ...], text: str, layers: list[nn.Module]) -> None:
    columns = ["output", "params", "macs", "flops", "rf", "units", "connections"]
    expected = zoo.summary(nn.Sequential(*layers), input=(1, *shape), columns=columns)
    assert numbers(zoo.layer(shape, text).table) == numbers(expected)


@pytest.mark.parametrize(
    ("text", "output", "params"),
    [
        ("conv 96 11x11/4 same", [1, 96, 56, 56], 34_944),  # not 55, as a lecture's table of AlexNet has it
        ("conv 5 5x5 full", [1, 5, 228, 228], 380),
        ("conv 5 5x5 valid", [1, 5, 220, 220], 380),
    ],
)
def test_named_paddings(text: str, output: list[int], params: int) -> None:
    cells = zoo.layer((3, 224, 224), text).table.rows[0].cells
    assert (cells["output"], cells["params"]) == (output, params)


@pytest.mark.parametrize(
    ("shape", "text", "message"),
    [
        ((3, 8, 8), "conv 6 5x5 | rleu", "layer 2 'rleu', at character 14: unknown layer 'rleu'; did you mean relu?"),
        (
            (3, 8, 8),
            "conv x 3x3",
            "layer 1 'conv x 3x3', at character 1: expected conv MAPS KERNEL, such as conv 10 5x5 pad 2; got 'x'",
        ),
        ((3, 8, 8), "conv 1 9x9", "layer 1 'conv 1 9x9' on 3×8×8: a window of 9 does not fit into 8; try pad"),
        ((3, 8, 8), "Conv2d(4, 10, 5)", "it takes 4 channels, and got 3"),
        ((3, 8, 8), "Conv2d(3, 10, 5, paddin=2)", "Conv2d takes in_channels, out_channels, kernel_size"),
        ((3, 8, 8), "Conv2d(3, 10, __import__('os'))", "nothing is evaluated"),
        ((3, 8, 8), "Conv1d(3, 4, 5)", "it takes maps of 1 spatial axes, and got 2"),
        ((3, 8, 8), "Conv2d(3, 4)", "expected kernel_size"),
        ((3, 8, 8), "conv 4 3x3 |", "layer 2 '', at character"),
        ((3, 8, 8), "conv 4 3x3x3", "kernel 3×3×3: expected one size or 2"),
        ((3, 8, 8), "pool 2x2 pad x", "pad: expected a size"),
        ((3, 8, 8), "fc 10 | conv 4 3x3", "it needs maps, and got features"),
    ],
)
def test_bad_layers_are_named(shape: tuple[int, ...], text: str, message: str) -> None:
    with pytest.raises(zoo.ZooError) as error:
        zoo.layer(shape, text)
    assert message in str(error.value)


def test_what_does_not_fit_is_said() -> None:
    text = str(zoo.layer((3, 7, 7), "conv 1 3x3/3"))
    assert "does not fit exactly: no window sees row 7 of 7" in text
    assert "does not fit exactly: no window sees column 7 of 7" in text
    assert "does not fit" not in str(zoo.layer((3, 7, 7), "conv 1 3x3/2"))


def test_wirings_of_the_lectures() -> None:
    """Ranzato: 200x200 pixels and 40,000 units: 1.6e9 dense; 4M locally connected 10x10; 100 shared filters: 10K weights."""
    (table,) = zoo.layer((1, 200, 200), "conv 1 10x10 same no bias").wirings
    weights = {row.name: row.cells["weights"] for row in table.rows}
    assert weights == {"dense": 1_600_000_000, "local": 4_000_000, "shared": 100}
    (table,) = zoo.layer((1, 200, 200), "conv 100 10x10 same no bias").wirings
    assert {row.name: row.cells["weights"] for row in table.rows}["shared"] == 10_000


def test_what_gives_a_size() -> None:
    found = zoo.layer((3, 224, 224), "conv 64 7x7", want=(112, 112)).wanted
    assert found is not None
    assert [(row.cells["stride"], row.cells["padding"]) for row in found.rows] == [(2, "3"), (2, "2+3 2+3")]
    for row in found.rows[:1]:
        layer = nn.Conv2d(3, 64, 7, stride=row.cells["stride"], padding=int(row.cells["padding"]))
        assert zoo.trace(layer, input=(1, 3, 224, 224)).outputs[0].shape[2:] == (112, 112)


def test_no_padding_gives_it() -> None:
    found = zoo.layer((3, 224, 224), "conv 64 3x3", want=(300, 300)).wanted
    assert found is not None
    assert not found.rows
    assert "no stride and padding" in str(found.notes[0])


@pytest.mark.parametrize(
    ("text", "said", "zeros"),
    [
        ("conv 8 4x4 same", "padded first: 1 + 32 + 2, same", True),  # torch pads an even kernel so, too
        ("conv 8 4x5/3 same", "padded first: 1 + 32 + 1 and 1 + 32 + 2, same", True),
        ("conv 8 5x5 same", "p: padding, same", True),
        ("conv 8 5x5 full", "p: padding, full", True),
        ("conv 1 5x5", "p: padding, the default, valid", False),
    ],
)
def test_paddings_are_said(text: str, said: str, zeros: bool) -> None:
    """Kills an answer to "same" that does not say which padding it is, and connections to zeros that nobody mentions."""
    page = " ".join(zoo.layer((3, 32, 32), text).text(400).split())
    assert said in page
    assert ("connections and weights include those to the zeros of the padding" in page) == zeros
    if text.startswith("conv 1 "):
        assert "1 filter of 5×5×3, 1 bias" in page


def test_explanations_of_described_layers() -> None:
    from test_explain import columns, wrong

    trace = trace_of((3, 32, 32), read("conv 6 5x5/2 same | relu | pool 3x3/2 ceil | conv 4 4x4 same | gap | fc 7"))
    from zoo.analysis.choose import choose
    from zoo.analysis.rows import group

    wiring = Wiring(trace)
    assert [text for row in group(trace) for one in choose([*columns()]) for text in wrong(one, Place(wiring, row))] == []


def test_want_where_the_layer_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an answer that is withheld because of the very question: which padding makes it fit."""
    assert run(["layer", "3x7x7", "conv 1 9x9", "--want", "3x3"]) == 0
    page = capsys.readouterr().out
    assert "as described it does not fit: layer 1 'conv 1 9x9' on 3×7×7: a window of 9 does" in page
    found = zoo.layer((3, 7, 7), "conv 1 9x9", want=(3, 3))
    assert found.wanted is not None
    for row in found.wanted.rows:
        if row.cells["padding"].isdecimal():
            layer = nn.Conv2d(3, 1, 9, stride=row.cells["stride"], padding=int(row.cells["padding"]))
            assert zoo.trace(layer, input=(1, 3, 7, 7)).outputs[0].shape[2:] == (3, 3)
    assert json.loads(json.dumps(found.to_dict()))["table"]["rows"] == []
    with pytest.raises(zoo.ZooError, match="a window of 9 does not fit"):
        zoo.layer((3, 7, 7), "conv 1 9x9")
