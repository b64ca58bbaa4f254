"""What a one-file extension imports: an architecture, a column, a study, a format, a convention, a lint rule.

Ours import the same names. Each is imported from its own place when it is asked for, so that an extension pays for no other kind.
"""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from zoo.util.lazy import lazy

if TYPE_CHECKING:
    from zoo.analysis.kinds import Flow, Pass, Share, Sum, Tally
    from zoo.analysis.rows import Group
    from zoo.catalogue.card import arch
    from zoo.errors import ZooError
    from zoo.linting._network import Network
    from zoo.linting._rule import Hit, Rule
    from zoo.ops.count import Count
    from zoo.studies._study import Arm, Study, arms_table, ratio, ratio_text, short
    from zoo.tables.table import Column, Row, Table
    from zoo.tracing.record import Op, Param, Trace, Value

__all__ = [
    "Arm",
    "Column",
    "Count",
    "Flow",
    "Group",
    "Hit",
    "Network",
    "Op",
    "Param",
    "Pass",
    "Row",
    "Rule",
    "Share",
    "Study",
    "Sum",
    "Table",
    "Tally",
    "Trace",
    "Value",
    "ZooError",
    "arch",
    "arms_table",
    "ratio",
    "ratio_text",
    "register",
    "short",
]

_RECORDS, _KINDS, _TABLES, _STUDIES = "zoo.tracing.record", "zoo.analysis.kinds", "zoo.tables.table", "zoo.studies._study"

__getattr__, __dir__ = lazy(
    __name__,
    {
        **dict.fromkeys(("Op", "Param", "Trace", "Value"), _RECORDS),
        **dict.fromkeys(("Flow", "Pass", "Share", "Sum", "Tally"), _KINDS),
        **dict.fromkeys(("Column", "Row", "Table"), _TABLES),
        **dict.fromkeys(("Arm", "Study", "arms_table", "ratio", "ratio_text", "short"), _STUDIES),
        "Count": "zoo.ops.count",
        "Group": "zoo.analysis.rows",
        "Network": "zoo.linting._network",
        **dict.fromkeys(("Hit", "Rule"), "zoo.linting._rule"),
        "ZooError": "zoo.errors",
        "arch": "zoo.catalogue.card",
    },
)


def register(*things: Any) -> ExitStack:
    """Add to this process what no installed package offers: builders under `@arch`, columns, studies, lint rules, formats (functions of a table
    and a width, under their own names), or modules that define such.

    What is returned takes them out again when it is closed, or left as a context. A module may register a name anew, as a cell of a
    notebook does that runs again. Raises `ZooError` for a name that is taken, and for what is none of these.
    """
    from zoo.analysis.choose import COLUMNS
    from zoo.catalogue.entries import ARCHITECTURES
    from zoo.linting._rule import RULES
    from zoo.studies._study import STUDIES
    from zoo.tables.formats import FORMATS
    from zoo.util import plugins

    return plugins.register(things, (ARCHITECTURES, COLUMNS, STUDIES, FORMATS, RULES))
