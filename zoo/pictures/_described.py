"""Numbers of drawings: layers that are only described, computed as `zoo layer` computes them, and the units that windows read."""

from collections.abc import Sequence

from zoo.extend import Trace, ZooError, measure
from zoo.models.by_hand import trace_of
from zoo.models.described import read
from zoo.receptive.taps import window

_MOST = 48
"""Units in a row that can be told apart."""


def described(shape: Sequence[int], text: str) -> Trace:
    """One forward of layers such as "conv 10 5x5 pad 2 | relu" on an input C×sizes. Raises `ZooError` if they do not fit."""
    return trace_of(shape, read(text))


def units(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Return how many units a window gives along an axis of `size` units. Raises `ZooError` if it does not fit."""
    text = f"conv 1 {kernel} stride {stride} pad {padding} dilation {dilation}"
    try:
        return described((1, size), text).outputs[0].shape[-1]
    except ZooError as error:
        raise ZooError(f"a window of {kernel} does not fit on {size} units with padding {padding}") from error


def reads(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> list[list[int]]:
    """Return the inputs that each unit reads; those below 0 and from `size` on are padding.

    Raises `ZooError` if the window does not fit, and for more units than can be drawn in a row.
    """
    if size + 2 * padding > _MOST or kernel > _MOST:
        raise ZooError(f"expected at most {_MOST} units in a row, got {max(size + 2 * padding, kernel):,}")
    taps = window(kernel, stride, padding, dilation, units(size, kernel, stride, padding, dilation))
    return [list(taps.reads(unit)) for unit in range(taps.count)]


def params(trace: Trace) -> int:
    """Return the parameters of a trace."""
    return int(measure(trace, columns=["params"], depth=0).total["params"])


def macs(trace: Trace) -> int:
    """Return the MACs of a trace."""
    return int(measure(trace, columns=["macs"], depth=0).total["macs"])
