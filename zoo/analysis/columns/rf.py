"""Receptive field: the window of input pixels that one unit sees, through branches, joins and layout changes."""

from functools import partial

from zoo.analysis.chain import chains
from zoo.extend import Column, Flow
from zoo.ops.axes import starts
from zoo.ops.receptive_field import rule
from zoo.receptive.shown import cell
from zoo.receptive.spans import start

COLUMN = Flow(
    Column("rf", "pixels", "receptive field of one unit: size, stride and effective padding by axis", order=40, hide_order=2),
    start,
    rule,
    cell,
    chains,
    partial(starts, start=start),
)
