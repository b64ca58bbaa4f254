"""The stages of a TARGET: its resolutions, with what each hands on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.analysis.stages import Stage, find_stages
from zoo.models.running import run
from zoo.tables.table import Column, Row, Table
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn


@undisturbed
def stages(
    target: "str | nn.Module", input: Sequence[int] | None = None, *, options: Mapping[str, Any] | None = None
) -> tuple[Stage, ...]:
    """The stages of a TARGET, stage1 first, computed from shapes alone.

    `input` is a shape with batch, by default that of the target. Raises `ZooError` if there are none.
    """
    return find_stages(run(target, input=input, options=options).trace)


def table(target: "str | nn.Module", input: Sequence[int] | None = None, *, options: Mapping[str, Any] | None = None) -> Table:
    """The stages of a TARGET as a table: a row for each. Arguments and errors are those of `stages`."""
    found = run(target, input=input, options=options)
    columns = (
        Column("layer", "module", "the module that hands the maps on", priority=0),
        Column("channels", "maps", "feature maps", priority=0),
        Column("size", "elements per axis", "of one map", priority=1),
        Column("stride", "pixels", "of the input between two units", priority=0),
        Column("rf", "pixels", "receptive field of one unit: size, stride and effective padding by axis", priority=2),
    )
    rows = tuple(
        Row(s.name, "stage", {"layer": s.layer, "channels": s.channels, "size": list(s.size), "stride": s.stride, "rf": dict(s.rf)})
        for s in find_stages(found.trace)
    )
    inputs = [list(value.shape) for value in found.trace.inputs]
    context = {"target": found.name, "inputs": inputs, "mode": found.trace.mode, "versions": dict(found.trace.versions)}
    sizes = ", ".join("×".join(map(str, shape)) for shape in inputs)
    return Table(f"stages of {found.name} · input {sizes}", context, columns, rows, notes=found.notes)
