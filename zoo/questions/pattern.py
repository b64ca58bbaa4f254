"""Does a network follow the pattern of classic networks, and the rules by which lectures size layers?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from zoo.analysis.pattern import Part, Pattern, parts, recognise
from zoo.analysis.windows import windows
from zoo.models.forward import trace
from zoo.ops.window import Axis
from zoo.questions.lecture import layer_rows
from zoo.record.trace import Trace
from zoo.tables.table import Column, Row, Table
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

SCHEMA = "zoo.pattern/1"


@dataclass(frozen=True, slots=True)
class Patterns:
    """What `pattern` finds: the parts of the pattern, and the rules for sizes.

    Arguments:
        formula: The pattern with its numbers, such as INPUT - [[CONV - RELU]*2 - POOL]*2 - [FC - RELU]*1 - SOFTMAX.
        leaves: Where the network leaves the pattern, and why; the first place first.
        table: A row for each stage, for the fully connected layers, and for the scores.
        rules: A row for each rule for sizes, with the layers that break it.
    """

    formula: str
    leaves: tuple[tuple[str, str], ...]
    table: Table
    rules: Table

    @property
    def follows(self) -> bool:
        """Whether the whole network is of that form."""
        return not self.leaves

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema zoo.pattern/1."""
        return {
            "schema": SCHEMA,
            "formula": self.formula,
            "follows": self.follows,
            "leaves": [{"layer": name, "why": why} for name, why in self.leaves],
            "table": self.table.to_dict(),
            "rules": self.rules.to_dict(),
        }

    def text(self, width: int = 100) -> str:
        """Both tables for a page of `width` characters."""
        return f"{self.table.render('text', width)}\n{self.rules.render('text', width)}"

    def __str__(self) -> str:
        return self.text().rstrip("\n")


def pattern(target: "Traceable", **how: Any) -> Patterns:
    """Read a network as INPUT - [[CONV - RELU]*N - POOL?]*M - [FC - RELU]*K - SOFTMAX.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        how: Further arguments of `zoo.trace`.

    Returns:
        `Patterns`; `print` shows N, M and K stage by stage, where and why the network leaves the pattern, and the rules for sizes.

    Raises:
        ZooError: As `zoo.trace`.

    Example:
        >>> zoo.pattern("vgg16").formula
        'INPUT - [[CONV - RELU]*N - POOL]*5 - [FC - RELU]*2 - SOFTMAX, N = 2, 2, 3, 3, 3'
    """
    found = trace(target, **how)
    rows = layer_rows(found)
    read = recognise(found, rows)
    formula = _formula(read)
    context = {"target": found.target, "inputs": [list(value.shape) for value in found.inputs], "mode": found.mode}
    inputs = ", ".join(sizes(value.shape) for value in found.inputs)
    table = Table(
        f"{found.target} · input {inputs} · {formula}",
        context,
        _PARTS,
        tuple(_rows(read)),
        notes=(*_notes(found, read), *_covering(parts(rows))),
    )
    rules = Table(f"{found.target} · rules for sizes", context, _RULES, tuple(_checked(found, parts(rows), read)))
    return Patterns(formula, tuple(read.leaves), table, rules)


# The pattern ----------------------------------------------------------------------------------------------------------

_PARTS = (
    Column("N", "layers", "convolutions of a stage, or fully connected layers", hide_order=0),
    Column("layers", "", "their names", hide_order=1),
    Column("pool", "", "the pooling that ends the stage", hide_order=2),
    Column("output", "elements per axis", "of the part", hide_order=3),
)


def _formula(read: Pattern) -> str:
    counts = [len(stage.convolutions) for stage in read.stages]
    pools = [stage.pool is not None for stage in read.stages]
    pool = " - POOL" if pools and all(pools) else " - POOL?" if any(pools) else ""
    same = len(set(counts)) == 1
    body = f"[[CONV - RELU]*{counts[0] if same else 'N'}{pool}]*{len(counts)}" if counts else ""
    head = f"[FC - RELU]*{len(read.hidden)}" if read.hidden else ""
    last = ("SOFTMAX" if read.scores else "") if not read.leaves else "..."
    numbers = "" if same or not counts else f", N = {', '.join(map(str, counts))}"
    return " - ".join(filter(None, ("INPUT", body, head, last))) + numbers


def _rows(read: Pattern) -> Iterator[Row]:
    for number, stage in enumerate(read.stages, 1):
        last = stage.pool or stage.convolutions[-1]
        form = f"[CONV - RELU]*{len(stage.convolutions)}{' - POOL' if stage.pool else ''}"
        yield _row(f"stage {number}", form, stage.convolutions, last, stage.pool.name if stage.pool else None)
    if read.hidden:
        yield _row("hidden", f"[FC - RELU]*{len(read.hidden)}", read.hidden, read.hidden[-1], None)
    if read.scores:
        yield _row("scores", "SOFTMAX", [read.scores], read.scores, None)


def _row(name: str, form: str, layers: Sequence[Part], last: Part, pool: str | None) -> Row:
    shape = list(last.row.outputs[0].shape[1:])
    return Row(name, form, {"N": len(layers), "layers": ", ".join(one.name for one in layers), "pool": pool, "output": shape})


