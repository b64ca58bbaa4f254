"""What several commands take: models, formats, files."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.analysis import conventions
from zoo.catalogue.entries import architectures, list_models
from zoo.models import caching
from zoo.tables import formats


def _models(incomplete: str) -> list[str]:
    return [name for name in list_models() if name.startswith(incomplete.lower())]


def compared(incomplete: str) -> list[str]:
    """Comparisons and models that begin so."""
    from zoo.studies._study import studies

    return [name for name in studies() if name.startswith(incomplete)] + _models(incomplete)


def families(incomplete: str) -> list[str]:
    """Families of the catalogue that begin so."""
    return sorted({entry.card.family for entry in architectures().values() if entry.card.family.startswith(incomplete)})


def completed_columns(incomplete: str) -> list[str]:
    """Columns that complete a list of them."""
    from zoo.analysis.choose import columns

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in columns() if name.startswith(last)]


def _formats(incomplete: str) -> list[str]:
    return [name for name in formats.names() if name.startswith(incomplete)]


def _card_formats(incomplete: str) -> list[str]:
    return [name for name in (*formats.names(), "bibtex") if name.startswith(incomplete)]


def _conventions(incomplete: str) -> list[str]:
    return [name for name in conventions.names() if name.startswith(incomplete)]


Model = Annotated[str, typer.Argument(metavar="NAME", help="A name of `zoo list`, in any usual spelling.", autocompletion=_models)]
Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="A name of `zoo list`, torchvision:NAME, timm:NAME, package.module:attribute, path/to/file.py:attribute, or a graph: "
        "a file .onnx or .pt2.",
        autocompletion=_models,
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
        caching.do_without()


NoCache = Annotated[
    bool, typer.Option("--no-cache", callback=_forget, help="Neither read nor keep traces of earlier runs (see zoo cache).")
]
