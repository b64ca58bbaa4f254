"""A stride larger than the kernel: positions of the input that no window covers."""

from collections.abc import Iterator
from fractions import Fraction
from math import prod

from zoo.extend import BATCH_NORMS, CONVOLUTIONS, POOLINGS, Hit, Network, Op, Rule, kernel, sizes, stride


def check(network: Network) -> Iterator[Hit]:
    """Convolutions and poolings that read only some positions of maps larger than one."""
    for op in network.of(CONVOLUTIONS | POOLINGS):
        share = read(op)
        if share < 1 and not _part_of_larger(network, op):
            whole = any(read(one) == 1 for one in _other_readers(network, op))
            rest = "another layer reads all" if whole else "no other layer reads all"
            window = f"{sizes(kernel(op))} with stride {sizes(stride(op))}"
            what = f"{window} reads {share.numerator} of {share.denominator} positions; {rest}"
            evidence = {"kernel": list(kernel(op)), "stride": list(stride(op)), "read": float(share), "another_reads_all": whole}
            yield Hit(op, what, evidence)


_PADDING = frozenset({"pad", "constant_pad_nd"})


def _other_readers(network: Network, op: Op) -> Iterator[Op]:
    """What else reads the map that an op reads, padded or not."""
    value = op.inputs[0]
    while (maker := network.maker(value)) is not None and maker.kind in _PADDING:
        value = maker.inputs[0]
    values = [value]
    for one in values:
        for reader in network.readers_of(one):
            if reader.kind in _PADDING:
                values.append(reader.output)
            elif reader is not op and reader.kind != "slice":
                yield reader


def _part_of_larger(network: Network, op: Op) -> bool:
    """Whether a convolution is added to one that reads the same map whole at the same stride: their sum is one convolution."""
    last = op
    while (after := network.only_reader(last)) is not None and after.kind in BATCH_NORMS | {"add"}:
        last = after
    sums, addends = [last], list[Op]()
    for one in sums:
        for maker in filter(None, map(network.maker, one.inputs)):
            (sums if maker.kind in BATCH_NORMS | {"add"} else addends).append(maker)
    like = (one for one in addends if one.kind == op.kind and one.inputs[0].id == op.inputs[0].id)
    return last.kind == "add" and any(read(one) == 1 and list(stride(one)) == list(stride(op)) for one in like)


def read(op: Op) -> Fraction:
    """The share of its input's positions that lie in some window; 1 for an op without windows."""
    source = op.inputs[0].shape[2:]
    steps = zip(kernel(op), stride(op), source, strict=False)
    return prod((Fraction(k, s) for k, s, n in steps if s > k and n > k), start=Fraction(1))


RULE = Rule(
    name="stride-exceeds-kernel",
    finds="a stride larger than the kernel, which skips positions of the input",
    why="The positions between the windows were computed, and cannot influence the result through this layer.",
    source="He et al., arXiv 1812.01187, section 4.2: ResNet-B and ResNet-D, since a 1×1 of stride 2 ignores 3/4 of the maps",
    remedy="Average over the window first (a 2×2 average pooling of stride 2, then the convolution with stride 1).",
    check=check,
    level="info",
)
