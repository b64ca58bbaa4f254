"""The layer calculator: what layers that are only described would be, without a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from zoo.analysis.explanation import Explanation
from zoo.analysis.measure import measure
from zoo.models.by_hand import same_padding, trace_of
from zoo.models.described import Spec, read
from zoo.ops.book import rule_of
from zoo.ops.window import Axis
from zoo.questions.explain import explain
from zoo.questions.explainer import Explainer
from zoo.record.inputs import without_batch
from zoo.record.trace import Op, Trace, Value
from zoo.tables.table import Column, Row, Table
from zoo.util.errors import ZooError
from zoo.util.text import sizes

SCHEMA = "zoo.layer/1"


@dataclass(frozen=True, slots=True)
class Layers:
    """What is known of layers that were described: their table, the working of each, and what other wirings would cost.

    Arguments:
        trace: The records of the layers, as of a model.
        table: A row for each layer.
        explanations: The working of each layer's numbers.
        wirings: For each convolution, the same units wired densely, locally, and with shared weights.
        wanted: Paddings and strides that give a size that was asked for.
    """

    trace: Trace
    table: Table
    explanations: tuple[Explanation, ...]
    wirings: tuple[Table, ...]
    wanted: Table | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema zoo.layer/1."""
        return {
            "schema": SCHEMA,
            "table": self.table.to_dict(),
            "explanations": [one.to_dict() for one in self.explanations],
            "wirings": [one.to_dict() for one in self.wirings],
            **({"wanted": self.wanted.to_dict()} if self.wanted else {}),
        }

    def text(self, width: int = 100) -> str:
        """Everything for a page of `width` characters."""
        tables = [self.wanted] if self.wanted else []
        pages = [
            *(one.render("text", width) for one in tables),
            self.table.render("text", width),
            *(one.text(width) for one in self.explanations),
            *(one.render("text", width) for one in self.wirings),
        ]
        return "\n".join(pages)

    def __str__(self) -> str:
        return self.text().rstrip("\n")


def layer(size: Sequence[int] | str, description: str, *, batch: int = 1, want: Sequence[int] | str | None = None) -> Layers:
    """What described layers give for an input, without building them.

    Arguments:
        size: Channels and sizes of the input, without batch: (3, 32, 32) or "3x32x32"; (128, 21) for sequences; (784,) for
            features.
        description: Layers separated by |, as text ("conv 10 5x5 pad 2", "conv 1 3x3/3", "pool 2x2", "fc 120", "relu") or as in
            code ("Conv2d(3, 10, 5, padding=2)"). The text is read, never evaluated.
        batch: The number of images.
        want: The size that the last layer with a window shall give; the result lists paddings and strides that do it.

    Returns:
        `Layers`; `print` shows the table, the working, and the units and connections of other wirings.

    Raises:
        ZooError: For a layer that cannot be read, with its position, and for one that does not fit.

    Example:
        >>> found = zoo.layer((3, 32, 32), "conv 10 5x5 pad 2")
        >>> found.table.rows[0].cells["output"], found.table.rows[0].cells["params"]
        ([1, 10, 32, 32], 760)
    """
    shape = without_batch(size)
    specs = read(description)
    wanted = _wanted(shape, specs, without_batch(want), batch) if want is not None else None
    try:
        trace = trace_of(shape, specs, batch)
    except ZooError as error:
        if wanted is None:
            raise
        return _unfitting(shape, batch, description, error, wanted)
    columns = ["output", "weight", "params", "macs", "flops", "rf", "units", "connections"]
    table = measure(trace, columns=columns)
    title = f"input {sizes(trace.inputs[0].shape)} · {description.strip()}"
    explained = ["output", "params", "macs", "rf"]
    explanations = tuple(replace(explain(trace, row.name, explained), notes=()) for row in table.rows)
    wirings = tuple(_wiring(op, trace) for op in trace.ops if op.kind.startswith("conv"))
    explainer = Explainer(trace, "pure", tuple(columns))
    return Layers(trace, replace(table, title=title, explainer=explainer), explanations, wirings, wanted)


def _unfitting(input: Sequence[int], batch: int, description: str, error: ZooError, wanted: Table) -> Layers:
    """What gives the requested size, where the layers do not fit as they are described."""
    trace = trace_of(input, (), batch)
    title = f"input {sizes(trace.inputs[0].shape)} · {description.strip()}"
    table = Table(title, {"input": list(input)}, (), (), notes=(f"as described it does not fit: {error}",))
    return Layers(trace, table, (), (), wanted)


def _wiring(op: Op, trace: Trace) -> Table:
    """The units of a convolution, wired in three ways."""
    weight = op.inputs[1]
    x = next(one.inputs[0] for one in trace.ops if one.call == op.call)  # before padding
    units, inputs = op.output.numel // op.output.shape[0], x.numel // x.shape[0]
    window = prod(weight.shape[1:])
    biased = op.input("bias") is not None
    maps = op.output.shape[1]
    ways = [
        ("dense", "every unit to every input", units * inputs, units * inputs, units),
        ("local", "every unit to its window", units * window, units * window, units),
        ("shared", "the convolution", units * window, weight.numel, maps),
    ]
    rows = []
    for name, kind, links, weights, biases in ways:
        own = biases if biased else 0
        cells = {"units": units, "connections": links + (units if biased else 0), "weights": weights, "biases": own}
        rows.append(Row(name, kind, {**cells, "parameters": weights + own}))
    place = trace.calls[op.call].path
    zeros = ("connections and weights include those to the zeros of the padding",) if _pads(op, x) else ()
    title = f"{place} · the same {units:,} units, wired in three ways · {_tensor(weight, biased=biased)}"
    return Table(title, {"layer": place, "weight": list(weight.shape)}, _WIRING, tuple(rows), notes=zeros)