def _notes(found: Trace, read: Pattern) -> Iterator[str]:
    for i, (name, why) in enumerate(read.leaves):
        yield f"{f'{found.target} leaves the pattern at' if i == 0 else 'and then at'} {name}: {why}"
    if not read.leaves:
        yield f"{found.target} follows the pattern; RELU stands for any activation, and the loss applies the softmax"
    kinds: dict[str, list[str]] = {}
    for part in read.besides:
        kinds.setdefault("before its activation" if part.symbol == "POOL" else part.row.type, []).append(part.name)
    if kinds:
        yield "between the parts: " + "; ".join(f"{', '.join(names)} ({kind})" for kind, names in kinds.items())


def _covering(every: Sequence[Part]) -> Iterator[str]:
    """Convolutions that lectures count as fully connected: their one window is the whole input."""
    covers = [
        part for part in every if part.symbol == "CONV" and all(a.out == 1 < a.kernel == a.n for a in windows(part.row) or ())
    ]
    covers = [part for part in covers if windows(part.row)]
    if covers:
        chain = ["FC" if part in covers else part.symbol for part in every if part.symbol in {"CONV", "POOL", "FC"}]
        names, one = ", ".join(part.name for part in covers), len(covers) == 1
        whole = " - ".join(chain) if len(chain) <= _MOST_PARTS else ""
        yield (
            f"the window of {names} is the whole input, so {'it is' if one else 'they are'} also fully connected"
            + (f": {whole}" if whole else "")
        )


# Rules for sizes ------------------------------------------------------------------------------------------------------

_RULES = (
    Column("holds", "", "whether the rule holds for all layers to which it applies", hide_order=0),
    Column("of", "layers", "layers that follow it, of those to which it applies", hide_order=1),
    Column("because", "", "the layers that break it", hide_order=0),
)
_MOST = 4
_MOST_PARTS = 12


def _checked(found: Trace, every: Sequence[Part], read: Pattern) -> Iterator[Row]:
    convolutions = [(part, axes) for part in every if part.symbol == "CONV" and (axes := windows(part.row))]
    pools = [(part, axes) for part in every if part.symbol == "POOL" and (axes := windows(part.row))]
    yield _divisible(found, [axes for _, axes in (*convolutions, *pools)])
    yield _rule("kernel 3×3, at most 5×5", convolutions, lambda one: one.kernel <= 5, lambda axes: sizes(a.kernel for a in axes))
    yield _rule("convolution stride 1", convolutions, lambda one: one.stride == 1, lambda axes: f"stride {_once(axes, 'stride')}")
    yield _rule(
        "convolution keeps the size",
        convolutions,
        lambda one: one.out == -(-one.n // one.stride),
        lambda axes: f"{axes[0].n} -> {axes[0].out}, padding {_once(axes, 'before')}",
    )
    yield _rule(
        "pooling 2×2, stride 2",
        pools,
        lambda one: (one.kernel, one.stride) == (2, 2),
        lambda axes: f"{sizes(a.kernel for a in axes)}/{_once(axes, 'stride')}",
    )


def _once(axes: Sequence[Axis], name: str) -> str:
    values = [getattr(one, name) for one in axes]
    return str(values[0]) if len(set(values)) == 1 else sizes(values)


def _rule(
    name: str,
    layers: Sequence[tuple[Part, Sequence[Axis]]],
    holds: Callable[[Axis], bool],
    said: Callable[[Sequence[Axis]], str],
) -> Row:
    """One rule, checked layer by layer."""
    broken = [(part, axes) for part, axes in layers if not all(map(holds, axes))]
    words = [f"{part.name} {said(axes)}" for part, axes in broken[:_MOST]]
    words += [f"and {len(broken) - _MOST} more"] if len(broken) > _MOST else []
    verdict = None if not layers else "no" if broken else "yes"
    cells = {"holds": verdict, "of": f"{len(layers) - len(broken)}/{len(layers)}", "because": ", ".join(words) or None}
    return Row(name, "rule", cells)


def _divisible(found: Trace, layers: Sequence[Sequence[Axis]]) -> Row:
    """The side of the input against the strides: each halving needs a factor of two."""
    sides = found.inputs[0].shape[2:]
    if not sides:
        return Row("input divisible by 2", "rule", {"holds": None, "of": None, "because": "the input has no sides"})
    steps = {(axes[0].n, axes[0].out, axes[0].stride) for axes in layers}  # branches of one resolution step once
    halvings = _twos(prod(stride for _, _, stride in steps))
    least = min(sides, key=_twos)
    twos = _twos(least)
    factors = f"{least} = 2^{twos} · {least >> twos}"
    cells = {"holds": "yes" if twos >= halvings else "no", "of": f"{twos}/{halvings}"}
    return Row("input divisible by 2", "rule", {**cells, "because": f"{factors}; strides halve it {halvings} times"})


def _twos(n: int) -> int:
    """How often n can be divided by 2.

    >>> _twos(224), _twos(227)
    (5, 0)
    """
    return (n & -n).bit_length() - 1
