"""How often a weight is used: connections per parameter. This is 1 in a fully connected layer, and many in a convolution."""

from collections.abc import Iterator, Sequence
from typing import Any

from zoo.analysis.columns import connections, params
from zoo.extend import Column, Group, Line, Place, Trace


class Uses:
    """The quotient of two columns; none where a row has no connections, or no parameters."""

    column = Column("uses", "links per parameter", "how often a parameter is used", order=72, on_request=True)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one ratio per group, and that of the totals."""
        links, all_links = connections.COLUMN.measure(trace, groups)
        own, all_own = params.COLUMN.measure(trace, groups)
        return [_quotient(a, b) for a, b in zip(links, own, strict=True)], _quotient(all_links, all_own)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """The two columns of the row."""
        (links,), _ = connections.COLUMN.measure(place.trace, [place.group])
        (own,), _ = params.COLUMN.measure(place.trace, [place.group])
        if cell is None:
            yield Line("uses", says=f"{links:,} connections and {own:,} parameters: no quotient")
            return
        yield Line("uses", "{connections} / {params}", {"connections": links, "params": own}, cell, says="to six digits", part=())


def _quotient(links: int, parameters: int) -> float | None:
    return float(f"{links / parameters:.6g}") if links and parameters else None


COLUMN = Uses()
