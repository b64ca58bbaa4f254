"""Parquet, for files only: the columns of the CSV, with their types."""

import io
from typing import Any

from zoo.tables.content import Content
from zoo.tables.formats._cells import flat
from zoo.util.errors import ZooError


def encode(table: Content) -> bytes:
    """Return the rows as a Parquet file. Raises `ZooError` if pyarrow is not installed."""
    pyarrow, parquet = load()
    rows = [_flat({"name": row.name, "type": row.type, **row.cells}) for row in table.rows]
    nested = dict.fromkeys(key for row in rows for key in row if "." in key)
    columns: dict[str, Any] = {}
    for name in ("name", "type", *(column.name for column in table.columns)):
        columns[name] = [row.get(name) for row in rows]
        columns |= {key: [row.get(key) for row in rows] for key in nested if key.startswith(f"{name}.")}
    out = io.BytesIO()
    words = {"name", "type", *(column.name for column in table.columns if column.unit == "text")}
    arrays = {name: _array(pyarrow, values, pyarrow.string() if name in words else None) for name, values in columns.items()}
    parquet.write_table(pyarrow.table(arrays), out)
    return out.getvalue()


def load() -> tuple[Any, Any]:
    """Return pyarrow and its parquet module. Raises `ZooError` if it is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ZooError(f"Parquet requires pyarrow, which cannot be imported ({error}); pip install 'zoo[parquet]'") from error
    return pyarrow, parquet


def _flat(cells: dict[str, Any]) -> dict[str, Any]:
    """A nested cell under name.key."""
    flat: dict[str, Any] = {}
    for name, value in cells.items():
        flat |= _flat({f"{name}.{key}": item for key, item in value.items()}) if isinstance(value, dict) else {name: value}
    return flat


def _array(pyarrow: Any, values: list[Any], kind: Any) -> Any:
    try:
        return pyarrow.array(values, kind)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):  # of several kinds: as text, like a CSV
        return pyarrow.array([None if value is None else next(flat("", value))[1] for value in values])
