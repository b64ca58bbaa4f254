"""Tab-separated values: names and parameters."""

from zoo.extend import Table


def render(table: Table, width: int | None = None) -> str:
    """One line a row."""
    return "".join(f"{row.name}\t{row.cells.get('params', '')}\n" for row in table.rows)
