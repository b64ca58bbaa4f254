"""What ran: frozen, torch-free records of one forward, with JSON in and out.

A `Trace` holds the ops in the order in which they ran, the module calls around them, and the parameters and buffers they read.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

from zoo.util.errors import ZooError

SCHEMA = "zoo.trace/1"

_SIZES = {
    1: "bool int8 uint8 qint8 quint8 quint4x2 quint2x4 bits8 bits1x8 bits2x4 bits4x2 float4_e2m1fn_x2 float8_e4m3fn float8_e4m3fnuz"
    " float8_e5m2 float8_e5m2fnuz float8_e8m0fnu int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 uint4 uint5 uint6 uint7",
    2: "int16 uint16 bits16 float16 bfloat16",
    4: "int32 uint32 qint32 float32 complex32 bcomplex32",
    8: "int64 uint64 float64 complex64",
    16: "complex128",
}
_BYTES = {dtype: size for size, dtypes in _SIZES.items() for dtype in dtypes.split()}


def bytes_each(dtype: str) -> int:
    """Return the bytes of one element. Raises `ZooError` for an unknown type."""
    if dtype not in _BYTES:
        raise ZooError(f"the number of bytes per element of {dtype} is unknown")
    return _BYTES[dtype]


class Value(NamedTuple):
    """One tensor at one moment: an in-place op turns it into another `Value`.

    `source` is "input", "variable" (an input that requires a gradient), "op", "parameter", "buffer" or "constant" (a tensor that
    the model made or held by other means).
    """

    id: int
    shape: tuple[int, ...]
    dtype: str
    source: str

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of its elements. Raises `ZooError` for an unknown type."""
        return self.numel * bytes_each(self.dtype)


class Param(NamedTuple):
    """A parameter or buffer of the model, once, under the first of its names."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    trainable: bool

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of its elements. Raises `ZooError` for an unknown type."""
        return self.numel * bytes_each(self.dtype)


class Call(NamedTuple):
    """One run of a module's forward. `parent` is the index of the call around it, None for the model itself.

    `path` is the module's name in the model ("features.conv1"; "" for the model), `leaf` says that it has no submodules.
    """

    path: str
    type: str
    parent: int | None
    leaf: bool
    outputs: tuple[Value, ...]


