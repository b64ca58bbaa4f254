"""`zoo plot`: draw what networks cost, and how their receptive fields grow."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo.questions.grid import expand
from zoo.util.errors import ZooError
from zoo_cli.arguments import parse_sizes
from zoo_cli.parameters import Format, How, Output, completed_models, takes_a_model
from zoo_cli.pictures import emit_picture, ready_to_draw


def completed_kinds(incomplete: str) -> list[str]:
    """Return kinds of plots with this prefix."""
    from zoo.questions.plot import plots

    return [name for name in plots() if name.startswith(incomplete)]


@takes_a_model()
def plot(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="growth (receptive field by depth), cost (by layer), memory (over time), tradeoff (accuracy and cost), years, "
            "roofline (of a device), or sweep (cost by input size).",
            autocompletion=completed_kinds,
        ),
    ],
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...", help="Models that are drawn together, as for zoo summary.", autocompletion=completed_models
        ),
    ],
    how: How,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="NAME",
            help="Device of a roofline: t4, v100, a100 (default), h100, or FLOPS:BYTES per second, such as 19.5e12:1555e9.",
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", metavar="GRID", help="Sides of the inputs of a sweep, such as {64..512..64}."),
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Draw networks: to a .png, .pdf or .svg file with -o; otherwise the data of the picture as a table."""
    ready_to_draw(format, output)
    from zoo.questions.plot import plot as plotted

    options: dict[str, Any] = {}
    for name, given, of in (("device", device, "roofline"), ("sizes", sizes, "sweep")):
        if given is not None and kind != of:
            raise ZooError(f"--{name} applies to zoo plot {of} only")
    if device is not None:
        options["device"] = device
    if sizes is not None:
        options["sides"] = _sides(sizes)
    with contextlib.redirect_stdout(sys.stderr):
        found = plotted(kind, *targets, **options, **how)
    emit_picture(found, format, output)


def _sides(text: str) -> list[int]:
    return [side for word in expand(text) for side in parse_sizes("--sizes", word, "sides of the input, such as {64..512..64}")]
