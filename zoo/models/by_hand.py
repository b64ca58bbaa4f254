"""A trace of layers that are only described, without torch: shapes are computed from windows, as the rule book has them."""

from collections.abc import Sequence
from math import prod

from zoo.models.described import Spec
from zoo.record.trace import Call, Op, Param, Trace, Value
from zoo.util.errors import ZooError
from zoo.util.text import sizes

_DTYPE = "float32"
_NAMES = {"max_pool": "pool", "avg_pool": "pool", "global_pool": "gap", "linear": "fc", "batch_norm": "bn"}
_TYPES = {"max_pool": "MaxPool", "avg_pool": "AvgPool", "conv": "Conv", "batch_norm": "BatchNorm", "global_pool": "AdaptiveAvgPool"}
_CLASSES = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "linear": "Linear"}


def trace_of(shape: Sequence[int], specs: Sequence[Spec], batch: int = 1) -> Trace:
    """One forward of a chain of layers on an input of `shape`, which has no batch.

    Raises `ZooError` for a layer that does not fit, with its number.
    """
    made = _Made((batch, *shape))
    for number, spec in enumerate(specs, 1):
        try:
            made.add(spec)
        except ZooError as error:
            raise ZooError(f"layer {number} {spec.text!r} on {sizes(made.value.shape[1:])}: {error}") from None
    whole = Call("", "Sequential", None, False, (made.value,))
    return Trace("layers", "eval", (made.input,), (made.value,), (whole, *made.calls), tuple(made.ops))


