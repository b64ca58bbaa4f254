"""A trace as rules ask about it: who reads what, where layers are, what they see."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import prod

from zoo.analysis.rows import group
from zoo.ops.arithmetic import known_macs
from zoo.ops.axes import spatial, starts
from zoo.ops.least_field import extent, least, widest
from zoo.receptive.spans import Field, start
from zoo.record.trace import UNUSED, Op, Param, Trace, Value, each_axis
from zoo.record.walk import carry

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
POOLINGS = frozenset({f"{kind}_pool{axes}d" for kind in ("max", "avg") for axes in (1, 2, 3)} | {"max_pool2d_with_indices"})
BATCH_NORMS = frozenset({"batch_norm", "instance_norm"})
NORMS = BATCH_NORMS | {"layer_norm", "group_norm", "rms_norm", "local_response_norm"}
ACTIVATIONS = frozenset(
    "relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid tanh prelu softplus softsign"
    " log_sigmoid logsigmoid rrelu threshold clamp clamp_min".split()
)


class Network:
    """One forward, as rules ask about it.

    `object_pixels` is the side of the smallest object that matters, or None. `other_mode` gives the trace of a forward in training
    mode if this one is in evaluation mode, and the other way round, or None where there is none.
    """

    def __init__(
        self, trace: Trace, *, object_pixels: int | None = None, other_mode: Callable[[], Trace | None] = lambda: None
    ) -> None:
        self.trace = trace
        self.object_pixels = object_pixels
        self._other_mode = other_mode

    @cached_property
    def in_other_mode(self) -> Trace | None:
        """A forward in the other mode; None where there is none."""
        return self._other_mode()

    @cached_property
    def ops(self) -> tuple[Op, ...]:
        """The ops that ran."""
        return tuple(op for op in self.trace.ops if op.kind != UNUSED)

    def of(self, kinds: frozenset[str]) -> Iterator[Op]:
        """The ops of some kinds, in order."""
        return (op for op in self.ops if op.kind in kinds)

    @cached_property
    def _makers(self) -> dict[int, Op]:
        return {value.id: op for op in self.ops for value in op.outputs}

    @cached_property
    def _readers(self) -> dict[int, list[Op]]:
        found: dict[int, list[Op]] = {}
        for op in self.ops:
            for value in dict.fromkeys(op.inputs):
                found.setdefault(value.id, []).append(op)
        return found

    @cached_property
    def results(self) -> frozenset[int]:
        """The ids of what the forward returns."""
        return frozenset(value.id for value in self.trace.outputs)

    @cached_property
    def from_input(self) -> frozenset[int]:
        """The ids of the values that depend on the network's input."""
        found = {value.id for value in self.trace.inputs}
        for op in self.ops:
            if any(value.id in found for value in op.inputs):
                found.update(value.id for value in op.outputs)
        return frozenset(found)

    def maker(self, value: Value | None) -> Op | None:
        """The op that made a value; None for inputs, parameters and constants."""
        return self._makers.get(value.id) if value is not None else None

    def readers_of(self, value: Value) -> list[Op]:
        """The ops that read a value."""
        return self._readers.get(value.id, [])

    def readers(self, op: Op) -> list[Op]:
        """The ops that read what an op made."""
        found = {id(reader): reader for value in op.outputs for reader in self._readers.get(value.id, ())}
        return list(found.values())

    def only_reader(self, op: Op) -> Op | None:
        """The op that alone reads what an op made; None if there are several, none, or it leaves the network as well."""
        readers = self.readers(op)
        leaves = any(value.id in self.results for value in op.outputs)
        return readers[0] if len(readers) == 1 and not leaves else None

    @cached_property
    def _names(self) -> dict[int, str]:
        return {id(op): row.name for row in group(self.trace) for op in row.ops}

    def name(self, op: Op) -> str:
        """The layer that ran an op, as `zoo summary` names its row."""
        return self._names[id(op)]

    def type(self, op: Op) -> str:
        """The type of the module that ran an op."""
        return self.trace.calls[op.call].type

    def share(self, saves: Mapping[str, int]) -> float:
        """What is saved as a share of the whole: the greater of the shares of parameters and MACs."""
        wholes = {"params": self.total_params, "macs": self.total_macs}
        return max((number / wholes[key] for key, number in saves.items() if wholes.get(key)), default=0.0)

    @cached_property
    def params(self) -> tuple[Param, ...]:
        """Every parameter, once."""
        return tuple(param for param in self.trace.params if param.kind == "parameter")

    @cached_property
    def total_params(self) -> int:
        """Elements of all parameters."""
        return sum(param.numel for param in self.params)

    @cached_property
    def total_macs(self) -> int:
        """Multiply-accumulates of all ops whose cost is known."""
        return sum(map(self.macs, self.ops))

    def macs(self, op: Op) -> int:
        """Multiply-accumulates of an op; of one that is not known in full, those that are."""
        return known_macs(op)

    # Receptive fields

    @cached_property
    def least(self) -> dict[int, Field | None]:
        """The field along the smallest path, by the id of a value."""
        return carry(self.trace, starts(self.trace, start), least)

    @cached_property
    def widest(self) -> dict[int, Field | None]:
        """The field along all paths of windows, by the id of a value."""
        return carry(self.trace, starts(self.trace, start), widest)

    @cached_property
    def image(self) -> tuple[int, ...]:
        """The sizes of the input's spatial axes; none of an input that is not an image."""
        if len(self.trace.inputs) != 1 or len(self.trace.inputs[0].shape) < 3:
            return ()
        (value,) = self.trace.inputs
        return tuple(value.shape[dim] for dim in spatial(self.trace)[value.id])

    def sides(self, value: Value, fields: dict[int, Field | None]) -> tuple[int, ...]:
        """How many pixels a unit sees along each axis; none where that is not defined, or everything by construction."""
        field = fields.get(value.id)
        if not isinstance(field, tuple) or all(span.whole for span in field):
            return ()
        return tuple(map(extent, field))

    def exceeds_image(self, value: Value) -> bool:
        """Whether each unit of a value sees more than the image on every path, along each axis of the image."""
        sides = self.sides(value, self.least)
        return len(sides) == len(self.image) > 0 and all(side > n for side, n in zip(sides, self.image, strict=True))

    @cached_property
    def windows(self) -> tuple[Op, ...]:
        """Convolutions and poolings whose window is larger than one unit and slides over maps that depend on the image."""
        return tuple(
            op for op in self.ops if max(kernel(op), default=1) > 1 and self.sides(op.output, self.widest) and not _once(op)
        )

    @cached_property
    def feasible(self) -> tuple[int, int] | None:
        """The least and the greatest side of images that suit the network; None if it has no windows.

        Of a smaller image, some layer sees the whole on every path before it uses its kernel. Of a larger one, no unit of any layer
        sees the whole. Richter et al., arXiv 2106.12307.
        """
        low = [max(sides) for op in self.windows if (sides := self.sides(op.output, self.least))]
        high = [max(self.sides(op.output, self.widest)) for op in self.windows]
        return (max(low), max(high)) if low and high else None


