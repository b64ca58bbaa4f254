"""A sample of the random networks of benchmarks/random_networks.py, and proof that a counter-example is found."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from zoo.analysis import experiment
from zoo.receptive import taps

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def drawn() -> Any:
    spec = importlib.util.spec_from_file_location("random_networks", ROOT / "benchmarks" / "random_networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


# networks of earlier counter-examples: a copy for an interpolation, units in mere padding, digits of size 1, channels told apart
KNOWN = (25, 129, 1010, 1044, 1066, 1152, 1339, 1501, 2262, 12339, 20065, 20507, 20699, 21261, 22380, 22702, 23163, 34224, 41219)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("seeds", [*[range(n, n + 10) for n in range(0, 20, 10)], KNOWN], ids=str)
def test_no_counter_example(drawn: Any, seeds: range | tuple[int, ...]) -> None:
    """Kills shapes, parameters, MACs and windows that are wrong where branches, strides, phases, borders and layouts meet."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        net, shape = drawn.draw(seed)
        assert [*drawn.complaints(net, shape, seen)] == [], f"seed {seed}: input {shape}\n{net}"
    assert seen["equal"] > 5 * len(seeds)


def test_networks_are_of_all_kinds(drawn: Any) -> None:
    """Kills a generator that draws nothing but convolutions of one size: every kind of step, 1 to 3 axes, uneven sides."""
    networks = [drawn.draw(seed) for seed in range(150)]
    words = {step.text.split("(")[0] for net, _ in networks for step in net.steps}
    assert {
        "add",
        "cat",
        "channels last",
        "tokens",
        "flip",
        "roll",
        "slice",
        "pad",
        "interpolate",
        "squeeze and excitation",
        "channel_shuffle",
        "index_select",
        "glu",
        "channel unfold",
    } <= words
    assert {f"{kind}{axes}d" for kind in ("Conv", "ConvTranspose", "MaxPool", "AvgPool") for axes in (1, 2, 3)} <= words
    assert {len(shape) for _, shape in networks} == {3, 4, 5}
    assert any(len(set(shape[2:])) > 1 for _, shape in networks)
    assert str(drawn.draw(7)[0]) == str(drawn.draw(7)[0])


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("wrong", ["window", "transposed", "adaptive"])
def test_a_wrong_rule_is_found(drawn: Any, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a comparison that agrees with anything: each unit reads one more than it does."""
    right = getattr(taps, wrong)

    def wider(*given: Any) -> taps.Taps:
        found = right(*given)
        return taps.Taps(
            found.count, lambda j: [*found.reads(j), found.reads(j)[-1] + 1] if found.reads(j) else [], found.period, found.shift
        )

    monkeypatch.setattr(taps, wrong, wider)
    seen: Counter[str] = Counter()
    assert any([*drawn.complaints(*drawn.draw(seed), seen)] for seed in range(30))
    assert seen["differs"] > 0


def test_an_interpolation_without_weight_reads_nothing() -> None:
    """Kills an experiment that takes nothing times NaN for sight: in the middle of odd factors one neighbour has no weight."""
    import torch

    row = torch.tensor([[[0.0, torch.nan, 0.0]]])
    up = torch.nn.functional.interpolate
    assert up(row, scale_factor=3, mode="linear").isnan().sum() > 5
    with experiment._only_what_is_seen():
        assert up(row, scale_factor=3, mode="linear")[0, 0].isnan().nonzero()[:, 0].tolist() == [2, 3, 4, 5, 6]
