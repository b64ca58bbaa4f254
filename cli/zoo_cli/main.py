"""The command line: every file of `commands` is a command. torch is imported by those that build a model, and only once their
arguments have been read.
"""

import gc
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from zoo.errors import ZooError
from zoo.models import caching
from zoo.util.version import __version__
from zoo_cli import commands
from zoo_cli.output import lost, write

# click's base of all its errors, wherever typer keeps click: UsageError's own base
_CLICK_ERROR: Any = typer.BadParameter.__mro__[2]
_USER_ERROR = 2
_INTERRUPTED = 130

app = typer.Typer(
    help="Landmark CNN architectures, faithful to their papers, and an exact analyzer for any PyTorch model.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        write(f"zoo {__version__}\n", None)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """What may stand before a command."""


_COMMANDS = [info.name for info in pkgutil.iter_modules(commands.__path__)]
for _name in _COMMANDS:
    _module = importlib.import_module(f"{commands.__name__}.{_name}")
    app.command(_name, cls=getattr(_module, "COMMAND", None))(getattr(_module, _name, None) or getattr(_module, f"{_name}_"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 2 for a user's mistake with one line on stderr, 1 for what `--strict` or `verify` finds,
    130 for an interrupt.
    """
    gc.set_threshold(100_000, 20, 20)  # a command is over soon: looking for its garbage would only cost time
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    try:
        with caching.in_use():
            code = app(arguments or ["--help"], prog_name="zoo", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ZooError as error:
        return _refuse(str(error))
    except _CLICK_ERROR as error:
        context = getattr(error, "ctx", None)
        named = " ".join(["zoo", *(word for word in arguments[:1] if word in _COMMANDS)])
        command = context.command_path if context is not None else named
        return _refuse(f"{error.format_message()} ({command} --help shows what there is)")
    except OSError as error:
        return _refuse(str(lost(error)))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"", "zoo", "zoo_cli"}:
            raise
        return _refuse(f"this command requires {package}, which is not installed; pip install {package}")
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("zoo: interrupted", err=True)
        return _INTERRUPTED
    except SystemExit as stop:  # typer's own answer to a closed pipe
        if not isinstance(stop.__context__, OSError):
            raise
        return _refuse(str(lost(stop.__context__)))
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    typer.echo(f"zoo: {' '.join(message.split())}", err=True)
    return _USER_ERROR
