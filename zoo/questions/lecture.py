"""A network as lectures print it: layers fused with their activations, from the output to the input or the other way round."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose
from zoo.analysis.columns import activation, kernel, maps, padding, size, stride, units
from zoo.analysis.rows import Group, group
from zoo.analysis.windows import weighted, windows
from zoo.models.forward import trace
from zoo.ops.book import multiplies
from zoo.record.trace import Trace
from zoo.tables.table import Row, Table
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_PASSES = (maps.COLUMN, size.COLUMN, kernel.COLUMN, stride.COLUMN, padding.COLUMN, activation.COLUMN)


def lecture(target: "Traceable", *, input_first: bool = False, columns: Sequence[str] | None = None, **how: Any) -> Table:
    """A row for each convolution, pooling and fully connected layer, and one for the input.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        input_first: Begin with the input; lectures mostly begin with the output.
        columns: Names of columns instead of those of lectures.
        how: Further arguments of `zoo.trace`.

    Returns:
        A `Table` of maps, size, kernel, stride, padding and activation, or of the columns named. What has no row is named in a
        note.

    Raises:
        ZooError: As `zoo.trace`.
    """
    passes = choose(columns) if columns else _PASSES
    found = trace(target, **how)
    every = layer_rows(found)
    shown = [row for row in every if _type(found, row)]
    measured = [one.measure(found, shown)[0] for one in passes]
    names = [one.column.name for one in passes]
    rows = [
        Row(row.name, _type(found, row), dict(zip(names, cells, strict=True))) for row, *cells in zip(shown, *measured, strict=True)
    ]
    rows.insert(0, _input(found, names))
    left_out = dict.fromkeys(
        row.type for row in every if row not in shown and not _FUSED & {row.type, *(op.kind for op in row.ops)}
    )
    notes = [f"not listed: {', '.join(left_out)}; zoo summary {found.target} lists every layer"] if left_out else []
    return Table(
        f"{found.target} · input {sizes(found.inputs[0].shape)}",
        {"target": found.target, "inputs": [list(value.shape) for value in found.inputs], "mode": found.mode},
        tuple(one.column for one in passes),
        tuple(rows if input_first else reversed(rows)),
        notes=tuple(notes),
    )


def layer_rows(found: Trace) -> list[Group]:
    """The finest rows; a module of parallel convolutions with one window, such as LeNet-5's C3, is one layer."""
    finest = group(found)
    whole = {id(op): row for row in group(found, 1) if _parallel(row) for op in row.ops}
    return list({row.name: row for row in (whole.get(id(row.ops[0]), row) for row in finest)}.values())


def _parallel(row: Group) -> bool:
    """Whether a row has several convolutions, none of which reads what another gives."""
    fed: set[int] = set()
    convolutions = 0
    for op in row.ops:
        after = not fed.isdisjoint(value.id for value in op.inputs)
        if "conv" in op.kind:
            convolutions += 1
            if after:
                return False
        if after or "conv" in op.kind:
            fed.update(value.id for value in op.outputs)
    return convolutions > 1 and windows(row) is not None


_FUSED = frozenset({"ReLU", "Tanh", "Sigmoid", "Softmax", "relu", "tanh", "sigmoid", "softmax"})


def _input(found: Trace, names: list[str]) -> Row:
    shape = found.inputs[0].shape
    given = {"maps": shape[1] if len(shape) > 2 else None, "size": list(shape[2:]) if len(shape) > 2 else shape[-1]}
    return Row("input", "Input", {name: given.get(name) for name in names})


def _type(found: Trace, row: Group) -> str:
    """What lectures call a layer; nothing for what they do not list."""
    axes = len(row.outputs[0].shape) if row.outputs else 0
    pools = [op.kind for op in row.ops if "pool" in op.kind and len(op.output.shape) == axes]
    if pools:
        return "Max pooling" if "max" in pools[0] else "Global average pooling" if "adaptive" in pools[0] else "Average pooling"
    op = weighted(row.ops)
    if op is not None and multiplies(op.kind):
        return "Convolution" if "conv" in op.kind else "Fully connected" if op.kind == "linear" else row.type
    if any("conv" in one.kind for one in row.ops):
        return "Convolution"
    return row.type if units.COLUMN.measure(found, [row])[0][0] else ""
