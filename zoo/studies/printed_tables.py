"""The numbers that papers print, by network: VGG's Table 2, ResNet's Table 1 and its table for CIFAR, and all others."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from zoo.extend import Arm, Column, Published, Study, Table, Text, ZooError, arms_table, card, list_models

COLUMNS = (
    Column("quantity", "text", "what is counted", hide_order=0),
    Column("printed", "as printed", "the number as its source prints it", hide_order=0),
    Column(
        "kind", "text", "paper, metadata (of weights, made by the library that ships them) or depth (mostly the name)", hide_order=2
    ),
    Column("where", "text", "where it is printed", hide_order=1),
    Column("computed", "count", "the computed number", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated or explained", hide_order=0),
)

KINDS = {"paper": "Numbers of papers", "metadata": "Metadata of weights", "depth": "Depths, mostly the network's name"}
COLUMN = {"neurons": "units"}  # what a card calls otherwise than the column that counts it


def run(family: Annotated[Text | None, "show this family only, such as vgg"] = None) -> Table:
    """Compare every published number on the cards, of all families or of one, with the computed one.

    Raises `ZooError` for an unknown family.
    """
    arms = [arm for name in list_models(family=family) if card(name).published for arm in _arms(name)]
    if not arms:
        raise ZooError(f"the cards of {family} quote no printed numbers")
    largest = max(arms, key=lambda arm: arm.cells["computed"])
    lesson = [
        *(f"{words}: {_counted(arms, kind)}." for kind, words in KINDS.items() if any(arm.cells["kind"] == kind for arm in arms)),
        "zoo info NAME says why.",
        f"The largest is the {largest.cells['computed']:,} {largest.cells['quantity']} of {largest.name}.",
    ]
    return arms_table("printed-tables: which published numbers can be reproduced?", COLUMNS, arms, lesson=lesson)


def _arms(name: str) -> Iterator[Arm]:
    from zoo.extend import measure, trace

    published = card(name).published
    columns = [COLUMN.get(one.quantity, one.quantity) for one in published]
    total = measure(trace(name), columns=columns, depth=0).total
    for one, column in zip(published, columns, strict=True):
        n = total[column]
        cells = {
            "kind": _kind(one),
            "quantity": one.quantity,
            "printed": one.printed,
            "where": one.where,
            "computed": n,
            "verdict": _verdict(one, n, published),
        }
        yield Arm(name, cells, card(name).family)


def _kind(one: Published) -> str:
    if one.quantity == "depth":
        return "depth"
    return "metadata" if one.where == "weight metadata" else "paper"


def _verdict(one: Published, n: Any, others: Sequence[Published]) -> str:
    """That of the number; where the same count is printed cut off and rounded, only the rounded one is right."""
    verdict = one.verdict(n)
    rivals = [other for other in others if other.quantity == one.quantity and other.value != one.value]
    rounded = [other.printed for other in rivals if other.verdict(n) == "rounded" and len(other.printed) == len(one.printed)]
    return f"contradicts {rounded[0]}" if verdict == "truncated" and rounded else verdict


def _counted(arms: Sequence[Arm], kind: str) -> str:
    """How many of each verdict: 7 equal, 2 rounded."""
    verdicts = [str(arm.cells["verdict"]) for arm in arms if arm.cells["kind"] == kind]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))


STUDY = Study("printed-tables", "Which numbers of the papers reproduce?", run)
