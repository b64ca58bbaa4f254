"""The growth of receptive fields: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
(2019).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Row, Sizes, Study, Table, TargetName, ZooError, arms_table, card, list_models, ratio_text

if TYPE_CHECKING:
    from zoo.extend import Trace

RF = Column("rf", "pixels", "receptive field: size, stride and effective padding", hide_order=0)
SHARE = Column("rf/input", "ratio", "size of the receptive field divided by that of the input", hide_order=1)
NETWORKS = (
    RF,
    SHARE,
    Column("covers", "text", "the first layer whose receptive field is as large as the input, or the whole of it", hide_order=0),
    Column("at", "layers", "layers with weights on the longest path to there, itself included", hide_order=0),
    Column("beyond", "layers", "layers with weights on the longest path up to it", hide_order=0),
    Column("unknown", "layers", "rows before it, or in all, whose receptive field is not known", hide_order=3),
)
LAYERS = (
    Column("output", "elements per axis", "output shape", hide_order=2),
    RF,
    SHARE,
    Column("depth", "layers", "layers with weights on the longest path from the input", hide_order=1),
)
EFFECTIVE = (
    "theoretical: which pixels can change a unit; how strongly they do, the effective field, depends on the weights and is smaller"
)
BORDER = "a field as large as the input covers it for units in the middle; those at the border look past the edge"


def run(
    on: Annotated[TargetName | None, "follow the layers of this network instead"] = None,
    input: Annotated[Sizes | None, "its input size without batch, such as 3x320x320"] = None,
) -> Table:
    """Compare the last feature maps of the shallowest and deepest network of each family; or follow the network `on` by layer.

    Raises `ZooError` if that network has no receptive fields.
    """
    if input is not None and on is None:
        raise ZooError("input requires on, the network to use")
    return _growth(on, input) if on is not None else _networks()


def _networks() -> Table:
    from zoo.extend import trace

    families: dict[str, list[str]] = {}
    for name in list_models():
        if len(card(name).input) == 3:  # images: channels, height, width
            families.setdefault(card(name).family, []).append(name)
    ends = [(end(names, key=lambda name: card(name).depth), family) for family, names in families.items() for end in (min, max)]
    arms = [Arm(name, _at_the_end(trace(name)), family) for name, family in dict.fromkeys(ends)]
    return arms_table(
        "receptive-field-growth: how large are the receptive fields of the last feature maps?",
        NETWORKS,
        arms,
        notes=["of each family the shallowest and the deepest network", BORDER, EFFECTIVE],
        lesson=_lesson(arms),
    )


def _growth(on: str, input: Sequence[int] | None) -> Table:
    from zoo.analysis.rows import readable_depth
    from zoo.extend import measure, trace

    found = trace(on, input=input and (1, *input))
    arms: list[Arm] = []
    for row in _rows(found, readable_depth(found)):
        share = _share(row, found)
        if not arms or share > arms[-1].cells["rf/input"]:
            arms.append(Arm(row.name, {**row.cells, "rf/input": share}, row.type))
    if not arms:
        reason = (measure(found, columns=["rf"], depth=0).total["rf"] or {}).get("undefined", "no layer has one")
        raise ZooError(f"{found.target} has no receptive fields to follow: {reason}")
    return arms_table(
        f"receptive-field-growth: how does the receptive field of {found.target} grow?",
        LAYERS,
        arms,
        notes=["layers at which the receptive field does not grow, or is not known, are left out", BORDER, EFFECTIVE],
        lesson=[_in_words(found.target, _at_the_end(found))],
        context={"inputs": [list(value.shape) for value in found.inputs]},
    )


def _rows(found: "Trace", depth: int | None = None) -> list[Row]:
    """Return the rows that have a receptive field."""
    from zoo.extend import measure

    rows = measure(found, columns=["output", "rf", "depth"], depth=depth).rows
    return [row for row in rows if row.cells["rf"] and "size" in row.cells["rf"]]


def _share(row: Row, found: "Trace") -> float:
    """Return the smallest ratio of the axes."""
    sides = found.inputs[0].shape[-len(row.cells["rf"]["size"]) :]
    return float(f"{min(size / side for size, side in zip(row.cells['rf']['size'], sides, strict=True)):.6g}")


def _at_the_end(found: "Trace") -> dict[str, Any]:
    """Return the last maps of more than one unit, and the first layer that covers the input; empty without receptive fields."""
    from zoo.extend import measure

    rows = _rows(found)
    if not rows:
        return {}
    depth = measure(found, columns=["depth"], depth=0).total["depth"]
    last = next((row for row in reversed(rows) if max(row.cells["output"][2:], default=1) > 1), rows[-1])
    first = next((row for row in rows if row.cells["rf"].get("global") or _share(row, found) >= 1), None)
    hidden = _unknown_before(found, first.name if first else None)
    return {
        "rf": last.cells["rf"],
        "rf/input": _share(last, found),
        "covers": first and first.name,
        "at": first and first.cells["depth"],
        "beyond": first and depth - first.cells["depth"],
        "unknown": hidden,
    }


def _unknown_before(found: "Trace", name: str | None) -> int:
    """How many layers before that of this name, or of all, have outputs and no receptive field that is known."""
    from zoo.extend import measure

    unknown = 0
    for row in measure(found, columns=["output", "rf"]).rows:
        if row.name == name:
            break
        unknown += bool(row.cells["output"] and row.cells["rf"] and "undefined" in row.cells["rf"])
    return unknown


def _in_words(name: str, cells: Mapping[str, Any]) -> str:
    if cells["covers"] is None and cells["unknown"]:
        return f"What {cells['unknown']:,} ops of {name} see is not known; no other is known to see the whole input."
    if cells["covers"] is None:
        return f"No unit of {name} sees the whole input; units of its last maps see {cells['rf/input']:.3g} of the input's side."
    return (
        f"In {name} the receptive field {'is first known to cover' if cells['unknown'] else 'first covers'} the input at "
        f"{cells['covers']}, layer {cells['at']:,} on the longest path, with {cells['beyond']:,} after it"
        f"{_before(cells['unknown'])}."
    )


def _before(unknown: int) -> str:
    if not unknown:
        return ""
    return f"; what {unknown:,} op{'s' if unknown > 1 else ''} before it see is not known, and may be the whole input already"


def _lesson(arms: Sequence[Arm]) -> list[str]:
    """Sentences that quote the table."""
    least, *_, most = known = sorted((arm for arm in arms if arm.cells), key=lambda arm: arm.cells["rf/input"])
    small = [arm for arm in known if arm.cells["rf/input"] < 1]
    lesson = []
    if small:
        lesson = [
            f"At the last feature maps of {len(small)} of {len(known)} networks, the receptive field is smaller than the input.",
            f"It is smallest in {least.name}: {max(least.cells['rf']['size'])} pixels, or {least.cells['rf/input']:.3g} of the",
            "input's side.",
            f"In these networks, at most {1 + max(arm.cells['beyond'] or 0 for arm in small)} layers see the whole input.",
        ]
    return [
        *lesson,
        f"It is largest in {most.name}: {max(most.cells['rf']['size']):,} pixels,",
        f"or {ratio_text(most.cells['rf/input'], 1)} times the input's side.",
        _in_words(most.name, most.cells),
    ]


STUDY = Study("receptive-field-growth", "How do receptive fields grow, and which layer is the first to see the whole input?", run)
