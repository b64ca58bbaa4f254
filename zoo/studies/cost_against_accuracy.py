"""What accuracy costs: MACs and parameters against the top-1 accuracy that primary sources print, for networks tested alike.

No accuracy is measured. They are on the cards of the catalogue with their sources, and in torchvision's metadata;
`zoo plot tradeoff` draws them.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Study, Table, TargetName, accuracies, arms_table, list_models, measure, ratio_text, short, trace

if TYPE_CHECKING:
    from zoo.extend import Accuracy

COLUMNS = (
    Column("top1", "percent", "top-1 accuracy of a single network, as printed", hide_order=0),
    Column("top5", "percent", "top-5 accuracy of the same network", hide_order=2),
    Column("params", "elements", "parameters", hide_order=1),
    Column("macs", "multiply-accumulates", "of one image of the network's input", hide_order=0),
    Column(
        "better",
        "networks",
        "tested alike, at least as accurate with at most as many MACs, and better in one of the two",
        hide_order=0,
    ),
    Column("how", "text", "how it was tested, in the source's words", hide_order=4),
    Column("source", "text", "where the accuracy is printed", hide_order=5),
)
IMAGES = "ImageNet validation"
TESTS = {"centre crop": "centre crop", "1 crop": "centre crop", "10 crops": "10 crops", "dense": "dense"}
"""Ways of testing by the first words of a source. Networks are compared within one of them."""


def run(on: Annotated[TargetName | None, "place this network among those of the catalogue"] = None) -> Table:
    """A row for each network and way of testing whose top-1 accuracy on ImageNet a primary source prints."""
    arms = [arm for name in list_models() for arm in _arms(name)]
    if on is not None:
        own = list(_arms(on))
        arms = [*own, *(arm for arm in arms if arm.type in {one.type for one in own} and arm.name != own[0].name)]
        arms = arms or [Arm(str(on), _costs(on), "not tested")]
    arms = [Arm(arm.name, {**arm.cells, "better": _better(arm, arms)}, arm.type) for arm in arms]
    arms.sort(key=lambda arm: (arm.type, -arm.cells.get("top1", 0)))
    return arms_table(
        "cost-against-accuracy: what does accuracy cost?",
        COLUMNS,
        arms,
        notes=[
            f"accuracies of single networks on {IMAGES}, as the sources print them: they were trained in different ways",
            "type: how they were tested; macs: of one crop, also where several were averaged",
            "better: networks that were tested alike, at least as accurate with at most as many MACs, and better in one of the two",
        ],
        lesson=list(_lesson(arms) if on is None else _place(str(on), arms)),
    )


def _costs(name: Any) -> dict[str, Any]:
    total = measure(trace(name), columns=["params", "macs"], depth=0).total
    return {"params": total["params"], "macs": total["macs"]}


def _arms(name: Any) -> Iterator[Arm]:
    """One for each way in which a single network was tested; the most accurate, if it is printed more than once."""
    found: dict[str, Accuracy] = {}
    for one in accuracies(name) if isinstance(name, str) else ():
        test = TESTS.get(one.how.partition(",")[0])
        if test and one.top1 is not None and (one.on, one.models) == (IMAGES, 1):
            before = found.get(test)
            found[test] = one if before is None or (before.top1 or 0) < one.top1 else before
    costs = _costs(name) if found else {}
    for test, one in found.items():
        yield Arm(name, {"top1": one.top1, "top5": one.top5, **costs, "how": one.how, "source": one.source}, test)


def _better(arm: Arm, arms: Sequence[Arm]) -> int | None:
    """How many networks of the same test are at least as accurate with at most as many MACs, and better in one of the two."""
    if "top1" not in arm.cells:
        return None
    mine = arm.cells["top1"], -arm.cells["macs"]
    others = [(one.cells["top1"], -one.cells["macs"]) for one in arms if one.type == arm.type]
    return len([other for other in others if other != mine and other[0] >= mine[0] and other[1] >= mine[1]])


def _lesson(arms: Sequence[Arm]) -> Iterator[str]:
    """Sentences that quote the table."""
    for test in dict.fromkeys(arm.type for arm in arms):
        those = [arm for arm in arms if arm.type == test]
        front = [arm for arm in those if arm.cells["better"] == 0]
        names = ", ".join(f"{arm.name} ({arm.cells['top1']:g}%)" for arm in front)
        yield f"{test}: for {len(front)} of {len(those)} networks none of the others is better: {names}."
    pairs = [(one, other) for one in arms for other in arms if one.type == other.type and other.cells["top1"] >= one.cells["top1"]]
    dear, cheap = max(pairs, key=lambda pair: pair[0].cells["macs"] / pair[1].cells["macs"])
    yield f"The largest difference at no less accuracy, on {dear.type}: {dear.name} takes {short(dear.cells['macs'])} MACs for"
    yield f"{dear.cells['top1']:g}%, {ratio_text(dear.cells['macs'], cheap.cells['macs'])} times the {short(cheap.cells['macs'])}"
    yield f"that {cheap.name} takes for {cheap.cells['top1']:g}%."
    yield from _tests(arms)


def _tests(arms: Sequence[Arm]) -> Iterator[str]:
    """How much the way of testing one network changes."""
    tested = [(one, other) for one in arms for other in arms if one.name == other.name and one.cells["top1"] < other.cells["top1"]]
    if tested:
        low, high = max(tested, key=lambda pair: pair[1].cells["top1"] - pair[0].cells["top1"])
        yield f"The test alone changes the number: {low.name} is printed with {low.cells['top1']:g}% ({low.type}) and"
        yield f"{high.cells['top1']:g}% ({high.type})."


def _place(name: str, arms: Sequence[Arm]) -> Iterator[str]:
    """Where one network stands among those that were tested alike."""
    own = [arm for arm in arms if arm.name == name]
    for arm in own:
        if "top1" not in arm.cells:
            yield f"No primary source prints a top-1 accuracy of {name} on {IMAGES}, so that it cannot be placed;"
            yield f"it takes {short(arm.cells['macs'])} MACs."
            continue
        others = sum(one.type == arm.type for one in arms) - 1
        yield f"{name}, {arm.type}: {arm.cells['top1']:g}% for {short(arm.cells['macs'])} MACs;"
        several = arm.cells["better"]
        count = {0: "none is", 1: "1 is"}.get(several, f"{several} are")
        yield f"of {others} other networks tested alike, {count} better: at least as accurate with at most as many MACs."


STUDY = Study("cost-against-accuracy", "What does accuracy cost?", run)
