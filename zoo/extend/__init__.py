"""Everything that a one-file extension imports: an architecture, a column, a study, a format, a convention, a lint rule, a picture.

Built-in extensions import the same names. Each name is imported on first access, so an extension does not load other kinds.
"""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from zoo.util.lazy import lazy

if TYPE_CHECKING:
    from zoo.analysis.convention import Convention, Counts, Layer, both, by_layer, by_op, first_role, of_tool
    from zoo.analysis.kinds import Bytes, Flow, Pass, Quotient, Share, Sum, Tally
    from zoo.analysis.measure import measure
    from zoo.analysis.rows import Group
    from zoo.analysis.windows import OfOps, weighted
    from zoo.analysis.working import Place
    from zoo.catalogue.accuracy import Accuracy, accuracies
    from zoo.catalogue.card import arch
    from zoo.catalogue.create import create_model
    from zoo.catalogue.entries import card, list_models
    from zoo.catalogue.evidence import Result
    from zoo.catalogue.published import Published
    from zoo.extend.network import (
        ACTIVATIONS,
        BATCH_NORMS,
        CONVOLUTIONS,
        NORMS,
        POOLINGS,
        TRANSPOSED,
        Network,
        flattened,
        kernel,
        stride,
    )
    from zoo.extend.options import Flag, Natural, PositiveInt, Sizes, TargetName, Text
    from zoo.extend.picture import Kind, Picture
    from zoo.extend.rule import Hit, Rule
    from zoo.extend.study import Arm, Study, arms_table, ratio, ratio_text, relation, short
    from zoo.models.forward import trace
    from zoo.ops.arithmetic import macs
    from zoo.ops.book import rule_of, rule_of_kind
    from zoo.ops.count import Count
    from zoo.ops.rule import Cost, OpRule, factors
    from zoo.ops.working import Line
    from zoo.record.inputs import Input
    from zoo.record.trace import UNUSED, Call, Op, Param, Trace, Value, each_axis
    from zoo.record.walk import carry
    from zoo.tables.notes import Failed, Note
    from zoo.tables.table import Column, Row, Table
    from zoo.util.errors import ForwardError, ZooError, unknown
    from zoo.util.text import sizes

__all__ = [
    "ACTIVATIONS",
    "BATCH_NORMS",
    "CONVOLUTIONS",
    "NORMS",
    "POOLINGS",
    "TRANSPOSED",
    "UNUSED",
    "Accuracy",
    "Arm",
    "Bytes",
    "Call",
    "Column",
    "Convention",
    "Cost",
    "Count",
    "Counts",
    "Failed",
    "Flag",
    "Flow",
    "ForwardError",
    "Group",
    "Hit",
    "Input",
    "Kind",
    "Layer",
    "Line",
    "Natural",
    "Network",
    "Note",
    "OfOps",
    "Op",
    "OpRule",
    "Param",
    "Pass",
    "Picture",
    "Place",
    "PositiveInt",
    "Published",
    "Quotient",
    "Result",
    "Row",
    "Rule",
    "Share",
    "Sizes",
    "Study",
    "Sum",
    "Table",
    "Tally",
    "TargetName",
    "Text",
    "Trace",
    "Value",
    "ZooError",
    "accuracies",
    "arch",
    "arms_table",
    "both",
    "by_layer",
    "by_op",
    "card",
    "carry",
    "create_model",
    "each_axis",
    "factors",
    "first_role",
    "flattened",
    "kernel",
    "list_models",
    "macs",
    "measure",
    "of_tool",
    "ratio",
    "ratio_text",
    "register",
    "relation",
    "rule_of",
    "rule_of_kind",
    "short",
    "sizes",
    "stride",
    "trace",
    "unknown",
    "weighted",
]

_CONVENTIONS = "zoo.analysis.convention"
_RECORDS, _KINDS, _TABLES, _STUDIES = "zoo.record.trace", "zoo.analysis.kinds", "zoo.tables.table", "zoo.extend.study"
_NETWORK = "zoo.extend.network"