def _once(op: Op) -> bool:
    """Whether one window covers the whole map, without padding, as in a fully connected layer that is written as a convolution."""
    return set(op.output.shape[2:]) == {1} and all(k == n for k, n in zip(kernel(op), op.inputs[0].shape[2:], strict=False))


def kernel(op: Op) -> Sequence[int]:
    """The sizes of the window of a convolution or pooling, along each axis; none for another op."""
    if op.kind in CONVOLUTIONS | TRANSPOSED:
        weight = op.input("weight")
        return weight.shape[2:] if weight is not None else ()
    return each_axis(op.attrs["kernel_size"], axes(op)) if op.kind in POOLINGS else ()


def axes(op: Op) -> int:
    """The digit in an op's name: 2 of max_pool2d."""
    return int(next(sign for sign in op.kind if sign.isdigit()))


def stride(op: Op) -> Sequence[int]:
    """The stride of a convolution or pooling along each axis: that of a pooling is its window unless given."""
    sizes = kernel(op)
    return each_axis(op.attrs.get("stride") or sizes, len(sizes))


_VIEWS = frozenset({"flatten", "view", "reshape", "_unsafe_view", "dropout", "contiguous", "clone", "permute", "transpose"})


def flattened(network: Network, op: Op) -> tuple[int, ...]:
    """Channels and sizes of the maps that a linear layer reads as one row; none if it reads no flattened maps."""
    value = op.inputs[0]
    while (maker := network.maker(value)) is not None and maker.kind in _VIEWS and len(value.shape) < 3:
        value = maker.inputs[0]
    maps = value.shape[1:]
    a_token = len(maps) == 2 and maps[0] == 1  # N×1×features, such as a class token by itself
    of_images = value.shape[0] == network.trace.inputs[0].shape[0]  # not of tokens, whose heads are joined
    several = len(maps) > 1 and of_images and not a_token and prod(maps[1:]) > 1
    return maps if several and prod(maps) == op.inputs[0].shape[-1] else ()
