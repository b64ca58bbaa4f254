"""The commands. torch is imported by those that build a model, and only once their arguments have been read."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo import __version__, formats
from zoo.catalogue import list_models
from zoo.errors import ZooError
from zoo_cli.arguments import parse_columns, parse_options, parse_shape, parse_sizes
from zoo_cli.output import format_for, lost, write

# click's base of all its errors, wherever typer keeps click: UsageError's own base
_CLICK_ERROR: Any = typer.BadParameter.__mro__[2]
USER_ERROR, UNKNOWN_OPS, DIFFERS = 2, 1, 1

app = typer.Typer(
    help="Landmark CNN architectures, faithful to their papers, and an exact analyzer for any PyTorch model.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _models(incomplete: str) -> list[str]:
    return [name for name in list_models() if name.startswith(incomplete.lower())]


def _formats(incomplete: str) -> list[str]:
    return [name for name in formats.names() if name.startswith(incomplete)]


Model = Annotated[str, typer.Argument(metavar="NAME", help="A name of `zoo list`, in any usual spelling.", autocompletion=_models)]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="A name of `zoo list`, torchvision:NAME, timm:NAME, package.module:attribute or path/to/file.py:attribute.",
        autocompletion=_models,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help="text, json, csv, markdown or html.", autocompletion=_formats),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")]


def _version(wanted: bool) -> None:
    if wanted:
        write(f"zoo {__version__}\n", None)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """What may stand before a command."""


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="Part of a name, or wildcards: 'vgg*'.")] = "*",
    family: Annotated[str | None, typer.Option("--family", metavar="F", help="Of one family only.")] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """List the architectures: year, parameters, MACs, depth."""
    from zoo.listing import listing

    _emit(listing(pattern, family=family), format, output)


@app.command()
def info(name: Model, format: Format = None, output: Output = None) -> None:
    """Show the card of one: paper, printed numbers beside computed ones, deviations, errata."""
    from zoo.listing import info as card_table

    _emit(card_table(name), format, output)


@app.command()
def summary(
    target: Target,
    input: Annotated[
        list[str] | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch; repeat it for more inputs.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", "-b", min=1, metavar="N", help="Images in a batch.")] = 1,
    depth: Annotated[
        int | None,
        typer.Option("--depth", "-d", min=0, metavar="N", help="Fold rows below N levels of modules; 0 is the whole."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", "-c", metavar="A,B", help="Columns, in this order; also trainable, frozen, buffers."),
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="An option of the builder, such as num_classes=10.")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Training mode, auxiliary heads included.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if the cost of any op is unknown.")] = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model layer by layer: shapes, parameters, MACs, FLOPs, receptive fields, activations, depth."""
    shapes = [(batch, *parse_shape(text)) for text in input or ()]
    chosen, built = parse_columns(columns or ()), parse_options(set or ())
    wanted = format_for(format, output)
    formats.load(wanted)
    from zoo.summarize import summary as analyse

    with contextlib.redirect_stdout(sys.stderr):  # what a user's module prints
        table = analyse(
            target,
            input=shapes[0] if len(shapes) == 1 else shapes or None,
            batch=batch,
            depth="auto" if depth is None and wanted == "text" else depth,
            columns=chosen,
            train=train,
            options=built,
        )
    _emit(table, wanted, output)
    partial = [note for note in table.notes if note.startswith("≥")]
    if strict and partial:
        typer.echo(f"zoo: --strict: {'; '.join(partial)}", err=True)
        raise typer.Exit(UNKNOWN_OPS)


@app.command()
def compare(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY | TARGET TARGET...]", help="A comparison by name, or models; none lists the comparisons."),
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
    from zoo.comparing import compare as compared

    with contextlib.redirect_stdout(sys.stderr):
        table = compared(*(what or ()), **chosen)
    _emit(table, format, output)


@app.command()
def diff(
    first: Target,
    second: Target,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch, for both.")] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show layer by layer what the second model adds, removes and changes."""
    shape = (1, *parse_shape(input)) if input is not None else None
    formats.load(format_for(format, output))
    from zoo.comparing import diff as difference

    with contextlib.redirect_stdout(sys.stderr):
        table = difference(first, second, input=shape)
    _emit(table, format, output)


@app.command()
def verify(
    target: Target,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch.")] = None,
    rf: Annotated[
        bool, typer.Option("--rf", help="Prove the receptive fields by experiment: poison pixels, see which units notice.")
    ] = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Check our numbers against independent ones; exit with 1 on a difference that is not explained."""
    shape = (1, *parse_shape(input)) if input is not None else None
    formats.load(format_for(format, output))
    from zoo.verifying import differences
    from zoo.verifying import verify as verified

    with contextlib.redirect_stdout(sys.stderr):
        table = verified(target, input=shape, rf=rf)
    _emit(table, format, output)
    if found := differences(table):
        typer.echo(f"zoo: {'; '.join(found)}", err=True)
        raise typer.Exit(DIFFERS)


_COMMANDS = {str(known.name or getattr(known.callback, "__name__", "")) for known in app.registered_commands}


def _emit(table: Any, format: str | None, output: Path | None) -> None:
    write(formats.load(format_for(format, output))(table, None), output)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 2 for a user's mistake with one line on stderr, 1 for what `--strict` or `verify` finds."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    try:
        code = app(arguments or ["--help"], prog_name="zoo", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ZooError as error:
        return _refuse(str(error))
    except _CLICK_ERROR as error:
        command = " ".join(word for word in arguments[:1] if word in _COMMANDS)
        return _refuse(f"{error.format_message()} ({' '.join(['zoo', command]).strip()} --help shows what there is)")
    except OSError as error:
        return _refuse(str(lost(error)))
    except SystemExit as stop:  # typer's own answer to a closed pipe
        if not isinstance(stop.__context__, OSError):
            raise
        return _refuse(str(lost(stop.__context__)))
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    typer.echo(f"zoo: {' '.join(message.split())}", err=True)
    return USER_ERROR
