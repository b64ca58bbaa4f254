"""Why an op refuses its input, in the words of the network's author rather than of the kernel. Torch-free."""

from zoo.ops.book import rule_of
from zoo.tracing.record import Op

OFFER = "zoo summary --real (in Python real=True) runs it once on real tensors"
"""What to do about a model that needs values."""

WHOLE_NUMBERS = "give the type of an input of whole numbers, as in --input 128:int64 (in Python inputs=tensor)"
"""What to do about a model that looks something up and is given floating point numbers."""


def wants_whole_numbers(text: str) -> bool:
    """Whether torch's message says that an index is of a floating type."""
    return "scalar types: Long" in text or "indices must be" in text or "must be long, int" in text


def diagnose(op: Op) -> str | None:
    """What the inputs lack, by the op's record; None if it is something else."""
    refusal = rule_of(op).refusal
    return None if refusal is None else refusal(op)