class _Made:
    """The records so far: the calls, the ops, and the value that the next layer reads."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.input = self.value = Value(0, tuple(shape), _DTYPE, "input")
        self.calls: list[Call] = []
        self.ops: list[Op] = []
        self.last = 0
        self.taken: dict[str, int] = {}

    def new(self, shape: Sequence[int], source: str = "op") -> Value:
        """Another tensor."""
        self.last += 1
        return Value(self.last, tuple(shape), _DTYPE, source)

    def add(self, spec: Spec) -> None:
        """One layer; a linear layer on maps flattens them first."""
        axes = len(self.value.shape) - 2
        if spec.kind == "linear" and axes > 0:
            self.add(Spec("flatten", "flatten"))
            axes = 0
        if spec.axes is not None and spec.axes != axes:
            raise ZooError(f"it takes maps of {spec.axes} spatial axes, and got {axes}")
        stem = _NAMES.get(spec.kind, spec.kind)
        self.taken[stem] = self.taken.get(stem, 0) + 1
        name = f"{stem}{self.taken[stem]}"
        kind = _CLASSES.get(spec.kind, _TYPES.get(spec.kind, spec.kind.capitalize()) + (f"{axes}d" if spec.kind in _TYPES else ""))
        place = len(self.calls) + 1
        {"conv": self._conv, "max_pool": self._pool, "avg_pool": self._pool, "linear": self._linear}.get(spec.kind, self._plain)(
            spec, name, place
        )
        self.calls.append(Call(name, kind, 0, True, (self.value,)))

    def _run(
        self,
        kind: str,
        place: int,
        inputs: dict[str, Value],
        shape: Sequence[int],
        attrs: dict[str, object],
        owns: Sequence[Param] = (),
        traits: Sequence[str] = (),
    ) -> None:
        """One op, whose output is what the next layer reads."""
        out = self.new(shape)
        self.ops.append(Op(kind, place, tuple(inputs.values()), tuple(inputs), (out,), attrs, frozenset(traits), tuple(owns)))
        self.value = out

    def _param(self, name: str, shape: Sequence[int]) -> tuple[Value, Param]:
        return self.new(shape, "parameter"), Param(name, tuple(shape), _DTYPE, "parameter", True)

    def _conv(self, spec: Spec, name: str, place: int) -> None:
        channels, axes = self.value.shape[1], len(self.value.shape) - 2
        if spec.inputs is not None and spec.inputs != channels:
            raise ZooError(f"it takes {spec.inputs} channels, and got {channels}")
        if channels % spec.groups or spec.out % spec.groups:
            raise ZooError(f"{channels} and {spec.out} channels do not divide into {spec.groups} groups")
        kernel, stride, padding, dilation = self._window(spec, axes, place)
        shape = _slid(self.value.shape[2:], kernel, stride, padding, dilation)
        weight, own = self._param(f"{name}.weight", (spec.out, channels // spec.groups, *kernel))
        inputs, owns = {"input": self.value, "weight": weight}, [own]
        if spec.bias:
            inputs["bias"], bias = self._param(f"{name}.bias", (spec.out,))
            owns.append(bias)
        attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": spec.groups}
        self._run(f"conv{axes}d", place, inputs, (self.value.shape[0], spec.out, *shape), attrs, owns=owns)

    def _pool(self, spec: Spec, name: str, place: int) -> None:
        axes = len(self.value.shape) - 2
        kernel, stride, padding, dilation = self._window(spec, axes, place)
        shape = _slid(self.value.shape[2:], kernel, stride, padding, dilation, ceil=spec.ceil)
        attrs: dict[str, object] = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": spec.ceil}
        if spec.kind == "max_pool":
            attrs["dilation"] = dilation
        self._run(f"{spec.kind}{axes}d", place, {"self": self.value}, (*self.value.shape[:2], *shape), attrs, traits=["functional"])

    def _window(self, spec: Spec, axes: int, place: int) -> tuple[tuple[int, ...], ...]:
        """Kernel, stride, padding and dilation by axis. Padding that differs before and after is an op of its own."""
        if axes < 1:
            raise ZooError("it needs maps, and got features")
        kernel, stride, dilation = (_by_axis(name, getattr(spec, name), axes) for name in ("kernel", "stride", "dilation"))
        if not isinstance(spec.padding, str):
            return kernel, stride, _by_axis("padding", spec.padding, axes), dilation
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        if spec.padding == "valid":
            return kernel, stride, (0,) * axes, dilation
        if spec.padding == "full":
            return kernel, stride, tuple(r - 1 for r in reach), dilation
        total = same_padding(self.value.shape[2:], reach, stride)
        if not any(both % 2 for both in total):
            return kernel, stride, tuple(both // 2 for both in total), dilation
        around = [side for both in reversed(total) for side in (both // 2, both - both // 2)]
        shape = (*self.value.shape[:2], *(n + both for n, both in zip(self.value.shape[2:], total, strict=True)))
        self._run("pad", place, {"input": self.value}, shape, {"pad": tuple(around), "mode": "constant"})
        return kernel, stride, (0,) * axes, dilation

    def _linear(self, spec: Spec, name: str, place: int) -> None:
        features = self.value.shape[-1]
        if spec.inputs is not None and spec.inputs != features:
            raise ZooError(f"it takes {spec.inputs:,} features, and got {features:,}")
        weight, own = self._param(f"{name}.weight", (spec.out, features))
        inputs, owns = {"input": self.value, "weight": weight}, [own]
        if spec.bias:
            inputs["bias"], bias = self._param(f"{name}.bias", (spec.out,))
            owns.append(bias)
        self._run("linear", place, inputs, (*self.value.shape[:-1], spec.out), {}, owns=owns)

    def _plain(self, spec: Spec, name: str, place: int) -> None:
        """What has no window: activations, flattening, normalisation, global pooling."""
        shape, axes = self.value.shape, len(self.value.shape) - 2
        if spec.kind == "flatten":
            attrs: dict[str, object] = {"start_dim": 1, "end_dim": -1}
            self._run("flatten", place, {"self": self.value}, (shape[0], prod(shape[1:])), attrs, traits=["view", "alias"])
        elif spec.kind == "global_pool":
            if axes < 1:
                raise ZooError("it needs maps, and got features")
            attrs = {"output_size": (1,) * axes}
            self._run(f"adaptive_avg_pool{axes}d", place, {"self": self.value}, (*shape[:2], *(1,) * axes), attrs)
        elif spec.kind == "batch_norm":
            if spec.inputs is not None and spec.inputs != shape[1]:
                raise ZooError(f"it takes {spec.inputs} channels, and got {shape[1]}")
            (weight, one), (bias, other) = (self._param(f"{name}.{part}", (shape[1],)) for part in ("weight", "bias"))
            inputs = {"input": self.value, "weight": weight, "bias": bias}
            self._run("batch_norm", place, inputs, shape, {"training": False}, owns=[one, other])
        else:
            attrs = {"dim": 1} if spec.kind == "softmax" else {"p": 0.5, "train": False} if spec.kind == "dropout" else {}
            traits = [] if spec.kind in {"softmax", "dropout"} else ["pointwise"]
            self._run(spec.kind, place, {"self": self.value}, shape, attrs, traits=traits)


def _by_axis(name: str, given: Sequence[int], axes: int) -> tuple[int, ...]:
    if len(given) not in {1, axes}:
        expected, noun = ("one size", "axis") if axes == 1 else (f"one size or {axes}", "axes")
        raise ZooError(f"{name} {sizes(given)}: expected {expected}, since the input has {axes} spatial {noun}")
    found = tuple(given) * (axes if len(given) == 1 else 1)
    if name != "padding" and min(found) < 1:
        raise ZooError(f"{name} {sizes(given)}: expected sizes >= 1")
    return found


def same_padding(given: Sequence[int], reach: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Padding along each axis, before and after together, with which the output has ceil(n / stride) elements.

    >>> same_padding((224,), (11,), (4,)), same_padding((32, 32), (5, 4), (1, 1))
    ([7], [4, 3])
    """
    outs = [-(-n // s) for n, s in zip(given, stride, strict=True)]
    return [max((out - 1) * s + r - n, 0) for n, out, r, s in zip(given, outs, reach, stride, strict=True)]


def _slid(
    given: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    ceil: bool = False,
) -> list[int]:
    """Sizes of the output. Raises `ZooError` if the window does not fit even once."""
    found = []
    for n, k, s, p, d in zip(given, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        if room < 0:
            raise ZooError(f"a window of {d * (k - 1) + 1} does not fit into {n}{f' padded to {n + 2 * p}' if p else ''}; try pad")
        size = (room + (s - 1 if ceil else 0)) // s + 1
        found.append(size - 1 if ceil and (size - 1) * s >= n + p else size)
    return found
