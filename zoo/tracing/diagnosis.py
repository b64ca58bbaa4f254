"""Why an op refuses its input, in the words of the network's author rather than of the kernel. Torch-free."""

from zoo.ops.book import RULES
from zoo.record.trace import Op


def diagnose(op: Op) -> str | None:
    """What the inputs lack, by the op's record; None if it is something else."""
    refusal = RULES[op.kind, op.traits].refusal
    return None if refusal is None else refusal(op)
