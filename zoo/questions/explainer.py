"""What the tables of a forward pass call to explain their numbers. What explains is imported when it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.record.trace import Trace

if TYPE_CHECKING:
    from zoo.analysis.explanation import Explanation


@dataclass(frozen=True)
class Explainer:
    """What `Table.explain` calls: the forward of the table, its convention, and the columns that it shows."""

    trace: Trace
    convention: str
    columns: tuple[str, ...]

    def __call__(self, layer: str | None, columns: Sequence[str] | None) -> "Explanation":
        """The derivations of a row, in these columns or in all that the table shows."""
        from zoo.questions.explain import explain

        return explain(self.trace, layer, columns or self.columns, convention=self.convention)
