"""A command for each study: its options are what the study declares."""

import contextlib
import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from zoo.util.errors import ZooError
from zoo_cli.arguments import parse_assignments
from zoo_cli.making import SETTINGS, command_of
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, NoCache, Output, completed_models

if TYPE_CHECKING:
    from zoo.extend.options import Option
    from zoo.extend.study import Study
    from zoo.tables.table import Table


class CompareCommand(TyperCommand):
    """`zoo compare`: where a study is named, the command of that study takes over."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the study's command, or of this one."""
        found = _named(args)
        if found is None:
            return super().make_context(info_name, args, parent, **extra)
        study, rest = found
        return _command(study).make_context(f"{info_name} {study.name}", rest, parent, **extra)


_WITH_A_FILE = ("-o", "--output")


def _named(args: list[str]) -> "tuple[Study, list[str]] | None":
    """The study that is named, and the other arguments."""
    from zoo.extend.study import studies

    words = [i for i, word in enumerate(args) if not word.startswith("-") and (i == 0 or args[i - 1] not in _WITH_A_FILE)]
    known = studies() if words else {}
    place = next((i for i in words if args[i] in known), None)
    return None if place is None else (known[args[place]], args[:place] + args[place + 1 :])


def _command(study: "Study") -> Any:
    """The command of one study."""
    settings = {**SETTINGS, "allow_extra_args": True}  # which the function refuses in our words
    return command_of(study.name, _function(study), help=_help(study), settings=settings)


def _help(study: "Study") -> str:
    said = inspect.getdoc(study.run) or ""
    return f"{study.question} {' '.join(said.partition(chr(10) + chr(10))[0].split())}".strip()


def _function(study: "Study") -> Callable[..., None]:
    """What the command of a study calls: a keyword for each of its options, and those of every table."""

    def run(context: typer.Context, set: list[str] | None, no_cache: bool, format: str | None, output: Any, **options: Any) -> None:
        if context.args:
            raise ZooError(f"{study.name} is a study; expected the name of one study only, or of two or more models")
        from zoo.tables import formats

        formats.load(format_for(format, output))
        said = {name: value for name, value in options.items() if value is not None and value is not False}
        with contextlib.redirect_stdout(sys.stderr):
            table = study(**(said | parse_assignments(set or ())))
        emit(table, format, output)
        _exit_if_failed(table)

    declared = {name: annotated(option) for name, option in study.options.items()}
    common = {"format": Format, "output": Output, "no_cache": NoCache}
    hints = {**declared, **common, "set": _SET if declared else _NO_SET, "context": typer.Context}
    flags = {"no_cache", *(name for name, option in study.options.items() if option.flag)}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False if name in flags else None, annotation=hint)
        for name, hint in hints.items()
    ]
    vars(run)["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _exit_if_failed(table: "Table") -> None:
    """Exit with 1 if a proof of the study failed."""
    from zoo.tables.notes import Failed

    if failures := [str(note) for note in table.notes if isinstance(note, Failed)]:
        typer.echo(f"zoo: {'; '.join(failures)}", err=True)
        raise typer.Exit(1)


_SET = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="An option of the study by name, as --set K=V for --K V.")
]
_NO_SET = Annotated[list[str] | None, typer.Option("--set", "-s", hidden=True)]


def annotated(option: "Option") -> Any:
    """The option as typer takes it; values are read by the study, which says what is wrong with them."""
    flags = [f"--{option.name.replace('_', '-')}", *(["-i"] if option.name == "input" else [])]
    default = "" if option.default in (None, False) else f"  [default: {option.default}]"
    help = f"{option.help[:1].upper()}{option.help[1:]}{'.' if option.help else ''}{default}"
    if option.flag:
        return Annotated[bool, typer.Option(*flags, help=help)]
    completion = completed_models if option.kind.metavar == "TARGET" else None
    return Annotated[str | None, typer.Option(*flags, metavar=option.kind.metavar, help=help, autocompletion=completion)]
