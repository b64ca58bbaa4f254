"""Bytes of parameters, by type where a model mixes types."""

from zoo.extend import Bytes, Column

COLUMN = Bytes(
    Column("param_bytes", "bytes", "parameters, shared ones once; by type if mixed", order=13, on_request=True), "parameter"
)
