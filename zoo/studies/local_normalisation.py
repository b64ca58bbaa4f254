"""Local response normalisation (Krizhevsky, Sutskever and Hinton 2012, section 3.3) and local contrast normalisation (Jarrett,
Kavukcuoglu, Ranzato and LeCun, "What is the Best Multi-Stage Architecture for Object Recognition?" (2009), section 2), with values.

Values are computed from the definitions, without torch; with `run`, torch's layers are compared with them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isclose, sqrt
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Study, Table, TargetName, Text, ZooError, arms_table, measure, trace
from zoo.studies._grids import Grid, flipped, read, shown, tensor

if TYPE_CHECKING:
    from zoo.extend import Op, Trace

COLUMNS = (
    Column("before", "values", "the maps that are normalised", hide_order=0),
    Column("after", "values", "the first map, normalised", hide_order=0),
    Column("brighter", "values", "values that change if the image is brighter by 1", hide_order=0),
    Column("contrast", "values", "values that change if the image's contrast is doubled", hide_order=0),
    Column("order", "layers", "the layers around each normalisation, without activations", hide_order=1),
    Column("params", "elements", "parameters of the normalisations", hide_order=1),
    Column("flops", "operations", "of the normalisations", hide_order=1),
    Column("share", "per cent", "of the FLOPs of the network", hide_order=1),
)
IMAGE = "1 1 5 5/1 2 5 5/1 1 5 5"
NETWORKS = ("alexnet", "zfnet", "googlenet")
K, ALPHA, BETA = Fraction(2), Fraction(1, 10_000), 0.75
"""The constants of AlexNet's paper."""
_SAME = 1e-9

Maps = tuple[Grid, ...]
Rule = Callable[[Maps, int], Grid]


def run(
    image: Annotated[Text, "rows of the image, such as '1 1 5/1 2 5'"] = IMAGE,
    window: Annotated[PositiveInt, "side of the window, or number of maps; odd, and at least 3"] = 3,
    on: Annotated[TargetName | None, "the network whose normalisations are listed, instead of three"] = None,
    run: Annotated[Flag, "also compute with torch and compare"] = False,
) -> Table:
    """Local response normalisation across maps, and subtractive, divisive and contrast normalisation within a map; and where
    networks have local response normalisation.

    Raises `ZooError` for text that is not a grid, and for a window of even size.
    """
    pixels = read(image, "image")
    if window % 2 == 0 or window < 3:
        raise ZooError(f"window: expected an odd number >= 3, got {window}")
    kinds = [Case(name, group, rule, (pixels, flipped(pixels)), window) for name, group, rule in RULES]
    failures = [failed for one in kinds for failed in one.proved()] if run else []
    places = [_place(name) for name in ([on] if on is not None else NETWORKS)]
    arms = [*(one.arm() for one in kinds), *places]
    return arms_table(
        "local-normalisation: what do local response and local contrast normalisation compute?",
        COLUMNS,
        arms,
        notes=[*_notes(window), *failures],
        lesson=list(_lesson(kinds, places, failures, run=run)),
    )


# What is computed -------------------------------------------------------------------------------------------------------


def _around(grid: Grid, window: int, i: int, j: int) -> list[Fraction]:
    """The values of a window around a pixel; at the border it holds fewer."""
    half = window // 2
    return [value for row in grid[max(i - half, 0) : i + half + 1] for value in row[max(j - half, 0) : j + half + 1]]


def _each(grid: Grid, window: int, gives: Callable[[Fraction, Sequence[Fraction]], Fraction]) -> Grid:
    """What a function gives for each pixel and the window around it."""
    return tuple(tuple(gives(x, _around(grid, window, i, j)) for j, x in enumerate(row)) for i, row in enumerate(grid))


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def subtractive(maps: Maps, window: int) -> Grid:
    """v = x - the mean of the window around x."""
    return _each(maps[0], window, lambda x, seen: x - _mean(seen))


def divisive(maps: Maps, window: int) -> Grid:
    """y = v / max(c, s): s is the root of the mean square of the window, and c the mean of all s."""
    roots = _each(maps[0], window, lambda _, seen: Fraction(sqrt(_mean([one * one for one in seen]))))
    least = _mean([one for row in roots for one in row])
    rows = zip(maps[0], roots, strict=True)
    return tuple(tuple(v / max(least, s) if max(least, s) else v for v, s in zip(*pair, strict=True)) for pair in rows)


def contrast(maps: Maps, window: int) -> Grid:
    """Subtractive, then divisive normalisation."""
    return divisive((subtractive(maps, window),), window)


