"""JSON, schema zoo.table/1."""

import json

from zoo.tables.content import Content


def render(table: Content, width: int | None = None) -> str:
    """The whole table, indented by two."""
    return json.dumps(table.to_dict(), indent=2, ensure_ascii=False) + "\n"
