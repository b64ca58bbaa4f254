"""Least receptive field: the window that a unit sees along the path with the smallest field, such as the shortcuts of a ResNet."""

from functools import partial

from zoo.analysis.chain import least_chains
from zoo.extend import Column, Flow
from zoo.ops.axes import starts
from zoo.ops.least_field import least
from zoo.receptive.shown import cell
from zoo.receptive.spans import start

COLUMN = Flow(
    Column("rf_min", "pixels", "receptive field along the smallest path, gates aside", order=41, on_request=True),
    start,
    least,
    cell,
    least_chains,
    starts=partial(starts, start=start),
)
