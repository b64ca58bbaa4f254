"""One claim of `lecture-tables`, and the lectures that make claims."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LECTURES = {
    "A": "theory of convolutional networks; age and gender",
    "B": "architectures, with Keras",
    "C": "slides after Goodfellow, CS231n and Ranzato",
    "D": "building blocks",
    "E": "visual data",
}


@dataclass(frozen=True)
class Claim:
    """One claim: who makes it (letters of `LECTURES`), about what, as printed ("" if it prints nothing), and what is computed.

    `reason` says why they differ, or what is meant. `verdict` is for a comparison other than of equality: a word, or whether
    what is computed holds.
    """

    topic: str
    by: str
    about: str
    printed: str
    compute: Callable[[], Any]
    reason: str = ""
    verdict: str | Callable[[Any], bool] | None = None
