"""The command line: every file of `commands` is a command. Commands that build a model import torch after parsing arguments."""

import gc
import importlib
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from zoo.questions import cache
from zoo.util.errors import ZooError, told
from zoo.util.version import __version__
from zoo_cli import commands
from zoo_cli.making import SETTINGS, command_of, plain
from zoo_cli.output import lost, write

# the base class of click's errors, independent of where typer keeps click
_CLICK_ERROR: Any = typer.BadParameter.__mro__[2]
_USER_ERROR = 2
_INTERRUPTED = 130

_COMMANDS = tuple(info.name for info in pkgutil.iter_modules(commands.__path__))


class Commands(TyperGroup):
    """The files of `commands`. The one that was asked for is imported; of the others, the source says what they do."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        names: Any = dict.fromkeys(_COMMANDS)
        self.commands = names  # are suggested for a misspelt one

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The name of a command and its help, as lists of commands show them; None if there is none of that name."""
        return TyperCommand(cmd_name, help=_docstring(cmd_name)) if cmd_name in _COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is to run, and its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, None if found is None or name is None else _imported(name), rest


def _docstring(name: str) -> str:
    """The docstring of a command's function, from its source."""
    text = Path(commands.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    found = re.search(rf'^def {name}_?\(.*?^    """(.*?)"""', text, re.MULTILINE | re.DOTALL)
    return inspect.cleandoc(found[1]) if found is not None else ""


def _imported(name: str) -> Any:
    module = importlib.import_module(f"{commands.__name__}.{name}")
    function = getattr(module, name, None) or getattr(module, f"{name}_")
    return command_of(name, function, cls=getattr(module, "COMMAND", None))


app = typer.Typer(
    cls=Commands,
    help="Analyse any PyTorch model exactly, and browse a catalogue of landmark CNN architectures.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=dict(SETTINGS),
)


def _version(wanted: bool) -> None:
    if wanted:
        write(f"zoo {__version__}\n", None)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 for success, 1 for a finding of `--strict` or `verify`, 2 for a user's mistake (with one
    line on stderr), 130 for an interrupt.
    """
    gc.set_threshold(100_000, 20, 20)  # a command ends soon, so frequent collections only cost time
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        with cache.in_use():
            code = plain(typer.main.get_command(app))(arguments or ["--help"], prog_name="zoo", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ZooError as error:
        return _refuse(str(error))
    except _CLICK_ERROR as error:
        context = getattr(error, "ctx", None)
        named = " ".join(["zoo", *(word for word in arguments[:1] if word in _COMMANDS)])
        command = context.command_path if context is not None else named
        return _refuse(f"{error.format_message().rstrip('.')} (see {command} --help)")
    except OSError as error:
        if error.filename is not None:
            return _refuse(f"{error.filename}: {error.strerror or told(error)}")
        return _refuse(str(lost(error)))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"", "zoo", "zoo_cli"}:
            raise
        return _refuse(f"this command requires {package}, which is not installed; pip install {package}")
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("zoo: interrupted", err=True)
        return _INTERRUPTED
    except SystemExit as stop:  # typer raises it for a closed pipe
        if not isinstance(stop.__context__, OSError):
            raise
        return _refuse(str(lost(stop.__context__)))
    except (Exception, GeneratorExit) as error:
        if os.environ.get("ZOO_TRACEBACK"):
            raise
        return _refuse(f"unexpected {told(error)} (ZOO_TRACEBACK=1 shows where)")
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    typer.echo(f"zoo: {' '.join(message.split())}", err=True)
    return _USER_ERROR
