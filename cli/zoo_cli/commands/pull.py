"""`zoo pull`: write architectures as files."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from zoo.util.errors import ZooError
from zoo_cli.arguments import parse_options
from zoo_cli.output import write
from zoo_cli.parameters import completed_models


def pull(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Names of `zoo list`, in any usual spelling; with --check, files.",
            autocompletion=completed_models,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file (default NAME.py) or into this folder; - is standard output."
        ),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="K=V", help="Set an option of the network, such as num_classes=10 or shortcut=A."),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name the function, and the file, otherwise.")] = "",
    line_length: Annotated[
        int, typer.Option("--line-length", metavar="N", help="Break lines at this column, from 79 to 132.")
    ] = 88,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare pulled files with the catalogue: print what differs, and return 1 if the code does."),
    ] = False,
) -> None:
    """Write architectures as Python files. Each file depends only on torch."""
    if check:
        given = {"--output": output, "--set": set, "--name": name, "--force": force}
        _check(names, [option for option, value in given.items() if value])
        return
    from zoo.extend import card
    from zoo.transform.pull import pull as source_of
    from zoo.util.files import whole

    if name and len(names) > 1:
        raise ZooError("--name: expected one network to name, got " + ", ".join(names))
    found = dict.fromkeys(card(one).name for one in names)
    options = parse_options(set or ())
    sources = {one: source_of(one, builder=name, line_length=line_length, **options) for one in found}
    if output == "-":
        if len(sources) > 1:
            raise ZooError("--output -: expected one network for standard output, got " + ", ".join(sources))
        write(next(iter(sources.values())), None)
        return
    paths = {one: _path(output, name or one, several=len(sources) > 1) for one in sources}
    with ExitStack() as files:  # all of them, or none
        for one, source in sources.items():
            files.enter_context(whole(paths[one], force=force)).write_text(source, encoding="utf-8")
    for one, source in sources.items():
        typer.echo(f"{paths[one]}: {card(one).title}, {source.count(chr(10))} lines", err=True)


def _path(output: str | None, name: str, *, several: bool) -> Path:
    """Return the file of a network: in a folder, which is made if it ends with a slash or is for several networks."""
    if output is None:
        return Path(f"{name}.py")
    folder = Path(output)
    if not several and not output.endswith(("/", "\\")) and not folder.is_dir():
        return folder
    if several and folder.suffix == ".py" and not folder.is_dir():
        raise ZooError(f"--output: expected a folder for several networks, such as nets/, got {output}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"--output: cannot make the folder {output}: {error.strerror}") from error
    return folder / f"{name}.py"


def _check(files: list[str], others: list[str]) -> None:
    """Print the way from each file to the catalogue's present version, and return 1 if the code of one differs."""
    from zoo.transform.pulled import check_pulled

    if others:
        raise ZooError(f"--check compares files that exist; {', '.join(others)} does not apply")
    found = [check_pulled(file) for file in files]
    for one in found:
        sys.stdout.write("" if one.same else one.diff)
        typer.echo(str(one), err=True)
    if not all(one.same for one in found):
        raise typer.Exit(1)
