"""Bytes of parameters, by type where a model mixes types."""

from zoo.analysis.memory import Bytes
from zoo.table import Column

PASS = Bytes(
    Column("param_bytes", "bytes", "parameters, shared ones once; by type if mixed", order=13, on_request=True), "parameter"
)