def response(maps: Maps, window: int) -> Grid:
    """b = a / (k + alpha · the sum of the squares of the pixel in the maps around)^beta, for the first map."""
    near = maps[: window // 2 + 1]

    def gives(*pixel: Fraction) -> Fraction:
        return pixel[0] / Fraction(float(K + ALPHA * sum(one * one for one in pixel)) ** BETA)

    return tuple(tuple(gives(*pixel) for pixel in zip(*rows, strict=True)) for rows in zip(*near, strict=True))


RULES: tuple[tuple[str, str, Rule], ...] = (
    ("response", "maps", response),
    ("subtractive", "map", subtractive),
    ("divisive", "map", divisive),
    ("contrast", "map", contrast),
)


@dataclass(frozen=True)
class Case:
    """One normalisation of some maps, of which the first is shown."""

    name: str
    group: str
    rule: Rule
    maps: Maps
    window: int

    @property
    def after(self) -> Grid:
        """The first map, normalised."""
        return self.rule(self.maps, self.window)

    def changes(self, change: Callable[[Fraction], Fraction]) -> tuple[int, int]:
        """How many values of the first map are other values if every pixel changes so; and how many there are."""
        other = self.rule(tuple(tuple(tuple(map(change, row)) for row in grid) for grid in self.maps), self.window)
        pairs = [pair for rows in zip(self.after, other, strict=True) for pair in zip(*rows, strict=True)]
        return sum(not isclose(a, b, rel_tol=_SAME, abs_tol=_SAME) for a, b in pairs), len(pairs)

    @property
    def by_change(self) -> dict[str, tuple[int, int]]:
        """`changes` of the columns that tell them."""
        return {"brighter": self.changes(lambda x: x + 1), "contrast": self.changes(lambda x: 2 * x)}

    def arm(self) -> Arm:
        """The case as a row. Only the maps that are read are shown."""
        read = self.maps if self.group == "maps" else self.maps[:1]
        said = {name: f"{changed} of {every}" for name, (changed, every) in self.by_change.items()}
        return Arm(self.name, {"before": "\n\n".join(map(shown, read)), "after": shown(self.after), **said}, self.group)

    def proved(self) -> Iterator[Failed]:
        """Nothing if torch gives the values of the definition, to within the rounding of float64."""
        import torch

        maps = torch.cat([tensor(grid) for grid in self.maps], dim=1)
        found, expected = by_torch(self.name, maps, self.window), tensor(self.after)
        if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-9, atol=1e-9):
            yield Failed(f"{self.name} ({self.group})", "values of torch against the definition", "other values", "the same values")


def by_torch(name: str, maps: Any, window: int) -> Any:
    """The same by torch's layers, on 1×C×H×W: torch averages the squares of the maps, and so takes the window times alpha."""
    from torch.nn import functional as F

    def mean(x: Any) -> Any:
        return F.avg_pool2d(x, window, 1, window // 2, count_include_pad=False)

    def divided(x: Any) -> Any:
        root = mean(x * x).sqrt()
        scale = root.clamp(min=float(root.mean()))
        return (x / scale).where(scale > 0, x)

    if name == "response":
        return F.local_response_norm(maps, window, float(ALPHA) * window, BETA, float(K))[:, :1]
    first = maps[:, :1]
    return {"subtractive": lambda: first - mean(first), "divisive": lambda: divided(first)}.get(
        name, lambda: divided(first - mean(first))
    )()


# Where networks have it ---------------------------------------------------------------------------------------------------


def _place(name: str) -> Arm:
    """The layers around each local response normalisation of a network, and what these cost."""
    found = trace(name)
    order = _order(found)
    places = [i for i, word in enumerate(order) if word == "LRN"]
    if not places:
        return Arm(name, {"params": 0, "flops": 0}, "network")
    said = dict.fromkeys(" - ".join(order[max(i - 1, 0) : i + 2]) for i in places)
    table = measure(found, columns=["params", "flops"])
    rows = [row.cells for row in table.rows if row.type in _TYPES]
    flops = sum(cells["flops"] for cells in rows)
    share = float(f"{100 * flops / table.total['flops']:.2f}") if isinstance(table.total["flops"], int) else None
    cells = {"order": "\n".join(said), "params": sum(cells["params"] for cells in rows), "flops": flops, "share": share}
    return Arm(name, cells, "network")


_TYPES = ("LocalResponseNorm", "LRN")
_WORDS = {"conv1d": "CONV", "conv2d": "CONV", "conv3d": "CONV", "linear": "FC"}


def _order(found: "Trace") -> list[str]:
    """The layers in order, as words; an activation is none."""
    words: list[tuple[int, str]] = []
    for op in found.ops:
        word = _word(found, op)
        if word and words[-1:] != [(op.call, word)]:
            words.append((op.call, word))
    return [word for _, word in words]


def _word(found: "Trace", op: "Op") -> str:
    if found.calls[op.call].type in _TYPES:
        return "LRN"
    return _WORDS.get(op.kind, "POOL" if "pool" in op.kind else "")


# Words --------------------------------------------------------------------------------------------------------------------


def _notes(window: int) -> list[str]:
    return [
        f"response: b = a / (k + alpha * sum of a'^2)^beta over the {window} maps around, here those that there are of two, the "
        f"image and the image turned by half a turn; k = {K}, alpha = {float(ALPHA)}, beta = {BETA}, as in AlexNet's paper",
        f"subtractive: v = x - mean; divisive: y = v / max(c, s), where s is the root of the mean square and c the mean of all s; "
        f"contrast: both; means of {window}×{window} pixels, at the border of fewer",
        "order: the layers before and after each local response normalisation, without activations",
    ]


def _lesson(kinds: Sequence[Case], places: Sequence[Arm], failures: Sequence[Failed], *, run: bool) -> Iterator[str]:
    """Sentences that quote the table."""
    if failures:
        yield f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        return
    effect = {one.name: {name: changed for name, (changed, _) in one.by_change.items()} for one in kinds}
    for name, words in (("brighter", "Brightness"), ("contrast", "Contrast")):
        free = [kind for kind, of in effect.items() if of[name] == 0]
        rest = [kind for kind in effect if kind not in free]
        said = f"no value of {_listed(free)} normalisation" if free else "values of every normalisation"
        yield f"{words} changes {said} of this image" + (f", and values of {_listed(rest)}." if free and rest else ".")
    yield "Local response normalisation compares maps at one pixel; contrast normalisation compares a pixel with its neighbours."
    for one in places:
        if "order" not in one.cells:
            yield f"{one.name} has no local response normalisation."
            continue
        orders = str(one.cells["order"]).replace("\n", " and ")
        share = f", {one.cells['share']}% of its FLOPs" if one.cells["share"] is not None else ""
        yield f"{one.name} has {orders}, with {one.cells['params']:,} parameters{share}."
    if run:
        yield "torch gives the same values."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


STUDY = Study("local-normalisation", "What do local response and local contrast normalisation compute?", run)
