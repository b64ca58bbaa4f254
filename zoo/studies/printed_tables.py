"""The numbers that papers print, by network: VGG's Table 2, ResNet's Table 1 and its table for CIFAR, and all others."""

from collections.abc import Iterator
from typing import Annotated

from zoo.extend import Arm, Column, Study, Table, Text, ZooError, arms_table, card, list_models

COLUMNS = (
    Column("quantity", "text", "what is counted", hide_order=0),
    Column("printed", "as printed", "the number as its source prints it", hide_order=0),
    Column("where", "text", "where it is printed", hide_order=1),
    Column("computed", "count", "the computed number", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated or explained", hide_order=0),
)

COLUMN = {"neurons": "units"}  # what a card calls otherwise than the column that counts it


def run(family: Annotated[Text | None, "show this family only, such as vgg"] = None) -> Table:
    """Compare every published number on the cards, of all families or of one, with the computed one.

    Raises `ZooError` for an unknown family.
    """
    arms = [arm for name in list_models(family=family) if card(name).published for arm in _arms(name)]
    if not arms:
        raise ZooError(f"the cards of family {family} have no published numbers")
    verdicts = [str(arm.cells["verdict"]) for arm in arms]
    largest = max(arms, key=lambda arm: arm.cells["computed"])
    said = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in dict.fromkeys(verdicts))
    lesson = [
        f"Of {len(arms)} printed numbers: {said}; zoo info NAME gives the reasons.",
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
        cells = {"quantity": one.quantity, "printed": one.printed, "where": one.where, "computed": n, "verdict": one.verdict(n)}
        yield Arm(name, cells, card(name).family)


STUDY = Study("printed-tables", "Which published numbers can be reproduced?", run)
