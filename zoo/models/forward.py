"""Run one forward pass of a TARGET or a module, or use a given trace. Every question accepts these arguments."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from zoo.models.running import Run, run
from zoo.record.inputs import settled
from zoo.record.trace import Trace
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import nn

    Traceable: TypeAlias = str | nn.Module | Trace


@undisturbed
def forward(
    target: "Traceable",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Run:
    """The recorded forward of `target`, which is a trace already or is built and run. Arguments and errors are those of `trace`."""
    if not isinstance(target, Trace):
        shapes, ready = settled(input, inputs, batch)
        batch = batch if shapes is None else 1  # which the shapes hold already
        return run(target, input=shapes, inputs=ready, train=train, options=options, batch=batch, real=real)
    asked = {"input": input, "inputs": inputs, "train": train, "real": real, "options": options or None, "batch": batch != 1}
    for name, value in asked.items():
        if value is not None and value is not False:
            raise ZooError(f"{name} does not apply to a Trace; pass it to zoo.trace, which recorded this one of {target.target}")
    return Run(target.target, target, {})


def trace(
    target: "Traceable",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Trace:
    """Record one forward of a model without computing anything: activations have shapes and no values.

    Arguments:
        target: A catalogue name, another TARGET ("torchvision:NAME", "timm:NAME", "package.module:attribute",
            "file.py:attribute", a file .onnx, .pt2 or .prototxt), or an `nn.Module`, which does not change in any case. A `Trace`
            is returned as it is.
        input: A string as on the command line ("3x64x64", without batch), a shape with batch, a tensor in its place, an `Input`, or
            a list of these; by default the input that the model is made for.
        inputs: Actual values: one argument, a tuple of all, or a dict of keyword arguments. Only shapes and types are read.
        batch: The batch size if `input` is a string or left out.
        train: Use training mode, with auxiliary heads, instead of evaluation mode.
        real: Run a copy once on real tensors, for models whose control flow depends on values.
        options: Options of the builder of a named model.

    Returns:
        A `Trace`: frozen records of the ops that ran, independent of torch; `measure` turns it into a table.

    Raises:
        ZooError: For an unknown target or option, an input that the model refuses, and a forward pass that raises or needs values.

    Example:
        >>> found = zoo.trace("alexnet", input="3x227x227", batch=2)
        >>> found.outputs[0].shape
        (2, 1000)
    """
    return forward(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options).trace
