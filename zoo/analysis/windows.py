"""What the columns of a window show: kernel, stride, padding and dilation of the op in a row that slides one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.analysis.rows import Group
from zoo.analysis.working import Place
from zoo.ops.book import rule_of
from zoo.ops.window import Axis
from zoo.ops.working import Line
from zoo.record.trace import Op, Trace
from zoo.tables.table import Column


@dataclass(frozen=True)
class OfWindow:
    """A column that shows something of the window of each row; nothing where no op, or more than one, has a window."""

    column: Column
    show: Callable[[Sequence[Axis]], Any]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """One cell a group, and no total."""
        found = [windows(group) for group in groups]
        return [None if axes is None else self.show(axes) for axes in found], None

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """It is not computed."""
        yield _as_given(cell)


@dataclass(frozen=True)
class OfOps:
    """A column that shows something of the ops of each row."""

    column: Column
    show: Callable[[Trace, Group], Any]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """One cell a group, and no total."""
        return [self.show(trace, group) for group in groups], None

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """It is not computed."""
        yield _as_given(cell)


def _as_given(cell: Any) -> Line:
    return Line(
        "given", says="no op of this row has one" if cell is None else "read off the op and its tensors; nothing is computed"
    )


def windows(group: Group) -> Sequence[Axis] | None:
    """The window of the ops of a row that have one along the axes of what leaves the row, if these windows are alike."""
    axes = len(group.outputs[0].shape) - 2 if group.outputs else 0
    found = [one for op in group.ops if (rule := rule_of(op)).window and (one := rule.window(op)) and len(one) == axes]
    return found[0] if len(set(map(tuple, found))) == 1 else None


def weighted(ops: Sequence[Op]) -> Op | None:
    """The first of the ops that have a weight of more than one dimension, if these weights are alike."""
    found = [op for op in ops if (weight := op.input("weight")) is not None and len(weight.shape) > 1]
    shapes = {weight.shape for op in found if (weight := op.input("weight")) is not None}
    return found[0] if len(shapes) == 1 else None
