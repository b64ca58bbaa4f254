"""Notes below a table: each contains its data, and becomes text where it is shown.

Programs ask for the class and fields of a note (`isinstance(note, LowerBound)`), never for its words.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zoo.util.text import sizes


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on a table. `str(note)` is its text: one sentence, or a term with its definition."""


@dataclass(frozen=True, slots=True)
class Shared(Note):
    """Some rows reuse parameters that an earlier row counts."""

    def __str__(self) -> str:
        return "shared: reuses parameters that an earlier row counts"


@dataclass(frozen=True, slots=True)
class Unused(Note):
    """So many `params` are not read in this forward; they belong to these `modules`."""

    params: int
    modules: tuple[str, ...]

    def __str__(self) -> str:
        return f"unused: this forward does not read {self.params:,} parameters of {', '.join(self.modules)}"


@dataclass(frozen=True, slots=True)
class UnknownOp:
    """Ops of one `kind` whose cost is not known: how often they ran, and in which modules."""

    kind: str
    times: int
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} ({self.times}×) in {', '.join(self.places)}"


@dataclass(frozen=True, slots=True)
class LowerBound(Note):
    """The total of a column is at least what is printed, because the cost of some `ops` is not known."""

    column: str
    ops: tuple[UnknownOp, ...]

    def __str__(self) -> str:
        return f"≥ {self.column} is a lower bound: the cost of these ops is unknown: {'; '.join(map(str, self.ops))}"


@dataclass(frozen=True, slots=True)
class Stray(Note):
    """`modules` run on so many weights that do not belong to the model, such as those of layers in a plain Python list."""

    weights: int
    modules: tuple[str, ...]

    def __str__(self) -> str:
        runs = f"{', '.join(self.modules)} {'runs' if len(self.modules) == 1 else 'run'} on {self.weights:,} weights"
        return f"{runs} that do not belong to the model and are not counted: keep layers in an nn.ModuleList, not in a Python list"


@dataclass(frozen=True, slots=True)
class Stopped(Note):
    """The forward stopped at a layer, for this `reason`; the rows are those of the layers before."""

    reason: str

    def __str__(self) -> str:
        return f"partial: the rows and totals are those of the layers before the forward stopped: {self.reason}"


@dataclass(frozen=True, slots=True)
class Excluded(Note):
    """So many `modules` that match `patterns` are neither in the rows nor in the totals; with their `sums` by column."""

    patterns: tuple[str, ...]
    modules: int
    sums: Mapping[str, int]

    def __str__(self) -> str:
        sums = ", ".join(f"{count:,} {column}" for column, count in self.sums.items())
        what = f"{self.modules} module{'s' * (self.modules != 1)}{f' ({sums})' if sums else ''}"
        return f"excluded by {', '.join(self.patterns)}: {what}; rows and totals are those of the rest"


@dataclass(frozen=True, slots=True)
class Guessed(Note):
    """Functions whose choice depends on values that are unknown, by name how often each ran."""

    functions: Mapping[str, int]

    def __str__(self) -> str:
        what = {
            "cond": "the first branch of torch.cond",
            "while_loop": "one pass of while_loop",
            "update_histogram": "updates of a HistogramObserver in its present range",
            "search_histogram": "the present range of a HistogramObserver",
        }
        several = " and ".join(f"{what[name]} ({times}×)" for name, times in self.functions.items())
        return f"counts {several}: the choice depends on unknown values"


@dataclass(frozen=True, slots=True)
class NotCounted(Note):
    """A `convention` counts nothing for `ops` (how often each ran, by kind), which are `macs` multiply-accumulates."""

    convention: str
    ops: Mapping[str, int]
    macs: int

    @property
    def missed(self) -> str:
        """The ops and their MACs: matmul (2×), 1,234 MACs."""
        return f"{', '.join(f'{kind} ({times}×)' for kind, times in self.ops.items())}, {self.macs:,} MACs"

    def __str__(self) -> str:
        return f"convention {self.convention} does not count {self.missed}"


@dataclass(frozen=True, slots=True)
class Legend(Note):
    """The meaning of the cells of some `columns`; shown with any of them."""

    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class Convention(Legend):
    """States what a convention counts."""

    name: str
    says: str

    def __str__(self) -> str:
        return f"convention {self.name}: {self.says}"


COUNTED = frozenset({"macs", "flops", "macs%", "flops%"})
"""The columns that a convention determines."""

PURE = Convention(COUNTED, "pure", "1 MAC = 2 FLOPs, without biases, activations and pooling")
"""The default convention, in which cards state their numbers."""


@dataclass(frozen=True, slots=True)
class Folded(Note):
    """Some rows represent several identical blocks."""

    def __str__(self) -> str:
        return "×N: one row for N identical blocks; output, rf and depth are those of the last; --expand lists each block"


