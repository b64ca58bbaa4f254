"""What makes receptive fields grow: Goodfellow, Bengio and Courville, "Deep Learning" (2016), figure 9.4; Luo, Li, Urtasun and
Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks" (2016), for what `run` measures.

All stacks have the same convolutions; each differs from the plain one in one thing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Study, Table, ZooError, arms_table

if TYPE_CHECKING:
    from torch import nn

    from zoo.extend import Trace

CHANNELS, SIDE = 8, 128
MOST = 10
STACKS = {
    "plain": "stride 1, no pooling, no dilation",
    "strided": "stride 2 in every second convolution",
    "pooled": "2×2 max pooling with stride 2 after every second convolution",
    "pooled_1": "2×2 max pooling with stride 1 in the same places: the windows of pooling without their stride",
    "dilated": "dilation doubled after every second convolution, so that fields grow as with a stride and maps keep their size",
}
COLUMNS = tuple(Column(name, "pixels", f"receptive field: {words}", hide_order=0) for name, words in STACKS.items())
SEEDS = 3
SHARE = 0.95


def run(
    layers: Annotated[PositiveInt, "convolutions in each stack"] = 6,
    kernel: Annotated[PositiveInt, "side of the kernels, odd"] = 3,
    run: Annotated[Flag, "also measure, with gradients, which pixels the middle unit sees, and how much of them matters"] = False,
) -> Table:
    """The receptive field after each layer of a plain stack, and of stacks with strides, pooling or dilation.

    Raises `ZooError` for an even kernel, and for stacks that see more than the image that is used.
    """
    if kernel % 2 == 0:
        raise ZooError(f"option kernel: expected an odd integer, so that maps keep their size, got {kernel}")
    if layers > MOST:
        raise ZooError(f"option layers: expected at most {MOST}, so that the image of {SIDE} pixels is not too small, got {layers}")
    stacks = {name: _stack(name, layers, kernel) for name in STACKS}
    fields = {name: _fields(net) for name, net in stacks.items()}
    if max(largest := [sizes[-1] for sizes in fields.values()]) > SIDE:
        raise ZooError(f"the last unit sees {max(largest)} pixels, more than the {SIDE} of the image; use fewer layers")
    arms = [
        Arm(f"layer {i + 1}", {name: sizes[i] for name, sizes in fields.items()}, f"conv {kernel}×{kernel}") for i in range(layers)
    ]
    arms += [Arm(name, cells, "cost") for name, cells in _costs(stacks).items()]
    failures: list[Failed] = []
    if run:
        measured = {name: _measured(name, layers, kernel) for name in STACKS}
        arms += [Arm(row, {name: sizes[row] for name, sizes in measured.items()}, "measured") for row in ("support", "effective")]
        failures = [failed for name in STACKS for failed in _wrong(name, measured[name]["support"], fields[name][-1])]
    return arms_table(
        f"growth: what makes the receptive field of {layers} convolution{'s' if layers > 1 else ''} of {kernel}×{kernel} grow?",
        COLUMNS,
        arms,
        notes=[
            *(f"{name}: {words}" for name, words in STACKS.items()),
            f"a layer is a convolution with the pooling after it, if there is one; {SIDE}×{SIDE} pixels, {CHANNELS} maps, padded; "
            "side: that of the last maps",
            *([_HOW] if run else []),
            *failures,
        ],
        lesson=list(_lesson(layers, kernel, fields, arms, failures)),
    )


_HOW = (
    f"support: the side of the pixels that the middle unit's gradient reaches, where poolings average, since a maximum hides the "
    f"other pixels of its window; effective: the side of the square around the middle "
    f"that holds {SHARE:.0%} of the gradient's absolute values; random positive weights, mean of {SEEDS} seeds"
)


def _stack(name: str, layers: int, kernel: int) -> "nn.Sequential":
    """One module for each layer, built without weights."""
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        return built(name, layers, kernel)


def built(name: str, layers: int, kernel: int) -> "nn.Sequential":
    """The stack of this name, with the ReLU that `run` needs."""
    from torch import nn

    modules = []
    for i in range(layers):
        second = i % 2 == 1
        dilation = 2 ** (i // 2) if name == "dilated" else 1
        stride = 2 if name == "strided" and second else 1
        padding = dilation * (kernel // 2)
        first = 1 if i == 0 else CHANNELS
        layer: list[nn.Module] = [nn.Conv2d(first, CHANNELS, kernel, stride, padding, dilation, bias=False), nn.ReLU()]
        if second and name in {"pooled", "pooled_1"}:
            layer.append(nn.MaxPool2d(2, stride=2 if name == "pooled" else 1))
        modules.append(nn.Sequential(*layer))
    return nn.Sequential(*modules)


def _traced(net: "nn.Module") -> "Trace":
    from zoo.extend import trace

    return trace(net, input=(1, 1, SIDE, SIDE))


def _fields(net: "nn.Module") -> list[int]:
    """The side of the receptive field after each layer."""
    from zoo.extend import measure

    return [row.cells["rf"]["size"][0] for row in measure(_traced(net), columns=["rf"], depth=1).rows]


def _costs(stacks: "Mapping[str, nn.Module]") -> dict[str, dict[str, int]]:
    """By quantity, that of each stack."""
    from zoo.extend import measure

    found = {name: _traced(net) for name, net in stacks.items()}
    totals = {name: measure(one, columns=["params", "macs"], depth=0).total for name, one in found.items()}
    rows: dict[str, Callable[[str], int]] = {
        "weights": lambda name: totals[name]["params"],
        "macs": lambda name: totals[name]["macs"],
        "side": lambda name: found[name].outputs[0].shape[-1],
    }
    return {row: {name: value(name) for name in stacks} for row, value in rows.items()}


# Measured -------------------------------------------------------------------------------------------------------------


def gradient(name: str, layers: int, kernel: int, seed: int, *, average: bool = False) -> Any:
    """The absolute gradient of the middle unit, summed over maps, by the pixels: H×W. torch's random state is left as it was.

    With `average`, poolings average: a maximum hides the other pixels of its window from a gradient.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net = built(name, layers, kernel).double()
        image = torch.rand(1, 1, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data.abs_()  # so that no ReLU or sum hides a pixel
    for layer in net.children() if average else ():
        for place, part in layer.named_children():
            if isinstance(part, torch.nn.MaxPool2d):
                layer.register_module(place, torch.nn.AvgPool2d(part.kernel_size, part.stride, part.padding))
    maps = net(image)
    middle = maps.shape[-1] // 2
    return torch.autograd.grad(maps[..., middle, middle].sum(), image)[0][0, 0].abs()


def _measured(name: str, layers: int, kernel: int) -> dict[str, int]:
    """The side of the pixels that the gradient reaches, and the effective side of the mean over all seeds."""
    rows = (gradient(name, layers, kernel, 0, average=True).sum(1) > 0).nonzero().flatten().tolist()
    total = sum(gradient(name, layers, kernel, seed) for seed in range(SEEDS))
    return {"support": rows[-1] - rows[0] + 1 if rows else 0, "effective": _effective(total)}


def _effective(total: Any) -> int:
    """The side of the smallest square around the centre of mass that holds the share."""
    centre = [round(float((total.sum(1 - axis) * _places(total)).sum() / total.sum())) for axis in (0, 1)]
    whole, half = float(total.sum()), 0
    while float(total[_around(centre[0], half), _around(centre[1], half)].sum()) < SHARE * whole:
        half += 1
    return 2 * half + 1


def _places(total: Any) -> Any:
    import torch

    return torch.arange(len(total), dtype=total.dtype)


def _around(middle: int, half: int) -> slice:
    return slice(max(middle - half, 0), middle + half + 1)


def _wrong(name: str, support: int, field: int) -> Iterator[Failed]:
    """A gradient reaches exactly the pixels of the field."""
    if support != field:
        yield Failed(name, "pixels that the gradient reaches", f"a side of {support}", f"{field}, the receptive field")


# Words ----------------------------------------------------------------------------------------------------------------


def _lesson(
    layers: int, kernel: int, fields: Mapping[str, Sequence[int]], arms: Sequence[Arm], failures: Sequence[Failed]
) -> Iterator[str]:
    """Sentences that quote the table."""
    if failures:
        yield f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        return
    last = {name: sizes[-1] for name, sizes in fields.items()}
    cost = {arm.name: arm.cells for arm in arms if arm.type == "cost"}
    yield f"After {layers} layer{'s' if layers > 1 else ''} a unit of the plain stack sees {last['plain']} pixels:"
    yield f"each layer adds {kernel - 1}."
    same = [name for name in STACKS if last[name] == last["plain"] and name != "plain"]
    if len(same) == len(STACKS) - 1:
        yield "No other stack sees more: deeper stacks are needed to tell them apart."
        return
    yield f"With strides it sees {last['strided']}, with pooling {last['pooled']}, with dilation {last['dilated']}."
    if last["pooled"] > last["pooled_1"]:
        yield f"The windows of pooling alone, with stride 1, bring it to {last['pooled_1']}: the rest is its stride,"
        yield "which makes every later kernel step over more pixels."
    else:
        yield f"The windows of pooling alone, with stride 1, see {last['pooled_1']} as well:"
        yield "no kernel follows that could step further."
    macs, side = cost["macs"], cost["side"]
    yield f"Dilation keeps maps of {side['dilated']} pixels and costs {macs['dilated']:,} MACs, strides leave"
    yield f"{side['strided']} and cost {macs['strided']:,}."
    measured = {arm.name: arm.cells for arm in arms if arm.type == "measured"}
    if measured:
        yield "Gradients reach as far as that; but a square of"
        yield ", ".join(f"{measured['effective'][name]} ({name})" for name in STACKS)
        yield f"pixels holds {SHARE:.0%} of them."


STUDY = Study("growth", "What makes a receptive field grow: depth, stride, pooling or dilation?", run)
