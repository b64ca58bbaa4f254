"""Connections: links from inputs and biases to units, shared or not."""

from zoo.analysis.connectivity import Connectivity, connections, connections_line
from zoo.extend import Column

COLUMN = Connectivity(
    Column("connections", "links", "links from inputs and biases to units, shared or not", order=71, on_request=True),
    connections,
    connections_line,
)
