"""Modules and their parameters, without a forward pass: for any module of which no input is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.analysis.rows import PAGE, Depth
from zoo.models.importing import beside_target
from zoo.models.targets import resolve
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor, nn

_COLUMNS = (
    Column("shapes", "shape", "shapes of the module's own parameters", hide_order=3),
    Column("params", "elements", "parameters", hide_order=0),
    Column("trainable", "elements", "parameters that require a gradient", hide_order=2),
    Column("buffers", "elements", "elements of buffers", hide_order=1),
    Column("bytes", "bytes", "bytes of parameters and buffers", hide_order=1),
)


@undisturbed
@beside_target
def parameters(target: "str | nn.Module", *, options: Mapping[str, Any] | None = None, depth: Depth = None) -> Table:
    """Return the table of a model's modules and parameters. Nothing runs, so no input is required.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them; not a graph file or a `Trace`.
        options: Options of the builder of a named model.
        depth: Fold the rows below this many levels of modules; "auto" fits one page, None shows every module.

    Returns:
        A `Table` with a row for each module that has parameters or buffers. What several modules share counts at the first.

    Raises:
        ZooError: For an unknown target or option, and a depth below 0.

    Example:
        >>> zoo.parameters("lenet5").total["params"]
        60000
    """
    if depth not in (None, "auto") and (not isinstance(depth, int) or depth < 0):
        raise ZooError(f"depth: expected an integer >= 0, 'auto' or None, got {depth!r}")
    subject = resolve(target, options or {})
    found = list(_modules(subject.module))
    level = _readable(found) if depth == "auto" else depth
    types = {path: type(part).__name__ for path, part in subject.module.named_modules()}
    rows = [Row(path or subject.name, types[path], held.cells()) for path, held in _folded(found, level).items()]
    total = _Held()
    for _, held in found:
        total.add(held)
    notes = [f"folded to fit one page: rows are modules down to level {level}; --depth 99 lists every module"] * (
        depth == "auto" and level is not None
    )
    context = {"target": subject.name, "inputs": [], **({"options": dict(subject.options)} if subject.options else {})}
    title = f"{subject.name} · modules and parameters, without a forward pass"
    return Table(title, context, _COLUMNS, tuple(rows), {**total.cells(), "shapes": None}, tuple(notes))


@dataclass
class _Held:
    """What a module holds itself."""

    shapes: list[list[int]] = field(default_factory=list)
    params: int = 0
    trainable: int = 0
    buffers: int = 0
    bytes: int = 0

    def add(self, other: "_Held") -> None:
        """Hold what another module holds, too."""
        self.shapes = []
        self.params += other.params
        self.trainable += other.trainable
        self.buffers += other.buffers
        self.bytes += other.bytes

    def cells(self) -> dict[str, Any]:
        """By column."""
        counts = {"params": self.params, "trainable": self.trainable, "buffers": self.buffers, "bytes": self.bytes}
        return {"shapes": self.shapes or None, **counts}


def _modules(module: "nn.Module") -> Iterator[tuple[str, _Held]]:
    """Each module that holds something itself; a tensor counts where it is met first."""
    seen: set[int] = set()
    for path, part in module.named_modules():
        own = [tensor for tensor in part.parameters(recurse=False) if id(tensor) not in seen]
        buffers = [tensor for tensor in part.buffers(recurse=False) if id(tensor) not in seen]
        seen.update(map(id, (*own, *buffers)))
        if own or buffers:
            yield path, _held(own, buffers)


def _held(own: "Sequence[Tensor]", buffers: "Sequence[Tensor]") -> _Held:
    from torch.nn.parameter import is_lazy

    lazy = [one for one in (*own, *buffers) if is_lazy(one)]
    if lazy:
        return _Held()
    return _Held(
        [list(one.shape) for one in own],
        sum(one.numel() for one in own),
        sum(one.numel() for one in own if one.requires_grad),
        sum(one.numel() for one in buffers),
        sum(one.numel() * one.element_size() for one in (*own, *buffers)),
    )


def _folded(found: Sequence[tuple[str, _Held]], depth: int | None) -> dict[str, _Held]:
    """What is held below a level, at the module of that level."""
    rows: dict[str, _Held] = {}
    for path, held in found:
        shown = ".".join(path.split(".")[:depth]) if depth is not None else path
        if shown in rows or shown != path:
            rows.setdefault(shown, _Held()).add(held)
        else:
            rows[shown] = held
    return rows


def _readable(found: Sequence[tuple[str, _Held]]) -> int | None:
    """The greatest depth at which the rows fit one page; None if all do."""
    deepest = max((path.count(".") + 1 for path, _ in found), default=0)
    return next((depth for depth in range(deepest, 0, -1) if len(_folded(found, depth)) <= PAGE), 1) if len(found) > PAGE else None