def _pads(op: Op, x: Value) -> bool:
    """Whether windows reach over the border of the layer's input `x`."""
    windows = rule_of(op).window
    return op.inputs[0].shape != x.shape or any(axis.before or axis.after for axis in (windows(op) if windows else None) or ())


def _tensor(weight: Value, *, biased: bool) -> str:
    """weight 10×3×5×5: maps out × maps in × height × width, ...; lectures call it a 4-D tensor."""
    maps, depth, *window = weight.shape
    axes = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}.get(len(window), ())
    said = f"weight {sizes(weight.shape)}, a {len(weight.shape)}-D tensor: {' × '.join(('maps out', 'maps in', *axes))}"
    plural = "s" if maps > 1 else ""
    each = ", one for each map" if maps > 1 else ""
    own = f"{maps:,} bias{'es' if maps > 1 else ''}{each}" if biased else "no biases"
    return f"{said}; {maps:,} filter{plural} of {sizes((*window, depth))}, {own}"


_WIRING = (
    Column("units", "units", "outputs for one image", hide_order=0),
    Column("connections", "links", "links from inputs and biases to units", hide_order=0),
    Column("weights", "elements", "weights, without biases", hide_order=0),
    Column("biases", "elements", "biases: one for each unit, or one for each map where they are shared", hide_order=1),
    Column("parameters", "elements", "weights and biases", hide_order=0),
)


# Inverse questions ----------------------------------------------------------------------------------------------------


def _wanted(input: Sequence[int], specs: Sequence[Spec], want: Sequence[int], batch: int) -> Table:
    """Every stride and padding of the last window that gives the sizes `want`."""
    place = max((i for i, spec in enumerate(specs) if spec.kernel), default=None)
    if place is None:
        raise ZooError("want: no layer has a window")
    spec = specs[place]
    before = trace_of(input, specs[:place], batch).outputs[0].shape[2:]
    axes = len(before)
    if len(want) not in {1, axes}:
        raise ZooError(f"want {sizes(want)}: expected {axes} sizes, one for each spatial axis")
    goal = tuple(want) * (axes if len(want) == 1 else 1)
    kernel = spec.kernel * (axes if len(spec.kernel) == 1 else 1)
    dilation = spec.dilation * (axes if len(spec.dilation) == 1 else 1)
    rows = list(_ways(before, goal, [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)], pools=spec.kind != "conv"))
    title = f"{spec.text} on {sizes(before)} · paddings and strides that give {sizes(goal)}"
    notes = () if rows else (f"no stride and padding of this window turns {sizes(before)} into {sizes(goal)}",)
    return Table(title, {"input": list(before), "want": list(goal)}, _WAYS, tuple(rows), notes=notes)


def _ways(before: Sequence[int], goal: Sequence[int], reach: Sequence[int], *, pools: bool) -> Iterator[Row]:
    """Every stride with the paddings below the window that do it; a pooling pads by half its window at most, as in torch."""
    for stride in range(1, max(*reach, *before) + 1):
        by_axis = []
        for n, out, r in zip(before, goal, reach, strict=True):
            most = r // 2 if pools else r - 1
            by_axis.append([p for p in range(most + 1) if n + 2 * p >= r and (n + 2 * p - r) // stride + 1 == out])
        common = [(p,) * len(before) for p in by_axis[0] if all(p in several for several in by_axis)]
        for padding in common or list(product(*by_axis))[:4]:
            yield _way(before, goal, reach, stride, padding)
        total = same_padding(before, reach, [stride] * len(before))
        if any(both % 2 for both in total) and all(-(-n // stride) == out for n, out in zip(before, goal, strict=True)):
            sides = " ".join(f"{both // 2}+{both - both // 2}" for both in total)
            yield Row(f"stride {stride}", "same", {"stride": stride, "padding": sides, "fits": "exactly"})


def _way(before: Sequence[int], goal: Sequence[int], reach: Sequence[int], stride: int, padding: Sequence[int]) -> Row:
    axes = [Axis("axis", n, out, r, stride, p, p) for n, out, r, p in zip(before, goal, reach, padding, strict=True)]
    names = {axis.named for axis in axes}
    exact = not any(axis.rest for axis in axes)
    shown = str(padding[0]) if len(set(padding)) == 1 else sizes(padding)
    cells = {"stride": stride, "padding": shown, "fits": "exactly" if exact else axes[0].fit() or axes[-1].fit()}
    return Row(f"stride {stride}", names.pop() if len(names) == 1 else "", cells)


_WAYS = (
    Column("stride", "elements", "from one window to the next", hide_order=0),
    Column("padding", "elements", "before and after each axis", hide_order=0),
    Column("fits", "", "whether windows fit exactly", hide_order=0),
)
