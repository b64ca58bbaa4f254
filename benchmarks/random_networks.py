"""Random networks against torch: `python benchmarks/random_networks.py N [SEED] [-o FILE.json]` draws N of them, from SEED on.

Each is analysed and then run: shapes and parameters must be torch's, MACs those of FlopCounterMode, and NaNs in rows of pixels must
reach exactly the units that are said to see them. It prints a counter, and every network that is a counter-example, with its seed.
"""

import argparse
import json
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo.analysis.experiment import experiment
from zoo.extend import carry
from zoo.ops.axes import starts
from zoo.ops.receptive_field import rule
from zoo.receptive.spans import exact, start
from zoo.receptive.windows import Lattice, Units

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
SIDES = {1: (12, 40), 2: (7, 18), 3: (4, 8)}
MOST_UNITS = {1: 60, 2: 26, 3: 10}


class Step(nn.Module):
    """One op of a network: a function of earlier tensors, with what modules it needs; `text` says what it does."""

    def __init__(self, text: str, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.text, self.function, self.parts = text, function, nn.ModuleList(parts)

    def forward(self, *given: Tensor) -> Tensor:
        return self.function(*self.parts, *given)


class Network(nn.Module):
    """Steps, each of which reads earlier tensors by number; 0 is the input."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        self.reads: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for step, read in zip(self.steps, self.reads, strict=True):
            made.append(step(*[made[i] for i in read]))
        return made[-1]

    def __str__(self) -> str:
        lines = zip(self.steps, self.reads, strict=True)
        return "\n".join(f"  {i} = {step.text} of {', '.join(map(str, read))}" for i, (step, read) in enumerate(lines, 1))


@dataclass
class Draw:
    """A network in the making: chance, the number of axes, and the shapes of the tensors so far."""

    chance: random.Random
    axes: int
    shapes: list[tuple[int, ...]]

    def each(self, low: int, high: int) -> tuple[int, ...]:
        """A number for each axis; often the same."""
        if self.chance.random() < 0.5:
            return (self.chance.randint(low, high),) * self.axes
        return tuple(self.chance.randint(low, high) for _ in range(self.axes))


def module(layer: nn.Module, text: str = "") -> Step:
    """A step of one layer."""
    return Step(text or repr(layer), lambda part, x: part(x), layer)


def conv(d: Draw, x: tuple[int, ...]) -> Step:
    """Any kernel, stride, padding, dilation, padding mode, and groups that fit."""
    kernel, dilation = d.each(1, 4), d.each(1, 2) if d.chance.random() < 0.3 else (1,) * d.axes
    groups = d.chance.choice([g for g in (1, 2, x[1]) if x[1] % g == 0])
    how: dict[str, Any] = {"dilation": dilation, "groups": groups, "bias": d.chance.random() < 0.5}
    if d.chance.random() < 0.15:
        return module(CONV[d.axes](x[1], groups * d.chance.randint(1, 3), kernel, padding="same", **how))
    how["padding"] = tuple(d.chance.randint(0, s * (k - 1)) for k, s in zip(kernel, dilation, strict=True))
    how["padding_mode"] = d.chance.choice(["zeros"] * 6 + ["reflect", "replicate", "circular"])
    return module(CONV[d.axes](x[1], groups * d.chance.randint(1, 3), kernel, stride=d.each(1, 3), **how))


def transposed(d: Draw, x: tuple[int, ...]) -> Step:
    """A transposed convolution, with gaps where its kernel is smaller than its stride."""
    stride, groups = d.each(1, 3), d.chance.choice([g for g in (1, 2) if x[1] % g == 0])
    more = tuple(d.chance.randint(0, s - 1) for s in stride)
    kernel, padding, dilation = d.each(1, 4), d.each(0, 1), d.each(1, 2)
    how = {"stride": stride, "padding": padding, "output_padding": more, "dilation": dilation, "groups": groups}
    return module(TRANSPOSED[d.axes](x[1], groups * d.chance.randint(1, 2), kernel, **how))


def pool(d: Draw, x: tuple[int, ...]) -> Step:
    """Maximum or average, rounded down or up."""
    kernel = d.each(1, 4)
    padding = tuple(d.chance.randint(0, k // 2) for k in kernel)
    kind = d.chance.choice(["MaxPool", "AvgPool"])
    more: dict[str, Any] = {"dilation": d.each(1, 2)} if kind == "MaxPool" and d.chance.random() < 0.3 else {}
    return module(getattr(nn, f"{kind}{d.axes}d")(kernel, d.each(1, 3), padding, ceil_mode=d.chance.random() < 0.4, **more))


def adaptive(d: Draw, x: tuple[int, ...]) -> Step:
    """Mostly uneven windows, also more of them than there are units."""
    return module(getattr(nn, f"Adaptive{d.chance.choice(['Avg', 'Max'])}Pool{d.axes}d")(d.each(2, 7)))


def interpolate(d: Draw, x: tuple[int, ...]) -> Step:
    """Every mode, by size or by factor."""
    smooth = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[d.axes]
    mode = d.chance.choice([*smooth, *smooth, "nearest", "nearest-exact", "area"])
    how: dict[str, Any] = {"mode": mode}
    if mode in smooth:
        how["align_corners"] = d.chance.random() < 0.5
    if d.chance.random() < 0.5 or mode == "area":
        how["size"] = tuple(d.chance.randint(2, 2 * n + 2) for n in x[2:])
    else:
        how["scale_factor"] = tuple(d.chance.choice([0.5, 1.0, 1.5, 2.0, 3.0, 1.3]) for _ in range(d.axes))
    return Step(f"interpolate({how})", lambda x: F.interpolate(x, **how))


def pad(d: Draw, x: tuple[int, ...]) -> Step:
    """Of zeros on any side, or cut off."""
    sizes = [d.chance.randint(-1, 2) for _ in range(2 * d.axes)]
    return Step(f"pad({sizes})", lambda x: F.pad(x, sizes))


def mirrored(d: Draw, x: tuple[int, ...]) -> Step:
    """Of the map itself."""
    sizes, mode = [d.chance.randint(0, 2) for _ in range(2 * d.axes)], d.chance.choice(["reflect", "replicate", "circular"])
    return Step(f"pad({sizes}, {mode})", lambda x: F.pad(x, sizes, mode=mode))


def cut(d: Draw, x: tuple[int, ...]) -> Step:
    """Every so many units from one on, along one axis."""
    dim, first, step = d.chance.randrange(2, 2 + d.axes), d.chance.randint(0, 2), d.chance.randint(1, 2)
    where = (slice(None),) * dim + (slice(first, None, step),)
    return Step(f"slice({dim}, {first}::{step})", lambda x: x[where])


def turned(d: Draw, x: tuple[int, ...]) -> Step:
    """Rolled, flipped, or put together the other way round, along one axis."""
    dim, by = d.chance.randrange(2, 2 + d.axes), d.chance.randint(1, 3)
    kinds: list[tuple[str, Callable[[Tensor], Tensor]]] = [
        (f"roll({by}, {dim})", lambda x: x.roll(by, dim)),
        (f"flip({dim})", lambda x: x.flip(dim)),
        (f"cat of halves({dim})", lambda x: torch.cat(x.chunk(2, dim)[::-1], dim)),
        (f"repeat_interleave({dim})", lambda x: x.repeat_interleave(2, dim)),
    ]
    return Step(*d.chance.choice(kinds))


def layout(d: Draw, x: tuple[int, ...]) -> Step:
    """Channels last or tokens for a linear layer, and back; normalisation over channels; shuffled pixels."""
    n = x[1]
    kinds: list[Callable[[], Step]] = [
        lambda: Step("channels last", lambda f, x: f(x.movedim(1, -1)).movedim(-1, 1), nn.Linear(n, n)),
        lambda: Step(
            "tokens", lambda f, x: f(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:]), nn.Linear(n, n)
        ),
        lambda: module(getattr(nn, f"BatchNorm{d.axes}d")(n)),
        lambda: Step("relu", F.relu),
    ]
    if d.axes == 2:
        kinds += [lambda: module(nn.PixelUnshuffle(2)), lambda: module(nn.PixelShuffle(2))]
        kinds.append(lambda: Step("blocks to channels", blocks))
    return d.chance.choice(kinds)()


def blocks(x: Tensor) -> Tensor:
    """Space to depth by views."""
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def whole(d: Draw, x: tuple[int, ...]) -> Step:
    """Squeeze and excitation, a statistic over the map, or attention."""
    dims = tuple(range(2, 2 + d.axes))
    kinds: list[Callable[[], Step]] = [
        lambda: Step("squeeze and excitation", lambda f, x: x * f(x.mean(dims, keepdim=True)), CONV[d.axes](x[1], x[1], 1)),
        lambda: module(nn.GroupNorm(1, x[1])),
        lambda: Step("softmax", lambda x: x.softmax(dims[-1])),
        lambda: Step("mean", lambda x: x + x.mean(dims[0], keepdim=True)),
    ]
    return d.chance.choice(kinds)()


def channels(d: Draw, x: tuple[int, ...]) -> Step:
    """Channels put elsewhere: shuffled, picked, gated by others, rolled, flipped, in blocks, or only some of them."""
    n, chance = x[1], d.chance
    by, picked = chance.randint(1, n), [chance.randrange(-n, n) for _ in range(chance.randint(1, n))]
    groups, size = chance.choice([g for g in range(1, n + 1) if n % g == 0]), chance.randint(1, n)
    kinds: list[Step] = [
        Step(f"channel_shuffle({groups})", lambda x: F.channel_shuffle(x, groups)),
        Step(f"channels{picked}", lambda x: x[:, picked]),
        Step(f"index_select({picked})", lambda x: x.index_select(1, torch.tensor(picked) % n)),
        Step(f"roll({by}, 1)", lambda x: x.roll(by, 1)),
        Step("flip(1)", lambda x: x.flip(1)),
        Step(f"channel unfold({size})", lambda x: x.unfold(1, size, 1)[:, -1].movedim(-1, 1)),
        Step(f"channels[:{size}]", lambda x: x[:, :size]),
    ]
    return chance.choice([*kinds, *([Step("glu(1)", lambda x: F.glu(x, 1))] if n % 2 == 0 else [])])


UNARY = (*[conv] * 8, *[transposed] * 2, *[pool] * 3, adaptive, *[interpolate] * 2, pad, mirrored, cut, turned, *[layout] * 3)


def joined(d: Draw) -> tuple[Step, tuple[int, ...]] | None:
    """Two earlier tensors of one size, added, multiplied or side by side."""
    last = len(d.shapes) - 1
    fits = [i for i, shape in enumerate(d.shapes[:-1]) if shape[2:] == d.shapes[-1][2:]]
    if not fits:
        return None
    other = d.chance.choice(fits)
    if d.shapes[other][1] == d.shapes[-1][1] and d.chance.random() < 0.7:
        return (Step("add", torch.add) if d.chance.random() < 0.7 else Step("mul", torch.mul)), (other, last)
    return Step("cat", lambda *x: torch.cat(x, 1)), (other, last)


def draw(seed: int) -> tuple[Network, tuple[int, ...]]:
    """The network of a seed, and the shape of its input: 1 to 3 axes, up to nine steps."""
    chance = random.Random(seed)
    torch.manual_seed(seed)
    axes = chance.choice((1, 2, 2, 2, 3))
    shape = (1, chance.randint(1, 3), *(chance.randint(*SIDES[axes]) for _ in range(axes)))
    d, net, wanted = Draw(chance, axes, [shape]), Network(), chance.randint(2, 9)
    for _ in range(4 * wanted):
        if len(d.shapes) > wanted:
            break
        join = joined(d) if chance.random() < 0.35 else None
        back = chance.randrange(len(d.shapes)) if chance.random() < 0.25 else len(d.shapes) - 1
        with torch.device("cpu"):
            try:
                kind = whole if chance.random() < 0.02 else chance.choice(UNARY)
                step, read = join or (kind(d, d.shapes[back]), (back,))
                with torch.no_grad():
                    made = tuple(step.eval()(*[torch.zeros(d.shapes[i]) for i in read]).shape)
            except (RuntimeError, ValueError, NotImplementedError):
                continue
        if min(made) < 1 or max(made[2:]) > MOST_UNITS[axes] or made[1] > 24:
            continue
        net.steps.append(step)
        net.reads.append(read)
        d.shapes.append(made)
    _dealt(net, Draw(random.Random(f"channels {seed}"), axes, d.shapes))
    return net.eval(), shape


def _dealt(net: Network, d: Draw) -> None:
    """In half of the networks, branches beside each other, and their channels put elsewhere; with chances of its own, so that the
    network before stays that of the seed.
    """
    if len(d.shapes) < 3 or d.chance.random() < 0.5:
        return
    last = len(d.shapes) - 1
    fits = [i for i, shape in enumerate(d.shapes[:-1]) if shape[2:] == d.shapes[-1][2:]]
    if fits:
        net.steps.append(Step("cat", lambda *x: torch.cat(x, 1)))
        net.reads.append((d.chance.choice(fits), last))
        d.shapes.append((1, d.shapes[net.reads[-1][0]][1] + d.shapes[last][1], *d.shapes[last][2:]))
    for _ in range(2):
        step = channels(d, d.shapes[-1])
        made = step(torch.zeros(d.shapes[-1]))
        net.steps.append(step)
        net.reads.append((len(d.shapes) - 1,))
        d.shapes.append(tuple(made.shape))


def complaints(net: Network, shape: tuple[int, ...], seen: Counter[str]) -> Iterator[str]:
    """What torch says otherwise of the network; `seen` counts what was compared."""
    trace = zoo.trace(net, input=shape)
    total = zoo.measure(trace, columns=["params", "macs"], depth=0).total
    with torch.no_grad():
        real = tuple(net(torch.zeros(shape)).shape)
    if trace.outputs[0].shape != real:
        yield f"shape {trace.outputs[0].shape} against torch's {real}"
    if total["params"] != sum(p.numel() for p in net.parameters()):
        yield f"{total['params']} parameters"
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        net(torch.zeros(shape))
    if total["macs"] != counter.get_total_flops() // 2:
        yield f"{total['macs']} MACs against FlopCounterMode's {counter.get_total_flops() // 2}"
    for found in experiment(net, trace, shape, (0, 0.21, 0.5, 0.83, 1)):
        seen[found.verdict] += 1
        if found.verdict == "differs":
            yield f"{found.path}: {found.predicted} units predicted, {found.reached} reached"
    yield from _laws(trace, seen)


def _laws(trace: zoo.Trace, seen: Counter[str]) -> Iterator[str]:
    """No unit sees a pixel outside the window that the column's law gives it. (Mirrored borders lie outside by definition.)"""
    if any(op.attrs.get("mode") in {"reflect", "replicate"} or "interpol" in op.kind or "upsample" in op.kind for op in trace.ops):
        return
    laws, sets = carry(trace, starts(trace, start), rule), carry(trace, starts(trace, exact), rule)
    for key, field in laws.items():
        true = sets.get(key)
        if not (isinstance(field, tuple) and isinstance(true, tuple)):
            continue
        for law, units in zip(field, true, strict=True):
            if isinstance(law.windows, Lattice) and isinstance(units.windows, Units) and law.walks == units.walks:
                seen["laws"] += 1
                for unit, pixels in enumerate(units.windows.sets):
                    lo, hi = law.windows.window(unit) or (1, 0)
                    first, last = units.windows.window(unit) or (lo, hi)
                    if pixels and not lo <= first <= last <= hi:
                        yield f"unit {unit} of value {key} sees {first} to {last}, its law says {lo} to {hi}"
                        break


def main(count: int, first: int = 0, output: Path | None = None) -> int:
    """Draws the networks, prints what torch says otherwise; how many were counter-examples."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    seen: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, first + count):
        net, shape = draw(seed)
        try:
            found = list(complaints(net, shape, seen))
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        if found:
            wrong += 1
            print(f"seed {seed}: input {shape}\n{net}", *found[:4], sep="\n", flush=True)
        if (seed - first + 1) % 100 == 0:
            print(f"{seed - first + 1:,} networks, {wrong} counter-examples", file=sys.stderr, flush=True)
    print(f"{count:,} networks, {wrong} counter-examples; compared: {dict(seen)}")
    if output is not None:
        result = {"networks": count, "first": first, "counter-examples": wrong, "compared": dict(seen.most_common())}
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("first", type=int, nargs="?", default=0, help="the first seed")
    parser.add_argument("-o", "--output", type=Path, help="a file for the counts")
    given = parser.parse_args()
    sys.exit(main(given.count, given.first, given.output) > 0)
