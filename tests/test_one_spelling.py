"""One rule for the input of every public function: a string has no batch, a shape has one, and a tensor stands for its shape."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo

NET = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1), nn.Flatten(2))


def headed() -> nn.Module:
    """A classifier of images 24×16, and of no other size."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 12 * 8, 5))


def exported(given: Any, folder: Path) -> Any:
    """The sizes of the input in the exported file, batch included."""
    zoo.export(headed(), folder / "net.pt2", input=given, batch=1, force=True)
    return zoo.summary(str(folder / "net.pt2")).context["inputs"][0]


# What each public function makes of an input of 1×3×24×16; of another size it makes something else, or refuses it.
CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "check_budget": lambda given, _: zoo.check_budget(NET, max_macs="1G", input=given).rows,
    "compare": lambda given, _: zoo.compare(NET, NET, input=given).context["inputs"],
    "diff": lambda given, _: zoo.diff(NET, NET, input=given).context["about"],
    "draw": lambda given, _: zoo.draw(NET, input=given).svg(),
    "explain": lambda given, _: zoo.explain(NET, "0", input=given).context["inputs"],
    "export": exported,
    "features": lambda given, _: zoo.features(NET, ["2"], input=given).stages["2"].size,
    "freeze": lambda given, _: zoo.freeze(headed(), "stage1", input=given),
    "lint": lambda given, _: str(zoo.lint(NET, input=given)),
    "parameter_groups": lambda given, _: [group["name"] for group in zoo.parameter_groups(headed(), lr=1, input=given)],
    "pattern": lambda given, _: zoo.pattern(NET, input=given).table.context["inputs"],
    "plot": lambda given, _: zoo.plot("growth", NET, input=given).svg(),
    "receptive_field": lambda given, _: zoo.receptive_field(NET, "2", input=given).units,
    "replace_head": lambda given, _: zoo.replace_head(headed(), "gap", input=given).head.fc.in_features,
    "report": lambda given, _: zoo.report(NET, input=given).html,
    "reset_classifier": lambda given, _: zoo.reset_classifier(headed(), 7, input=given)[3].out_features,
    "stages": lambda given, _: [stage.size for stage in zoo.stages(NET, given)],
    "summary": lambda given, _: zoo.summary(NET, input=given).context["inputs"],
    "sweep": lambda given, _: [row.cells["input"] for row in zoo.sweep(NET, input=given).rows],
    "trace": lambda given, _: zoo.trace(NET, input=given),
    "verify": lambda given, _: zoo.verify(NET, input=given).context["inputs"],
}
SPELLINGS = {
    "string": "3x24x16",
    "list": [1, 3, 24, 16],
    "size": torch.Size((1, 3, 24, 16)),
    "Input": zoo.Input((1, 3, 24, 16)),
    "tensor": torch.full((1, 3, 24, 16), 0.12345),
    "one in a list": [(1, 3, 24, 16)],
}


def test_every_function_is_here() -> None:
    """Kills a function with an input that nobody has tried: its signature has `input`, or passes it on."""
    functions = {name: getattr(zoo, name) for name in zoo.__all__ if inspect.isfunction(getattr(zoo, name))}
    taking = {name for name, one in functions.items() if "input" in inspect.signature(one).parameters}
    passing = {"compare", "pattern", "plot"}  # in **keywords, which `zoo.trace` takes
    assert all("zoo.trace" in (functions[name].__doc__ or "") for name in passing)
    assert taking | passing == set(CALLS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in {"export", "plot"})) for name in CALLS])
def test_one_spelling(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a function that takes strings alone, or shapes alone, reads the batch of one as channels, or assumes another input."""
    monkeypatch.setattr("zoo.models.running._SEARCH_SECONDS", 0.0)  # for a size that would fit
    call = CALLS[name]
    expected = call((1, 3, 24, 16), tmp_path)
    for spelling, given in SPELLINGS.items():
        assert call(given, tmp_path) == expected, spelling
    try:
        other = call("3x26x16", tmp_path)
    except zoo.ZooError:
        return
    assert other != expected


WRONG: dict[str, tuple[Any, str]] = {
    "a word": ("large", "input 'large': expected sizes without batch, such as 3x224x224"),
    "a number": (224, "input: expected a shape with batch"),
    "an array in a list": ([torch.full((1, 3, 4, 4), 0.12345), (1, 3, 4, 4)], "input"),
    "nested tensors": ([[torch.full((1, 3, 4, 4), 0.12345)]], "input: .* of shape"),
    "no batch": ((3, 24, 16), "expected an input of N×3×32×32, such as .1, 3, 32, 32. or '3x32x32', got 3×24×16"),
}


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"export", "plot", "sweep", "replace_head"}])
def test_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback, an error with the values of a tensor, and a shape without batch that is taken as one with."""
    monkeypatch.setattr("test_one_spelling.NET", zoo.create_model("resnet20", init=None))
    monkeypatch.setattr("test_one_spelling.headed", lambda: zoo.create_model("resnet20", init=None))
    for said, (given, message) in WRONG.items():
        with pytest.raises(zoo.ZooError, match=message) as caught:
            CALLS[name](given, tmp_path)
        assert "0.12" not in str(caught.value), said
        assert len(str(caught.value).splitlines()) == 1
