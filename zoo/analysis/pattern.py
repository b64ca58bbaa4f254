"""The pattern of classic networks, INPUT - [[CONV - RELU]*N - POOL?]*M - [FC - RELU]*K - SOFTMAX: which part of it each row is.

RELU stands for any activation. The last fully connected layer, which has none, gives the scores that a softmax reads. Source: the
course notes of CS231n, "Layer patterns", which have FC in place of SOFTMAX.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zoo.analysis.rows import Group
from zoo.ops.book import multiplies
from zoo.record.trace import Trace

ACTIVATIONS = frozenset(
    (
        *("relu", "relu6", "tanh", "sigmoid", "gelu", "silu", "hardswish", "hardsigmoid", "hardtanh", "elu", "selu", "celu"),
        *("leaky_relu", "prelu", "mish", "softplus"),
    )
)
_NORMS = frozenset({"batch_norm", "instance_norm", "layer_norm", "group_norm", "rms_norm", "pow"})
_PASSES = frozenset(
    (
        *("dropout", "feature_dropout", "flatten", "reshape", "view", "permute", "transpose", "contiguous", "squeeze", "unsqueeze"),
        *("slice", "select", "alias", "clone", "pad", "constant_pad_nd", "to", "detach"),
    )
)
_SCALES = frozenset({"mul", "add", "sub", "div"})


@dataclass(frozen=True)
class Part:
    """A row of a network by its role.

    `name` is the last part of the row's name if no other row has it. `symbol` is CONV, RELU, POOL, FC or SOFTMAX; GAP, UP (a
    resolution that grows), JOIN (of branches), NORM and OTHER, which are not in the pattern; or nothing for what only passes values
    on. `acted` says that a CONV or FC has its activation in the row.
    """

    row: Group
    name: str
    symbol: str
    acted: bool


@dataclass
class Stage:
    """[CONV - RELU]*N - POOL?"""

    convolutions: list[Part] = field(default_factory=list)
    pool: Part | None = None


@dataclass
class Pattern:
    """How far a network follows the pattern.

    `stages` are those before the place where it leaves the pattern first. `hidden` are fully connected layers with an activation,
    and `scores` is the last one. `leaves` has the row and the reason, the first place first; `besides` is what stands between the
    parts.
    """

    stages: list[Stage] = field(default_factory=list)
    hidden: list[Part] = field(default_factory=list)
    scores: Part | None = None
    leaves: list[tuple[str, str]] = field(default_factory=list)
    besides: list[Part] = field(default_factory=list)


def parts(rows: Sequence[Group]) -> list[Part]:
    """Every row by its role."""
    short = Counter(row.name.rpartition(".")[2] for row in rows)
    named = [(row, row.name.rpartition(".")[2]) for row in rows if row.ops and row.outputs]
    return [Part(row, row.name if short[last] > 1 or last.isdigit() else last, _symbol(row), _acted(row)) for row, last in named]


def _acted(row: Group) -> bool:
    return any(op.kind in ACTIVATIONS for op in row.ops)


def _symbol(row: Group) -> str:
    kinds = {op.kind for op in row.ops}
    axes = len(row.outputs[0].shape)
    if any(kind.startswith(("conv_transpose", "upsample", "pixel_shuffle")) for kind in kinds):
        return "UP"
    if any(kind.startswith("conv") and multiplies(kind) for kind in kinds):
        return "CONV"
    if "linear" in kinds:
        return "FC"
    if any(map(multiplies, kinds)):
        return "OTHER"
    if kinds & _NORMS:
        return "NORM"
    pools = [op for op in row.ops if "pool" in op.kind and len(op.output.shape) == axes]
    means = [op for op in row.ops if op.kind == "mean" and len(op.inputs[0].shape) > max(axes, 2)]
    if pools or means:
        return _pooled((pools or means)[0].inputs[0].shape, row.outputs[0].shape)
    if kinds & {"softmax", "log_softmax"}:
        return "SOFTMAX"
    if len(read_by(row)) > 1:
        return "JOIN"
    if kinds & ACTIVATIONS:
        return "RELU"
    return "" if kinds <= _PASSES else "NORM" if kinds <= _SCALES else "OTHER"


def _pooled(before: Sequence[int], after: Sequence[int]) -> str:
    """A pooling that leaves sizes as they are does nothing, and one that leaves one element of each map is global."""
    if tuple(before) == tuple(after):
        return ""
    return "POOL" if max(after[2:], default=1) > 1 or max(before[2:], default=1) == 1 else "GAP"


def read_by(row: Group) -> set[int]:
    """The ids of the activations that a row reads from others."""
    own = {value.id for op in row.ops for value in op.outputs}
    read = {value.id for op in row.ops for value in op.inputs if value.source in {"input", "variable", "op"}}
    return read - own


def recognise(trace: Trace, rows: Sequence[Group]) -> Pattern:
    """Read the parts in order, up to the first that is not where the pattern has it, and name that and later reasons."""
    found = Pattern()
    every = parts(rows)
    readers = Counter(value for part in every for value in read_by(part.row))
    forked = next((i for i, part in enumerate(every) if any(readers[value] > 1 for value in read_by(part.row))), None)
    follow = every if forked is None else every[:forked]
    _body(found, follow)
    if forked is not None:
        found.leaves.append((every[forked].row.name, _branches(every, forked, readers)))
        found.leaves += _later(every[forked:])
        found.hidden, found.scores = [], None
    elif found.scores is None and not found.leaves:
        last = every[-1].row.name if every else trace.target
        found.leaves.append((last, "no fully connected layer computes the scores"))
    return found


def _body(found: Pattern, every: Sequence[Part]) -> None:
    """The stages, then the fully connected layers."""
    waiting: Part | None = None  # a CONV or FC whose activation has not come yet
    head: list[Part] = []
    for part in every:
        if part.symbol in {"CONV", "FC"} and waiting is not None:
            found.leaves.append((waiting.row.name, "no activation follows"))
        if part.symbol == "CONV" and head:
            found.leaves.append((part.row.name, "a convolution after fully connected layers"))
        elif part.symbol == "CONV":
            if not found.stages or found.stages[-1].pool is not None:
                found.stages.append(Stage())
            found.stages[-1].convolutions.append(part)
        elif part.symbol == "POOL":
            _pool(found, part, waiting)
        elif part.symbol == "FC":
            head.append(part)
        elif part.symbol in _REASONS:
            found.leaves.append((part.row.name, _REASONS[part.symbol]))
        elif part.symbol == "NORM" or part.row.ops[0].kind.endswith("dropout"):
            found.besides.append(part)
        if part.symbol in {"CONV", "FC"}:
            waiting = None if part.acted else part
        elif part.symbol in {"RELU", "SOFTMAX", "GAP"}:
            waiting = None if waiting is None or part.symbol != "SOFTMAX" else waiting
    ends = bool(head) and waiting is head[-1]
    found.hidden, found.scores = (head[:-1], head[-1]) if ends else (head, None)
    if head and not ends and not found.leaves:
        found.leaves.append((head[-1].row.name, "an activation follows the last fully connected layer"))


def _pool(found: Pattern, part: Part, waiting: Part | None) -> None:
    if not found.stages or found.stages[-1].pool is not None:
        found.leaves.append((part.row.name, "a pooling without convolutions before it"))
        return
    found.stages[-1].pool = part
    if waiting is not None:
        found.besides.append(part)


_REASONS = {
    "GAP": "global average pooling in place of fully connected layers on flattened maps",
    "UP": "the resolution grows again: the output is maps, not scores of one image",
    "OTHER": "a layer that the pattern does not have",
    "JOIN": "several inputs are combined",
}


def _branches(every: Sequence[Part], start: int, readers: Counter[int]) -> str:
    """Why the network is not a chain from this part on."""
    several = max(readers[value] for value in read_by(every[start].row))
    join = next((part for part in every[start:] if len(read_by(part.row)) > 1), None)
    if join is None:
        return f"its input is read by {several} layers"
    kinds = {op.kind for op in join.row.ops}
    if "cat" in kinds:
        return f"{several} branches read its input, and {join.row.name} concatenates them, as in an Inception module"
    if "add" in kinds:
        return f"{several} ways lead from its input to {join.row.name}, which adds them: a residual or skip connection"
    return f"{several} ways lead from its input to {join.row.name}"


def _later(every: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """Further reasons, after the first: the first of each kind."""
    for symbol in ("GAP", "UP"):
        for part in every:
            if part.symbol == symbol:
                yield part.row.name, _REASONS[symbol]
                break
