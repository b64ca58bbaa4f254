"""Units: the outputs of layers that have weights."""

from zoo.analysis.connectivity import Connectivity, units, units_line
from zoo.extend import Column

COLUMN = Connectivity(Column("units", "units", "outputs of layers with weights", order=70, on_request=True), units, units_line)
