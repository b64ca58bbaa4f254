"""What several commands take: models with their options and inputs, formats, files."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from zoo_cli.arguments import parse_inputs, parse_options


def completed_models(incomplete: str) -> list[str]:
    """Names of the catalogue that begin so."""
    from zoo.catalogue.entries import list_models

    return [name for name in list_models() if name.startswith(incomplete.lower())]


def compared(incomplete: str) -> list[str]:
    """Studies and models that begin so."""
    from zoo.studies._study import studies

    return [name for name in studies() if name.startswith(incomplete)] + completed_models(incomplete)


def families(incomplete: str) -> list[str]:
    """Families of the catalogue that begin so."""
    from zoo.catalogue.entries import architectures

    return sorted({entry.card.family for entry in architectures().values() if entry.card.family.startswith(incomplete)})


def completed_columns(incomplete: str) -> list[str]:
    """Columns that complete a list of them."""
    from zoo.analysis.choose import columns

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in columns() if name.startswith(last)]


def _formats(incomplete: str) -> list[str]:
    from zoo.tables import formats

    return [name for name in formats.names() if name.startswith(incomplete)]


def _card_formats(incomplete: str) -> list[str]:
    return [*_formats(incomplete), *(name for name in ("bibtex",) if name.startswith(incomplete))]


def _conventions(incomplete: str) -> list[str]:
    from zoo.analysis import conventions

    return [name for name in conventions.names() if name.startswith(incomplete)]


Model = Annotated[
    str, typer.Argument(metavar="NAME", help="A name of `zoo list`, in any usual spelling.", autocompletion=completed_models)
]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="A name of `zoo list`, torchvision:NAME, timm:NAME, package.module:attribute, path/to/file.py:attribute, or a graph: "
        "a file .onnx or .pt2.",
        autocompletion=completed_models,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", "-c", metavar="A,B", help="Columns, as those of summary.", autocompletion=completed_columns),
]
Format = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="NAME", help="text, json, csv, markdown, html or latex.", autocompletion=_formats),
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
        help="What macs and flops count: pure, or as fvcore, ptflops, thop, torch, torchinfo do.",
        autocompletion=_conventions,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to a file, whole or not at all; - is standard output.",
        callback=lambda path: None if path == Path("-") else path,
    ),
]


def _forget(wanted: bool) -> None:
    if wanted:
        from zoo.models import caching

        caching.do_without()


NoCache = Annotated[
    bool, typer.Option("--no-cache", callback=_forget, help="Neither read nor keep traces of earlier runs (see zoo cache).")
]

# The options of every command that takes a TARGET: one declaration, and one function that makes the keywords of zoo.trace of them

_Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]CxHxW[:TYPE]",
        help="Input without batch, such as 3x224x224 or ids=128:int64; repeat it for more. 10xNx64 places the batch, "
        "mask==5x5:bool has none, flag:=True is no tensor.",
    ),
]
_Batch = Annotated[int, typer.Option("--batch", "-b", min=1, metavar="N", help="Images in a batch.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="K=V", help="An option of the builder, such as num_classes=10 or kernel_size=3x1."),
]
Train = Annotated[bool, typer.Option("--train", help="Training mode, auxiliary heads included.")]
Real = Annotated[bool, typer.Option("--real", help="Run it once on real tensors, if it decides by their values.")]
_OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "input": (_Input, None),
    "batch": (_Batch, 1),
    "set": (Set, None),
    "train": (Train, False),
    "real": (Real, False),
    "no_cache": (NoCache, False),
}
How: TypeAlias = Mapping[str, Any]
"""The keywords of `zoo.trace` that say how a TARGET is built and run."""


def takes_a_model(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command, in the place of its argument `how`, the options of every command that takes a TARGET.

    `without` names those that make no sense there. The command gets what they say as one mapping, the keywords of `zoo.trace`.
    """
    options = {name: option for name, option in _OPTIONS.items() if name not in without}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(*args: Any, **given: Any) -> Any:
            said = {name: given.pop(name) for name in options}
            return command(*args, **given, how=_how(**said))

        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name == "how":
                parameters += [_parameter(name, *option) for name, option in options.items()]
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))  # defaults may then come first
        vars(wrapped)["__signature__"] = inspect.Signature(parameters)
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _how(
    input: list[str] | None = None, batch: int = 1, set: list[str] | None = None, no_cache: bool = False, **flags: bool
) -> dict[str, Any]:
    """The options as keywords of `zoo.trace`; what was not said is left out. `--no-cache` has done its work by now."""
    found: dict[str, Any] = {name: True for name, wanted in flags.items() if wanted}
    if input:
        found["input"] = parse_inputs(input, batch)
    elif batch != 1:
        found["batch"] = batch
    if set:
        found["options"] = parse_options(set)
    return found