@dataclass(frozen=True, slots=True)
class Shortened(Note):
    """Some rows are whole modules, so that the table fits one page."""

    def __str__(self) -> str:
        return "folded to fit one page: some rows are whole modules; --depth 99 lists every layer"


@dataclass(frozen=True, slots=True)
class Paged(Note):
    """The page shows fewer rows than the table has: identical blocks share one, and some rows are whole modules."""

    rows: int

    def __str__(self) -> str:
        return f"folded to fit one page (×N: N identical blocks); the table has {self.rows} rows: print(table.render()) shows all"


@dataclass(frozen=True, slots=True)
class Selected(Note):
    """So many rows of `rows` are `shown`, with these `shares` of the totals, in percent, by column."""

    shown: int
    rows: int
    shares: Mapping[str, str]

    def __str__(self) -> str:
        what = f"{self.shown} of {self.rows} rows are shown"
        shares = ", ".join(f"{share} of {column}" for column, share in self.shares.items())
        return f"{what}, with {shares}; the total is that of all rows" if shares else what


@dataclass(frozen=True, slots=True)
class OwnInput(Note):
    """No input was given, so the model ran on one of this `shape`, without batch; said only in that case."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AssumedInput(OwnInput):
    """The expected input of the model is unknown."""

    def __str__(self) -> str:
        return f"no input was given: {sizes(self.shape)} is assumed (--input sets another)"


@dataclass(frozen=True, slots=True)
class UsualInput(OwnInput):
    """No input size is published for the model; this is one that its documentation uses."""

    def __str__(self) -> str:
        return f"no input size is published: {sizes(self.shape)} is assumed (--input sets another)"


@dataclass(frozen=True, slots=True)
class PublishedInput(OwnInput):
    """The input for which the model's weights are published."""

    def __str__(self) -> str:
        return f"input of the published weights: {sizes(self.shape)}"


@dataclass(frozen=True, slots=True)
class TrainingOptions(Note):
    """The builder has `options` that the network is trained with, and that it was built without."""

    options: Mapping[str, Any]

    def __str__(self) -> str:
        chosen = ", ".join(f"--set {key}={str(value).lower()}" for key, value in sorted(self.options.items()))
        return f"built without the layers that are used only for training; add them with --train, or {chosen}"


@dataclass(frozen=True, slots=True)
class RealRun(Note):
    """The forward ran on real tensors: whether with the model's `own_weights`, and on inputs that were `given`."""

    own_weights: bool
    given: bool

    def __str__(self) -> str:
        weights = "the model's weights" if self.own_weights else "neutral weights"
        inputs = "the given inputs" if self.given else "inputs of ones (integer inputs: zeros)"
        return f"ran once on real tensors, with {weights} and {inputs}: the counts are valid for these inputs only"


@dataclass(frozen=True, slots=True)
class Defaults(Note):
    """The control flow read integer inputs that were given by their sizes alone."""

    def __str__(self) -> str:
        return (
            "control flow depends on integer inputs, which are defaults: masks of ones, everything else zeros "
            "(in Python inputs= takes values)"
        )


@dataclass(frozen=True, slots=True)
class Failed(Note):
    """A proof that did not succeed: which `subject` failed which `check`, and what was found where what was expected.

    The command line prints the table all the same, and exits with 1.
    """

    subject: str
    check: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"failed: {self.subject}: {self.check}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Exceeded(Note):
    """A `limit` (such as max_macs) is not kept by what was `found`, a number, or a text if that is not known exactly."""

    name: str
    words: str
    found: int | str
    limit: int

    @property
    def reason(self) -> str:
        """MACs 3,857,973,248 > 3,000,000,000 (857,973,248 more, +28.6%)."""
        sign = "<" if self.name.startswith("min_") else ">"
        if isinstance(self.found, str):
            return f"{self.words} {self.found}, which cannot be compared with the limit {self.limit:,}"
        apart = abs(self.found - self.limit)
        share = f", {100 * (self.found - self.limit) / self.limit:+.1f}%" if self.limit else ""
        way = "less" if sign == "<" else "more"
        return f"{self.words} {self.found:,} {sign} {self.limit:,} ({apart:,} {way}{share})"

    def __str__(self) -> str:
        return f"over budget: {self.reason}"


_RUNS: Mapping[str, type[Note]] = {
    kind.__name__: kind for kind in (AssumedInput, UsualInput, PublishedInput, TrainingOptions, RealRun, Defaults)
}
"""Notes on a forward pass, which are cached with it."""


def to_data(note: Note | str) -> Any:
    """Return a note on a forward pass as JSON data."""
    return note if isinstance(note, str) else {"note": type(note).__name__, **asdict(note)}


def from_data(data: Any) -> Note | str:
    """The inverse of `to_data`. Raises `KeyError` or `TypeError` for invalid data."""
    if isinstance(data, str):
        return data
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key != "note"}
    return _RUNS[data["note"]](**fields)
