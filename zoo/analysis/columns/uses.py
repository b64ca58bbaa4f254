"""How often a weight is used: connections per parameter. This is 1 in a fully connected layer, and many in a convolution."""

from collections.abc import Sequence
from typing import Any

from zoo.analysis.columns import connections, params
from zoo.extend import Column, Group, Trace


class Uses:
    """The quotient of two columns; none where a row has no connections, or no parameters."""

    column = Column("uses", "links per parameter", "how often a parameter is used", order=72, on_request=True)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one ratio per group, and that of the totals."""
        links, all_links = connections.COLUMN.measure(trace, groups)
        own, all_own = params.COLUMN.measure(trace, groups)
        return [_quotient(a, b) for a, b in zip(links, own, strict=True)], _quotient(all_links, all_own)


def _quotient(links: int, parameters: int) -> float | None:
    return float(f"{links / parameters:.6g}") if links and parameters else None


COLUMN = Uses()
