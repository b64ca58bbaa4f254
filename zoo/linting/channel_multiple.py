"""Channels that are not a multiple of what a matrix unit takes at a time."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, TRANSPOSED, Hit, Network, Op, Rule

_WIDTH = 8  # half-precision elements
_IMAGE = 4  # channels of an image are what they are


def check(network: Network) -> Iterator[Hit]:
    """Convolutions and linear layers in which channels in or out must be padded; not depthwise ones, nor those on the image."""
    for op in network.of(CONVOLUTIONS | TRANSPOSED | {"linear"}):
        weight = op.input("weight")
        groups = op.attrs.get("groups", 1)
        if weight is None or weight.source != "parameter" or len(weight.shape) < 2:
            continue
        reads, makes = _channels(op, weight.shape, groups)
        if groups > 1 and reads == 1:
            continue
        of_image = reads <= _IMAGE and network.maker(op.inputs[0]) is None
        ways = ((reads, "in"), (makes, "out"))
        odd = [f"{n} channels {way}" for n, way in ways if n % _WIDTH and not (way == "in" and of_image)]
        if odd:
            per_group = " in each group" if groups > 1 else ""
            used = (1 if of_image else reads / _up(reads)) * makes / _up(makes)
            what = f"{' and '.join(odd)}{per_group}: not a multiple of {_WIDTH}, so {used:.0%} of the padded tiles are used"
            yield Hit(op, what, {"in": reads, "out": makes, "groups": groups, "used": used})


def _channels(op: Op, shape: tuple[int, ...], groups: int) -> tuple[int, int]:
    """Channels in and out of each group, from a weight C_out×C_in/groups×kernel, or, transposed, C_in×C_out/groups×kernel."""
    return (shape[0] // groups, shape[1]) if op.kind in TRANSPOSED else (shape[1], shape[0] // groups)


def _up(n: int) -> int:
    """The next multiple.

    >>> _up(30), _up(32)
    (32, 32)
    """
    return -(-n // _WIDTH) * _WIDTH


RULE = Rule(
    name="channel-multiple",
    finds="channels that are not a multiple of 8, the width of tensor cores in half precision",
    why="Matrix units take 8 half-precision channels at a time. Others are padded, or the layer falls back to a slower kernel.",
    source="NVIDIA, Deep Learning Performance: Convolutional Layers User's Guide, section 'Channels in and out'",
    remedy="Round the channels to the next multiple of 8.",
    check=check,
    level="off",
    device="tensor-cores",
)
