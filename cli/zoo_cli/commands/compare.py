"""`zoo compare`: a study, or models against each other."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo.tables import formats
from zoo_cli.arguments import parse_options, parse_shape, parse_sizes
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, NoCache, Output, compared


def compare(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY | TARGET TARGET...]",
            help="A comparison by name, or models; none lists the comparisons.",
            autocompletion=compared,
        ),
    ] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="TARGET", help="Study this network instead.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Prove it: compute, and measure.")] = False,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch.")] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="An option of the study: kernel=5x5, stride=2.")
    ] = None,
    kernel: Annotated[str | None, typer.Option("--kernel", metavar="HxW", help="Kernel of the study.")] = None,
    stride: Annotated[int | None, typer.Option("--stride", min=1, help="Stride of the study.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", min=1, help="Output channels of the study.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Models in training mode.")] = False,
    no_cache: NoCache = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Compare: a study (fully connected heads with global average pooling, ...), or any models with each other."""
    given = {"on": on, "kernel": kernel and parse_sizes("--kernel", kernel), "stride": stride, "channels": channels}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None} | parse_options(set or ())
    if input is not None:
        chosen["input"] = parse_shape(input) if len(what or ()) == 1 else (1, *parse_shape(input))
    chosen |= {name: True for name, wanted in (("run", run), ("train", train)) if wanted}
    formats.load(format_for(format, output))
    from zoo.questions.compare import compare as compared

    with contextlib.redirect_stdout(sys.stderr):
        table = compared(*(what or ()), **chosen)
    emit(table, format, output)