__getattr__, __dir__ = lazy(
    __name__,
    {
        **dict.fromkeys(("UNUSED", "Call", "Op", "Param", "Trace", "Value", "each_axis"), _RECORDS),
        **dict.fromkeys(("Bytes", "Flow", "Pass", "Quotient", "Share", "Sum", "Tally"), _KINDS),
        **dict.fromkeys(("Column", "Row", "Table"), _TABLES),
        **dict.fromkeys(("Flag", "Natural", "PositiveInt", "Sizes", "TargetName", "Text"), "zoo.extend.options"),
        **dict.fromkeys(("Arm", "Study", "arms_table", "ratio", "short", "ratio_text", "relation"), _STUDIES),
        **dict.fromkeys(("Convention", "Counts", "Layer", "both", "by_layer", "by_op", "first_role", "of_tool"), _CONVENTIONS),
        **dict.fromkeys(("Cost", "OpRule", "factors"), "zoo.ops.rule"),
        "Count": "zoo.ops.count",
        **dict.fromkeys(("Failed", "Note"), "zoo.tables.notes"),
        **dict.fromkeys(("rule_of", "rule_of_kind"), "zoo.ops.book"),
        "Result": "zoo.catalogue.evidence",
        "carry": "zoo.record.walk",
        "Group": "zoo.analysis.rows",
        **dict.fromkeys(("OfOps", "weighted"), "zoo.analysis.windows"),
        "Input": "zoo.record.inputs",
        "Line": "zoo.ops.working",
        "Place": "zoo.analysis.working",
        **dict.fromkeys(("Kind", "Picture"), "zoo.extend.picture"),
        **dict.fromkeys(("ACTIVATIONS", "BATCH_NORMS", "CONVOLUTIONS", "NORMS", "POOLINGS", "TRANSPOSED"), _NETWORK),
        **dict.fromkeys(("Network", "flattened", "kernel", "stride"), _NETWORK),
        **dict.fromkeys(("Hit", "Rule"), "zoo.extend.rule"),
        **dict.fromkeys(("ForwardError", "ZooError", "unknown"), "zoo.util.errors"),
        **dict.fromkeys(("Accuracy", "accuracies"), "zoo.catalogue.accuracy"),
        "arch": "zoo.catalogue.card",
        "card": "zoo.catalogue.entries",
        "create_model": "zoo.catalogue.create",
        "list_models": "zoo.catalogue.entries",
        "macs": "zoo.ops.arithmetic",
        "measure": "zoo.analysis.measure",
        "sizes": "zoo.util.text",
        "trace": "zoo.models.forward",
        "Published": "zoo.catalogue.published",
    },
)


def register(*things: Any) -> ExitStack:
    """Add extensions to this process.

    Arguments:
        things: Builders decorated with `@arch`, columns, studies, formats (functions of a table and a width, with their own names),
            records of ops (`OpRule`), lint rules, kinds of pictures, or modules that define these. A module can register the same
            name again, as a notebook cell does when it runs twice.

    Returns:
        A context manager. Leaving or closing it removes the extensions again.

    Raises:
        ZooError: For a name that is taken, and for any other object.

    Example:
        >>> def names_only(table: zoo.Table, width=None):
        ...     return "".join(f"{row.name} " for row in table.rows[:3])
        >>> with zoo.register(names_only):
        ...     zoo.summary("lenet5").render("names_only")
        'C1 squash1 S2 '
    """
    from zoo.analysis.choose import COLUMNS
    from zoo.catalogue.entries import ARCHITECTURES
    from zoo.extend.picture import PICTURES
    from zoo.extend.rule import RULES
    from zoo.extend.study import STUDIES
    from zoo.ops.book import OPS
    from zoo.tables.formats import FORMATS
    from zoo.util import plugins

    return plugins.register(things, (ARCHITECTURES, COLUMNS, STUDIES, FORMATS, OPS, RULES, PICTURES))
