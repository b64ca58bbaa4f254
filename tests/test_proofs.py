"""The proofs of the studies can fail: each injected fault is found, named, and makes the command exit with 1."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo
from zoo.studies import _one_map, plain_vs_residual
from zoo.tables.notes import Failed
from zoo.tables.table import Table
from zoo_cli.main import run

STUDY = "dense-vs-sparse-vs-conv"
CASES = ({}, {"input": (3, 9, 8), "kernel": (3, 2), "channels": 4}, {"input": (2, 12, 13), "kernel": (3, 3), "stride": 2})


def failures(table: Table) -> list[Failed]:
    return [note for note in table.notes if isinstance(note, Failed)]


@pytest.mark.parametrize("case", [*CASES, {"input": (1, 5, 5), "kernel": (5, 5)}, {"input": (4, 64, 5), "kernel": (1, 5)}])
def test_one_map(case: dict[str, Any]) -> None:
    """Kills a bound that a correct layer exceeds, and a kernel as large as the image that ends in an error of torch."""
    table = zoo.compare(STUDY, run=True, **case)
    assert not failures(table)
    assert table.notes[-1].startswith("Each of the four gives the output of the definition")
    cells = {row.name: row.cells for row in table.rows}
    assert all(cells[name]["difference"] <= cells[name]["allowed"] for name in _one_map.SAME)
    assert cells[_one_map.CONTROL]["difference"] > 1000 * cells[_one_map.CONTROL]["allowed"]


ORIGINAL = {name: getattr(_one_map, name) for name in ("convolve", "matrix", "locally_connected", "repeated", "shifted")}


def flipped(image: Tensor, weight: Tensor, stride: int) -> Tensor:
    return ORIGINAL["convolve"](image, weight.flip(-1, -2), stride)


def one_sided(image: Tensor, weight: Tensor, stride: int) -> Tensor:
    return ORIGINAL["convolve"](torch.nn.functional.pad(image, (1, 0, 1, 0)), weight, stride)


def one_sided_cropped(image: Tensor, weight: Tensor, stride: int) -> Tensor:
    height, width = ORIGINAL["convolve"](image, weight, stride).shape[2:]
    return one_sided(image, weight, stride)[:, :, :height, :width]


def by_position(image: Tensor, weight: Tensor, stride: int) -> Tensor:
    found = ORIGINAL["convolve"](image, weight, stride)
    return found * torch.linspace(1, 1.01, found.shape[3])


def with_a_nan(weight: Tensor, image: tuple[int, ...], stride: int) -> Tensor:
    found = ORIGINAL["matrix"](weight, image, stride)
    found[0, 0] = torch.nan
    return found


def rolled(weight: Tensor, image: tuple[int, ...], stride: int) -> Tensor:
    return ORIGINAL["matrix"](weight, image, stride).roll(1, dims=0)


FAULTS: dict[str, tuple[str, Callable[..., Any], set[str]]] = {
    "flipped kernel": ("convolve", flipped, {"convolution"}),
    "zero matrix": ("matrix", lambda *args: torch.zeros_like(ORIGINAL["matrix"](*args)), {"dense", "sparse"}),
    "NaN": ("matrix", with_a_nan, {"dense", "sparse"}),
    "one-sided padding": ("convolve", one_sided, {"convolution"}),
    "one-sided padding, cropped": ("convolve", one_sided_cropped, {"convolution"}),
    "not equivariant": ("convolve", by_position, {"convolution"}),
    "weights times 3": ("repeated", lambda *args: 3 * ORIGINAL["repeated"](*args), {"unshared"}),
    "rolled rows": ("matrix", rolled, {"dense", "sparse"}),
    "shift not applied": ("shifted", lambda maps, steps, axis: maps, {_one_map.CONTROL, "shift"}),
    "shift along one axis": (
        "shifted",
        lambda maps, steps, axis: ORIGINAL["shifted"](maps, steps, axis) if axis == 2 else maps,
        {_one_map.CONTROL, "shift"},
    ),
    "shift by one always": ("shifted", lambda maps, steps, axis: ORIGINAL["shifted"](maps, 1, axis), {"shift"}),
    "bytes without indices": ("stored_of_sparse", lambda sparse: (sparse.values(),), {"sparse"}),
    "NaN everywhere": ("convolve", lambda *args: ORIGINAL["convolve"](*args) * torch.nan, {"convolution"}),
    "own weights are shared": (
        "locally_connected",
        lambda image, weights, kernel, stride: ORIGINAL["convolve"](image, weights[0].reshape(tuple(kernel)), stride),
        {_one_map.CONTROL},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("case", CASES)
def test_faults(fault: str, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a proof that holds whatever is put in: each fault fails, by the name of the arm that has it, and there is no lesson."""
    seam, faulty, subjects = FAULTS[fault]
    monkeypatch.setattr(_one_map, seam, faulty)
    table = zoo.compare(STUDY, run=True, **case)
    found = {failed.subject for failed in failures(table)}
    assert found == subjects or (fault == "shift by one always" and found >= subjects)  # with a stride the layers fail too
    assert table.notes[-1].startswith("The proof failed for ")