class Op(NamedTuple):
    """One operation, in torch's vocabulary without overload or in-place underscore ("conv2d", "add", "vision::nms").

    `roles` names the argument of each of `inputs`; `attrs` holds the other arguments by name, with defaults filled in.
    Of an index along one dimension whose values are known, `attrs["picked"]` holds these. An attention whose mask is known
    to be causal has `attrs["causal_mask"]`.
    `traits` are what torch states of the op: "pointwise", "reduction", "view" (its output shares storage with its input),
    "inplace", "alias" (may be a view), "random"; and how the model came to it: "functional" (torch.nn.functional called it),
    "operator" (it is written +, * or @), "own backward" (see `OWN_BACKWARD`), "in NAME" (it is a part of the composite op NAME,
    which torch took apart). `owns` are the parameters and buffers that no earlier op has read.
    """

    kind: str
    call: int
    inputs: tuple[Value, ...]
    roles: tuple[str, ...]
    outputs: tuple[Value, ...]
    attrs: Mapping[str, Any]
    traits: frozenset[str] = frozenset()
    owns: tuple[Param, ...] = ()

    def input(self, role: str) -> Value | None:
        """Return the first input that is passed as the argument `role`, or None."""
        return self.inputs[self.roles.index(role)] if role in self.roles else None

    @property
    def output(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def signature(self, of: Callable[[Value], Hashable]) -> Hashable:
        """What is equal for two ops that do the same: kind, arguments, and what `of` says of each tensor that is read or given."""
        return self.kind, frozenset(self.attrs.items()), self.roles, tuple(map(of, self.inputs)), tuple(map(of, self.outputs))


UNUSED = "unused"
"""The kind of the pseudo-op for parameters and buffers that this forward pass did not read."""


def likeness(op: Op) -> Hashable:
    """What is equal for two ops that do the same, whatever the names and values of weights and whichever tensors they read."""
    unread = tuple(param.shape for param in op.owns) if op.kind == UNUSED else ()
    return op.signature(_likeness), unread


def _likeness(value: Value) -> Hashable:
    """What two tensors in alike places of alike blocks have in common: shape, type, whether they are the model's own."""
    return value.shape, value.dtype, value.source in {"parameter", "buffer"}


WRITE = "write"
"""The kind of the pseudo-op for a tensor that is changed through another view of its storage."""


OWN_BACKWARD = "own backward"
"""The trait of an op that runs inside a `torch.autograd.Function`, whose backward is not that of its ops."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward of `target` in mode "eval" or "train": frozen records without torch. Call 0 is the model itself.

    `containers` are the types of modules whose forward did not run although that of a module inside did, by name.

    Example:
        >>> found = zoo.trace("lenet5")
        >>> found.ops[0].kind, found.ops[0].output.shape
        ('conv2d', (1, 6, 28, 28))
    """

    target: str
    mode: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    calls: tuple[Call, ...]
    ops: tuple[Op, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)

    @property
    def params(self) -> tuple[Param, ...]:
        """Every parameter and buffer of the model, once, in the order in which the forward first read them."""
        return tuple(param for op in self.ops for param in op.owns)

    @property
    def unused(self) -> tuple[Param, ...]:
        """The parameters that this forward did not read."""
        return tuple(p for op in self.ops if op.kind == UNUSED for p in op.owns if p.kind == "parameter")

    def to_dict(self) -> dict[str, Any]:
        """Return the trace as JSON data: values in a list, everything else by index."""
        values = {v.id: v for op in self.ops for v in (*op.inputs, *op.outputs)}
        values |= {v.id: v for v in (*self.inputs, *self.outputs, *(v for call in self.calls for v in call.outputs))}
        ids = {old: new for new, old in enumerate(sorted(values))}

        def refs(several: tuple[Value, ...]) -> list[int]:
            return [ids[value.id] for value in several]

        return {
            "schema": SCHEMA,
            "target": self.target,
            "mode": self.mode,
            "versions": dict(self.versions),
            "containers": dict(self.containers),
            "values": [[list(v.shape), v.dtype, v.source] for _, v in sorted(values.items())],
            "inputs": refs(self.inputs),
            "outputs": refs(self.outputs),
            "calls": [[c.path, c.type, c.parent, c.leaf, refs(c.outputs)] for c in self.calls],
            "ops": [
                [op.kind, op.call, refs(op.inputs), list(op.roles), refs(op.outputs), dict(op.attrs), sorted(op.traits)]
                + [[[p.name, list(p.shape), p.dtype, p.kind, p.trainable] for p in op.owns]]
                for op in self.ops
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Trace":
        """The inverse of `to_dict`, also after a round trip through JSON. Raises `ValueError` for another schema."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"not a {SCHEMA}: schema is {data.get('schema')!r}")
        values = [Value(i, tuple(shape), dtype, source) for i, (shape, dtype, source) in enumerate(data["values"])]

        def refs(several: list[int]) -> tuple[Value, ...]:
            return tuple(values[i] for i in several)

        return cls(
            target=data["target"],
            mode=data["mode"],
            versions=data["versions"],
            containers=data.get("containers", {}),
            inputs=refs(data["inputs"]),
            outputs=refs(data["outputs"]),
            calls=tuple(Call(path, kind, parent, leaf, refs(out)) for path, kind, parent, leaf, out in data["calls"]),
            ops=tuple(
                Op(
                    kind,
                    call,
                    refs(inputs),
                    tuple(roles),
                    refs(outputs),
                    {name: _tuples(value) for name, value in attrs.items()},
                    frozenset(traits),
                    tuple(Param(p[0], tuple(p[1]), *p[2:]) for p in owns),
                )
                for kind, call, inputs, roles, outputs, attrs, traits, owns in data["ops"]
            ),
        )


def spatial_axes(kind: str) -> int:
    """How many axes an op of this kind slides along: 2 for "conv2d" or "adaptive_avg_pool2d". Raises `ValueError` if none is named.

    >>> spatial_axes("max_pool3d_with_indices")
    3
    """
    for sign, following in pairwise(kind):
        if sign in "123" and following == "d":
            return int(sign)
    raise ValueError(f"{kind} names no number of axes")


def each_axis(value: Any, axes: int) -> tuple[int, ...]:
    """One int for each axis, from what ops take for kernels, strides and the like: one int, a list of one, or a list of all."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * axes if len(values) == 1 else values


def by_axis(op: Op, axes: int, **defaults: Any) -> list[tuple[int, ...]]:
    """Several attributes of an op, each as one int for each axis: `stride, dilation = by_axis(op, 2, stride=1, dilation=1)`."""
    return [each_axis(op.attrs.get(name, default), axes) for name, default in defaults.items()]


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
