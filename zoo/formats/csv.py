"""CSV: a header, and a line for each row. Nested cells have a column for each key, such as rf.size."""

import csv
import io

from zoo.formats._cells import flat
from zoo.table import Table


def render(table: Table, width: int | None = None) -> str:
    """The rows alone: a sum over a column is the total, which is therefore not repeated."""
    names = [column.name for column in table.columns]
    rows = [
        {"name": row.name, "type": row.type} | dict(pair for name in names for pair in flat(name, row.cells.get(name)))
        for row in table.rows
    ]
    nested = {name for name in names if any(isinstance(row.cells.get(name), dict) for row in table.rows)}
    plain = {name for name in names if any(row.cells.get(name) is not None and name in r for row, r in zip(table.rows, rows, strict=True))}
    header = dict.fromkeys(["name", "type"])
    for name in names:
        if name in plain or name not in nested:
            header[name] = None
        header.update(dict.fromkeys(key for row in rows for key in row if key.startswith(f"{name}.")))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(header), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