def test_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a failed proof that a shell takes for a good one, or that hides its table."""
    assert run(["compare", STUDY, "--run"]) == 0
    capsys.readouterr()
    monkeypatch.setattr(_one_map, "convolve", flipped)
    assert run(["compare", STUDY, "--run", "-f", "csv"]) == 1
    out, err = capsys.readouterr()
    assert "convolution,proof" in out
    assert err.startswith("zoo: failed: convolution: output against the definition of convolution: found a difference of ")


# plain-vs-residual ----------------------------------------------------------------------------------------------------

STAGES = [stage.name for stage in plain_vs_residual.STAGES]


def gradients(monkeypatch: pytest.MonkeyPatch, growth: dict[str, list[float]]) -> Table:
    """The study of one depth with gradients of our own: by kind of network, the growth at each seed."""

    def norms(kind: str, counts: Any, seed: int) -> dict[str, tuple[float, float]]:
        factor = growth.get(kind, [1.0])[seed % len(growth.get(kind, [1.0]))]
        return {stage: (factor if stage == STAGES[0] else 1.0, 10.0) for stage in STAGES}

    monkeypatch.setattr(plain_vs_residual, "DEPTHS", {18: (1, 1, 1, 1)})
    monkeypatch.setattr(plain_vs_residual, "norms_of", norms)
    return zoo.compare("plain-vs-residual", run=True, seeds=3)


@pytest.mark.parametrize("bad", [3e-18, 0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", ["plain", "A", "C"])
def test_vanished(bad: float, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a gradient of 3e-18, or none, at one of the seeds, of which a lesson says that it does not vanish."""
    table = gradients(monkeypatch, {kind: [1.0, bad, 1.0]})
    assert [(failed.subject, failed.check) for failed in failures(table)] == [
        (f"{kind}, 18 layers", "gradient of conv2_x, as a step relative to the weights")
    ]
    assert table.notes[-1] == f"The proof failed for {kind}, 18 layers: nothing follows from this table."


@pytest.mark.parametrize(
    ("plain", "residual", "words"),
    [
        (
            [30.0, 34.0, 36.0],
            [1.5, 1.6, 1.7],
            "34 in the plain network (30 to 36) and 1.6 with shortcuts A (1.5 to 1.7), less in every",
        ),
        (
            [0.1, 0.2, 0.3],
            [1.0, 2.0, 3.0],
            "0.2 in the plain network (0.1 to 0.3) and 2 with shortcuts A (1 to 3), more in every seed",
        ),
        ([1.0, 2.0, 3.0], [3.0, 4.0, 5.0], "2 in the plain network (1 to 3) and 4 with shortcuts A (3 to 5), no clear difference"),
    ],
)
def test_lesson_follows_the_numbers(plain: list[float], residual: list[float], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a sentence that is printed whatever was measured."""
    table = gradients(monkeypatch, {"plain": plain, "A": residual})
    assert not failures(table)
    assert words in str(table.notes[-1]).replace(".0", "")


@pytest.mark.parametrize("fault", ["same network", "other weights"])
def test_unfair_arms(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a residual network that has no shortcuts, and one that starts from other weights than the plain one."""
    original = plain_vs_residual.built

    def built(kind: str, counts: Any) -> Any:
        net = original("plain" if fault == "same network" else kind, counts)
        if fault == "other weights" and kind == "A":
            net.conv1.weight.data.mul_(0.5)
        return net

    monkeypatch.setattr(plain_vs_residual, "built", built)
    check = "scores, against plain" if fault == "same network" else "weights at the start, against plain"
    assert (check, "A, 18 layers") in {(failed.check, failed.subject) for failed in failures(gradients(monkeypatch, {}))}
