"""Where the numbers of a layer come from: the formula, the numbers in it, and where each number was found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose
from zoo.analysis.conventions import load, under
from zoo.analysis.explanation import Explanation, Quantity
from zoo.analysis.kinds import Pass
from zoo.analysis.working import Place, find
from zoo.models.forward import trace
from zoo.ops.book import rule_of
from zoo.ops.working import Line
from zoo.record.trace import Op
from zoo.tables.notes import COUNTED
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable


def explain(
    target: "Traceable",
    layer: str | None = None,
    columns: Sequence[str] | None = None,
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
    convention: str = "pure",
) -> Explanation:
    """The numbers of a layer, each with its derivation.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        layer: A row of the table of `summary`, at any depth; by default the whole model.
        columns: Names of columns; by default those of `summary`.
        input, inputs, batch, train, real, options: As in `zoo.trace`.
        convention: What `macs` and `flops` count (docs/conventions.md).

    Returns:
        An `Explanation`: formulas in symbols and in numbers, made of the factors that were counted.

    Raises:
        ZooError: As `zoo.trace`, and for an unknown layer, column or convention.

    Example:
        >>> print(zoo.explain("lenet5", "C1", ["params"]))
        lenet5 · C1 · Conv2d 1 -> 6, kernel 5×5 · input 1×1×32×32 -> 1×6×28×28
        <BLANKLINE>
        params  156   trainable and frozen parameters, shared ones once
          weight        C_out * C_in/groups * k_h * k_w = 6 * 1 * 5 * 5 = 150
                        C1.weight 6×1×5×5 float32
          bias          n = 6
                        C1.bias 6 float32
          conv2d        weight + bias = 150 + 6 = 156
    """
    passes = under(convention, choose(columns))
    found = trace(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options)
    place = find(found, layer)
    quantities = tuple(_quantity(one, place) for one in passes)
    context = {
        "target": found.target,
        "inputs": [list(value.shape) for value in found.inputs],
        "mode": found.mode,
        "convention": convention,
    }
    counted = not COUNTED.isdisjoint(one.column.name for one in passes)
    notes = (*shared(place), *((f"convention {convention}: {load(convention).says}",) if counted else ()))
    return Explanation(_title(place), place.group.name, place.group.type, quantities, notes, context)


def _quantity(one: Pass, place: Place) -> Quantity:
    """The cell, and its lines; of a column that explains nothing, one line that says so."""
    (cell,), _ = one.measure(place.trace, [place.group])
    working = getattr(one, "working", None)
    lines = tuple(working(place, cell)) if working else ()
    if not lines:
        lines = (Line(one.column.name, says="this column gives no working"),)
    return Quantity(one.column, cell, lines)


def _title(place: Place) -> str:
    name, target = place.group.name, place.trace.target
    return f"{f'{target} · {name}' if name != target else name} · {described(place)}"


def described(place: Place) -> str:
    """What a layer is, and from which shape to which: Conv2d 3 -> 96, kernel 11×11 · input 1×3×227×227 -> 1×96×55×55."""
    group = place.group
    ops = [op for op in group.ops if op.inputs]
    first = next((value for op in ops for value in op.inputs if value.source in {"input", "variable", "op"}), None)
    chief = [op for op in ops if op.kind == "linear" or rule_of(op).window]
    what = [group.type, *_about(chief[0] if len(chief) == 1 else None)]
    out = ", ".join(sizes(value.shape) for value in group.outputs)
    shapes = f" · input {sizes(first.shape)} -> {out}" if first is not None and out else ""
    return f"{' '.join(what)}{shapes}"


def _about(op: Op | None) -> Iterator[str]:
    """3 -> 96, kernel 11×11, stride 4: what is known of a single op."""
    if op is None:
        return
    weight = op.input("weight")
    said = []
    if weight is not None and op.kind.startswith("conv") and "transpose" not in op.kind:
        said.append(f"{weight.shape[1] * op.attrs.get('groups', 1)} -> {weight.shape[0]}")
    elif weight is not None and op.kind == "linear":
        said.append(f"{weight.shape[1]} -> {weight.shape[0]}")
    rule = rule_of(op)
    for axes in filter(None, [rule.window(op) if rule.window else None]):
        said.append(f"kernel {sizes(axis.kernel for axis in axes)}")
        said += _unless("stride", [axis.stride for axis in axes], 1)
        said += _unless("padding", [axis.before for axis in axes], 0)
        said += _unless("dilation", [axis.dilation for axis in axes], 1)
    if op.attrs.get("groups", 1) != 1:
        said.append(f"groups {op.attrs['groups']}")
    if said:
        yield ", ".join(said)


def _unless(name: str, values: Sequence[int], usual: int) -> list[str]:
    if set(values) == {usual}:
        return []
    return [f"{name} {values[0] if len(set(values)) == 1 else sizes(values)}"]


def shared(place: Place) -> Iterator[str]:
    """Where parameters are counted that a layer reads and does not count."""
    trace, own = place.trace, set(map(id, place.group.ops))
    first: dict[int, Op] = {}
    for op in trace.ops:
        for value in op.inputs:
            if value.source == "parameter":
                first.setdefault(value.id, op)
    told = set()
    for op in place.group.ops:
        for role, value in zip(op.roles, op.inputs, strict=True):
            if value.source == "parameter" and value.id not in told and id(first[value.id]) not in own:
                told.add(value.id)
                yield f"{role} {sizes(value.shape)}: shared with {place.wiring.row_of(first[value.id])}, which counts it"
