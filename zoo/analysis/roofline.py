"""The roofline of a device: which layers its arithmetic limits, and which its memory.

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52(4), 2009. A layer that does I operations for each byte that it moves runs at most at
min(peak, I · bandwidth). Caches that keep a tensor between two operations can beat this bound; nothing else can.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zoo.analysis.rows import Group, group
from zoo.ops.arithmetic import macs
from zoo.ops.count import Count
from zoo.ops.memory import moved
from zoo.record.trace import UNUSED, Trace
from zoo.util.errors import ZooError, unknown


@dataclass(frozen=True)
class Device:
    """FLOPs per second in single precision without tensor cores, bytes per second of its memory, and where these are printed."""

    name: str
    flops: float
    bandwidth: float
    source: str = "given"

    @property
    def balance(self) -> float:
        """FLOPs per byte at which arithmetic and memory take equally long."""
        return self.flops / self.bandwidth


DEVICES: Mapping[str, Device] = {
    "t4": Device("T4", 8.1e12, 320e9, "NVIDIA T4 datasheet"),
    "v100": Device("V100 SXM2", 15.7e12, 900e9, "NVIDIA V100 datasheet"),
    "a100": Device("A100 40 GB SXM4", 19.5e12, 1555e9, "NVIDIA A100 datasheet"),
    "h100": Device("H100 SXM5", 67e12, 3.35e12, "NVIDIA H100 datasheet"),
}


@dataclass(frozen=True)
class Bound:
    """A layer that multiplies, on a device: its operations, the bytes that they move, and how fast they can be at most."""

    row: Group
    flops: int
    bytes: int
    device: Device

    @property
    def intensity(self) -> float:
        """FLOPs per byte."""
        return self.flops / self.bytes

    @property
    def most(self) -> float:
        """FLOPs per second, at most."""
        return min(self.device.flops, self.intensity * self.device.bandwidth)

    @property
    def by_memory(self) -> bool:
        """Whether memory limits it, rather than arithmetic."""
        return self.intensity < self.device.balance

    @property
    def seconds(self) -> float:
        """At least."""
        return self.flops / self.most


def device(name: str) -> Device:
    """Return a device of `DEVICES`, or one of FLOPS:BYTES per second, such as 19.5e12:1555e9. Raises `ZooError` for other text."""
    if name.lower() in DEVICES:
        return DEVICES[name.lower()]
    if ":" not in name:
        raise unknown("device", name, DEVICES)
    number = r"[0-9]+(?:\.[0-9]*)?(?:e\+?[0-9]+)?"
    match = re.fullmatch(f"({number}):({number})", name.lower())
    if not match or not float(match[1]) or not float(match[2]):
        raise ZooError(f"device: expected FLOPs and bytes per second, such as 19.5e12:1555e9, got {name!r}")
    return Device("the given device", float(match[1]), float(match[2]))


def bounds(trace: Trace, on: Device) -> Iterator[Bound]:
    """Yield every row of a trace that multiplies and moves bytes."""
    for one in group(trace):
        ops = [op for op in one.ops if op.kind != UNUSED]
        work = 2 * (Count() + sum(map(macs, ops))).known
        traffic = sum(map(moved, ops))
        if work and traffic:
            yield Bound(one, work, traffic, on)
