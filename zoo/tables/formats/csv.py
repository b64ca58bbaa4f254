"""CSV: a header, and a line for each row. Nested cells have a column for each key, such as rf.size."""

import csv
import io

from zoo.tables.content import Content
from zoo.tables.formats._cells import flat


def render(table: Content, width: int | None = None) -> str:
    """Return the rows only: the total of an additive column is its sum, so it is not repeated."""
    rows = [
        {"name": row.name, "type": row.type, "times": str(row.times), "mark": row.mark}
        | {k: v for name, cell in row.cells.items() for k, v in flat(name, cell)}
        for row in table.rows
    ]
    header = ["name", "type", *(["times"] if any(row.times > 1 for row in table.rows) else [])]
    header += ["mark"] if any(row.mark for row in table.rows) else []
    for column in table.columns:
        nested = dict.fromkeys(key for row in rows for key in row if key.startswith(f"{column.name}."))
        if not nested or any(row.get(column.name) for row in rows):
            header.append(column.name)
        header += nested
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
