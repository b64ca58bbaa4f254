"""One large kernel compared with a stack of 3×3 kernels: Simonyan and Zisserman, "Very Deep Convolutional Networks" (2014), section
2.3.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from zoo.extend import Arm, Column, Study, Table, TargetName, Trace, ZooError, arms_table, ratio_text, short, trace

# Kernels in sequence. Both of a pair have the same receptive field, or `run` fails.
PAIRS: tuple[Mapping[str, tuple[int, ...]], ...] = (
    {"three 3×3": (3, 3, 3), "one 7×7": (7,)},
    {"two 3×3": (3, 3), "one 5×5": (5,)},
)
SIDE = 3
COLUMNS = (
    Column("weights", "elements", "parameters without biases", hide_order=0),
    Column("weights/C²", "elements", "weights divided by the square of the channel count", hide_order=1),
    Column("params", "elements", "weights and biases", hide_order=3),
    Column("macs", "multiply-accumulates", "on the maps of the network", hide_order=0),
    Column("activations", "elements", "outputs of convolutions and of ReLUs", hide_order=1),
    Column("relus", "nonlinearities", "one after each convolution", hide_order=2),
    Column("depth", "layers", "convolutions on the path", hide_order=2),
    Column("rf", "pixels", "receptive field of one unit on these maps", hide_order=4),
)


def run(on: Annotated[TargetName | None, "take the maps of this network instead of VGG-16's"] = None) -> Table:
    """Compare both pairs at each channel count of VGG-16, or of the network `on`, on its largest maps with that count.

    Counted are the outputs of full convolutions with 3×3 kernels or larger. Raises `ZooError` if the network has none.
    """
    arms = []
    found = trace(on or "vgg16")
    for channels, sizes in _stages(found).items():
        for pair in PAIRS:
            cells = {name: _cells(channels, sizes, kernels) for name, kernels in pair.items()}
            (side,) = {cell["rf"]["size"][0] for cell in cells.values()}
            arms += [Arm(name, cell, f"{channels}, rf {side}") for name, cell in cells.items()]
    return arms_table(
        "stacked-3x3: how much does a stack of 3×3 convolutions save at the same receptive field?",
        COLUMNS,
        arms,
        ratios=("weights",),
        notes=["type: channels in and out, and the side of the receptive field; every convolution has biases, as in VGG"],
        lesson=_lesson(found.target, [arm.cells for arm in arms]),
    )


def _stages(found: Trace) -> dict[int, tuple[int, ...]]:
    """Return the channel counts of the network's full convolutions, and the sizes of the largest maps of each."""
    convolutions = [op for op in found.ops if op.kind == "conv2d" and op.attrs["groups"] == 1]
    maps = [op.output.shape for op in convolutions if min(op.inputs[1].shape[2:]) >= SIDE]
    if not maps:
        raise ZooError(f"{found.target} has no full convolution with a kernel of 3×3 or larger")
    return {channels: max(shape[2:] for shape in maps if shape[1] == channels) for channels in sorted({s[1] for s in maps})}


def _cells(channels: int, sizes: tuple[int, ...], kernels: tuple[int, ...]) -> dict[str, Any]:
    from torch import nn

    from zoo.extend import measure
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        convs = [nn.Conv2d(channels, channels, kernel, padding=kernel // 2) for kernel in kernels]
    found = trace(nn.Sequential(*(layer for conv in convs for layer in (conv, nn.ReLU()))), input=(1, channels, *sizes))
    weights = sum(param.numel for param in found.params if len(param.shape) > 1)
    return {
        **measure(found, columns=["params", "macs", "activations", "depth", "rf"], depth=0).total,
        "weights": weights,
        "weights/C²": weights // channels**2,
        "relus": sum(op.kind == "relu" for op in found.ops),
    }


def _lesson(target: str, cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    three, seven, two, five = cells[:4]
    per = [f"{cell['weights/C²']}C²" for cell in cells[:4]]
    more = [f"{large['weights'] / small['weights'] - 1:.0%} more" for large, small in ((seven, three), (five, two))]
    side = three["rf"]["size"][0]
    lesson = [
        f"Three 3×3 convolutions see {side}×{side} pixels with {per[0]} weights; one 7×7 convolution has {per[1]}, {more[0]};",
        f"two 3×3 convolutions have {per[2]}, one 5×5 convolution {per[3]}, {more[1]}.",
        f"The ratio of MACs is the same, and the three have {three['relus']} nonlinearities instead of {seven['relus']}.",
        f"They also write {ratio_text(three['activations'], seven['activations'])} times the activations",
        f"({short(three['activations'])} against {short(seven['activations'])} in the first pair, on maps of {target}).",
    ]
    if len(cells) > len(PAIRS) * 2 and len({cell["macs"] for cell in cells[::4]}) == 1:
        lesson.append(f"Where maps halve as channels double, each stage costs the same {short(three['macs'])} MACs.")
    return lesson


STUDY = Study("stacked-3x3", "How much does a stack of 3×3 convolutions save at the same receptive field?", run)
