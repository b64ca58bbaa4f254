"""List the stages of a TARGET."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.analysis.grids import FIRST
from zoo.analysis.stages import Stage, find_stages
from zoo.models.forward import forward
from zoo.models.running import Run
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_COLUMNS = (
    Column("layer", "module", "the module that hands the maps on", hide_order=0),
    Column("channels", "maps", "feature maps", hide_order=0),
    Column("size", "elements per axis", "of one map", hide_order=1),
    Column("stride", "pixels", "of the input between two units", hide_order=0),
    Column("rf", "pixels", "receptive field of one unit: size, stride and effective padding by axis", hide_order=2),
)


_LAYOUT = Column("layout", "text", "how the maps lie in the tensor", hide_order=1)
_RESHAPED = "layout: how the network computes the maps; zoo.features returns all of them as N×C×sizes"


class Stages(tuple[Stage, ...]):
    """The stages of one network, stage1 first: a tuple that shows as a table in a notebook."""

    run: Run

    def to_table(self) -> Table:
        """A row for each stage."""
        trace = self.run.trace
        rows = []
        for s in self:
            cells = {"layer": s.layer, "channels": s.channels, "size": list(s.size), "stride": s.stride, "rf": dict(s.rf)}
            rows.append(Row(s.name, "stage", {**cells, "layout": s.layout}))
        inputs = [list(value.shape) for value in trace.inputs]
        context = {"target": self.run.name, "inputs": inputs, "mode": trace.mode, "versions": dict(trace.versions)}
        title = f"stages of {self.run.name} · input {', '.join(map(sizes, inputs))}"
        if all(stage.layout == FIRST for stage in self):
            return Table(title, context, _COLUMNS, tuple(rows), notes=self.run.notes)
        return Table(title, context, (*_COLUMNS, _LAYOUT), tuple(rows), notes=(_RESHAPED, *self.run.notes))

    def _repr_html_(self) -> str:
        return self.to_table().render("html")


@undisturbed
def stages(
    target: "Traceable",
    input: Any = None,
    *,
    finest: bool = False,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Stages:
    """Return the stages of a network, the last feature maps of each resolution, computed from shapes only.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        finest: Of each reduction, take the last maps that a layer or a block makes which looks further than one unit: also in a
            branch (HRNet has one stage on the path, and five levels), and before a convolution to more channels with which the
            head begins (EfficientNet). By default the stages are on the path, the last of each resolution.
        input, inputs, batch, train, real, options: As in `zoo.trace`.

    Returns:
        A tuple of `Stage`s, stage1 first. A notebook shows it as a table, which `to_table` returns.

    Raises:
        ZooError: As `zoo.trace`, and if no module returns feature maps.

    Example:
        >>> [(stage.layer, stage.stride) for stage in zoo.stages("alexnet")]
        [('norm1', 4), ('norm2', 8), ('relu5', 16), ('pool5', 32)]
    """
    run = forward(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options)
    found = Stages(find_stages(run.trace, finest=finest))
    found.run = run
    return found
