"""What university lectures on convolutional networks claim, and what is counted: by topic, with a verdict and a reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any

from zoo.extend import Arm, Column, Published, Study, Table, Text, ZooError, arms_table, unknown

COLUMNS = (
    Column("lecture", "letters", "who claims it", hide_order=3),
    Column("printed", "as printed", "the lecture's number or words; a dash where it prints none", hide_order=0),
    Column("computed", "count", "what is counted, or stands on the card of a network", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated, holds, or differs", hide_order=0),
    Column("reason", "text", "the convention, or why they differ", hide_order=1),
)


def run(
    topic: Annotated[Text | None, "show this topic only, such as sizes, alexnet or imagenet"] = None,
    lecture: Annotated[Text | None, "show one lecture only, by its letter: A, B, C, D or E"] = None,
) -> Table:
    """Compare what lectures print with what is counted: sizes, parameters, connections, networks, errors on ImageNet.

    Raises `ZooError` for an unknown topic or lecture.
    """
    from zoo.studies._claims import LECTURES, claims

    every = list(claims())
    topics = dict.fromkeys(claim.topic for claim in every)
    if topic is not None and topic not in topics:
        raise unknown("topic", topic, topics)
    if lecture is not None and lecture.upper() not in LECTURES:
        raise ZooError(f"lecture: expected {', '.join(LECTURES)}, got {lecture!r:.80}")
    chosen = [one for one in every if topic in (None, one.topic) and (lecture is None or lecture.upper() in one.by.split())]
    if not chosen:
        raise ZooError(f"lecture {str(lecture).upper()} claims nothing about {topic}")
    arms = [Arm(one.about, _cells(one), one.topic) for one in chosen]
    letters = {letter for one in chosen for letter in one.by.split()}
    return arms_table(
        "lecture-tables: what do lectures claim, and what is counted?",
        COLUMNS,
        arms,
        notes=[
            *(f"lecture {letter}: {words}" for letter, words in LECTURES.items() if letter in letters),
            *(f"{one.about}: {one.reason}" for one in chosen if topic and one.reason),
        ],
        lesson=list(_lesson(arms)),
    )


def _cells(claim: Any) -> dict[str, Any]:
    computed = claim.compute()
    return {
        "lecture": claim.by,
        "printed": claim.printed or None,
        "computed": computed,
        "verdict": verdict(claim.printed, computed, claim.verdict),
        "reason": claim.reason or None,
    }


def verdict(printed: str, computed: Any, given: Any = None) -> str | None:
    """Whether what is computed is what is printed: as it is, rounded or truncated; None where one of them is missing."""
    if not printed or computed is None:
        return None
    if isinstance(given, str):
        return given
    if given is not None:
        return "holds" if given(computed) else "differs"
    if printed == str(computed):
        return "equal"
    number = printed.removesuffix("%")
    try:
        found = Published(quantity="", printed=number, where="lecture")
        return found.verdict(Decimal(str(computed).removesuffix("%")))  # type: ignore[arg-type]
    except (ValueError, ArithmeticError):
        return "differs"


def _lesson(arms: Sequence[Arm]) -> Iterator[str]:
    """Sentences that count the verdicts, and name what differs."""
    verdicts = Counter(arm.cells["verdict"] for arm in arms)
    compared = sum(number for said, number in verdicts.items() if said)
    agree = compared - verdicts["differs"]
    yield f"Of {compared:,} claims that can be compared, {agree:,} agree, as printed, rounded or truncated."
    wrong = [arm for arm in arms if arm.cells["verdict"] == "differs"]
    for arm in wrong:
        why = f" ({arm.cells['reason']})" if arm.cells["reason"] else ""
        yield f"{arm.type}, {arm.name}: {arm.cells['printed']} is printed, {_text(arm.cells['computed'])} is counted{why}."
    if missing := verdicts[None]:
        yield f"{missing} row{'s' if missing > 1 else ''} without a verdict: nothing is printed, or nothing can be counted."


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


STUDY = Study("lecture-tables", "What do lectures claim, and what is counted?", run)
