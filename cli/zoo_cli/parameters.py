"""Arguments that several commands share: models with their options and inputs, formats, files."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from zoo.questions import names
from zoo_cli.arguments import at_least, parse_inputs, parse_options


def completed_models(incomplete: str) -> list[str]:
    """Names of the catalogue that begin so."""
    return [name for name in names.models() if name.startswith(incomplete.lower())]


def compared(incomplete: str) -> list[str]:
    """Return studies and models with this prefix."""
    return [name for name in names.studies() if name.startswith(incomplete)] + completed_models(incomplete)


def families(incomplete: str) -> list[str]:
    """Return families of the catalogue with this prefix."""
    return [name for name in names.families() if name.startswith(incomplete)]


def completed_columns(incomplete: str) -> list[str]:
    """Return completions of a list of columns."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names.columns() if name.startswith(last)]


def _formats(incomplete: str) -> list[str]:
    from zoo.tables import formats

    return [name for name in formats.names() if name.startswith(incomplete)]


def _card_formats(incomplete: str) -> list[str]:
    return [*_formats(incomplete), *(name for name in ("bibtex",) if name.startswith(incomplete))]


def _conventions(incomplete: str) -> list[str]:
    return [name for name in names.conventions() if name.startswith(incomplete)]


Model = Annotated[
    str, typer.Argument(metavar="NAME", help="A name of `zoo list`, in any usual spelling.", autocompletion=completed_models)
]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="A name of `zoo list`, torchvision:NAME, timm:NAME, package.module:attribute, path/to/file.py:attribute, or a file "
        ".onnx, .pt2 or .prototxt.",
        autocompletion=completed_models,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", "-c", metavar="A,B", help="Show these columns of zoo summary, in this order.", autocompletion=completed_columns
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", "-f", metavar="NAME", help="Output format: text, json, csv, markdown, html or latex.", autocompletion=_formats
    ),
]
CardFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="text, json, csv, markdown, html or latex; or bibtex, which cites the paper.",
        autocompletion=_card_formats,
    ),
]
Convention = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        help="Count MACs and FLOPs as this tool does: pure (default), fvcore, ptflops, thop, torch or torchinfo.",
        autocompletion=_conventions,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to a file, atomically; - is standard output.",
        callback=lambda path: None if path == Path("-") else path,
    ),
]


Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


def _forget(wanted: bool) -> None:
    if wanted:
        from zoo.questions import cache

        cache.do_without()


NoCache = Annotated[
    bool,
    typer.Option("--no-cache", callback=_forget, help="Use neither the cache (see zoo cache) nor the traces that come with zoo."),
]

# The options of every command that takes a TARGET are declared once; one function turns them into keywords of zoo.trace

_Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]CxHxW[:TYPE]",
        help="Input size without batch, such as 3x224x224 or ids=128:int64; repeat for more inputs. In 10xNx64, N is the batch; "
        "mask==5x5:bool has no batch; flag:=True is not a tensor.",
    ),
]
_Batch = Annotated[int, typer.Option("--batch", "-b", callback=at_least(1), metavar="N", help="Batch size.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="K=V", help="Set an option of the builder, such as num_classes=10 or kernel_size=3x1."),
]
Train = Annotated[bool, typer.Option("--train", help="Analyse in training mode, with auxiliary heads.")]
Units = Annotated[
    bool, typer.Option("--units", help="Show counts as 15.5 G and bytes as 97.5 MiB; machine formats keep all digits.")
]
Real = Annotated[bool, typer.Option("--real", help="Run the model once on real tensors, if its control flow depends on values.")]
_OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "input": (_Input, None),
    "batch": (_Batch, 1),
    "set": (Set, None),
    "train": (Train, False),
    "real": (Real, False),
    "no_cache": (NoCache, False),
}


def _limit(name: str, help: str) -> tuple[Any, Any]:
    return Annotated[str | None, typer.Option(name, metavar="N", help=f"Exit with 1 if {help}.")], None


_LIMITS: Mapping[str, tuple[Any, Any]] = {
    "max_params": _limit("--max-params", "there are more, such as 25M"),
    "max_macs": _limit("--max-macs", "there are more, such as 5G"),
    "max_flops": _limit("--max-flops", "there are more, such as 10G"),
    "max_memory": _limit("--max-memory", "weights and activations take more bytes, such as 2GiB"),
    "min_rf": _limit("--min-rf", "the last feature maps have a smaller receptive field, in pixels"),
}
Limits: TypeAlias = Mapping[str, int]
"""The limits that were given, by the keywords of `zoo.check_budget`."""
How: TypeAlias = Mapping[str, Any]
"""The keywords of `zoo.trace` that determine how a TARGET is built and run."""


def takes_a_model(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace the argument `how` of a command by the options that all commands with a TARGET share.

    `without` names options that do not apply to the command. The command receives the options as one mapping, the keywords of
    `zoo.trace`. An argument `limits` is replaced by the options of a budget in the same way.
    """
    options = {name: option for name, option in _OPTIONS.items() if name not in without}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(*args: Any, **given: Any) -> Any:
            said = {name: given.pop(name) for name in options}
            if "limits" in taken:
                given["limits"] = _limits({name: given.pop(name) for name in _LIMITS})
            return command(*args, **given, how=_how(**said))

        parameters: list[inspect.Parameter] = []
        groups = {"how": options, "limits": _LIMITS}
        taken = inspect.signature(command).parameters
        for parameter in taken.values():
            if parameter.name in groups:
                parameters += [_parameter(name, *option) for name, option in groups[parameter.name].items()]
            else:
                parameters.append(
                    parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
                )  # so that arguments with defaults may come first
        vars(wrapped)["__signature__"] = inspect.Signature(parameters)
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate


def _limits(texts: Mapping[str, str | None]) -> dict[str, int]:
    """The limits that were given, as numbers. Raises `ZooError` that names the option."""
    from zoo.util.quantities import quantity

    return {name: quantity(text, f"--{name.replace('_', '-')}") for name, text in texts.items() if text is not None}


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _how(
    input: list[str] | None = None, batch: int = 1, set: list[str] | None = None, no_cache: bool = False, **flags: bool
) -> dict[str, Any]:
    """Return the given options as keywords of `zoo.trace`; others are left out. `--no-cache` already took effect when it was
    parsed.
    """
    found: dict[str, Any] = {name: True for name, wanted in flags.items() if wanted}
    if input:
        found["input"] = parse_inputs(input, batch)
    elif batch != 1:
        found["batch"] = batch
    if set:
        found["options"] = parse_options(set)
    return found
