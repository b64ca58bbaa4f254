"""Make a command of a function: typer reads its annotations, and what a user types for a plain type is converted here.

typer converts with pydantic, whose import takes longer than most commands run.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

from zoo.util.errors import ZooError

SETTINGS: Mapping[str, Any] = {"help_option_names": ["-h", "--help"]}
_WHOLE = re.compile(r"-?[0-9]+")


def command_of(
    name: str,
    function: Callable[..., Any],
    *,
    cls: Any = None,
    help: str | None = None,
    settings: Mapping[str, Any] = SETTINGS,
) -> Any:
    """The command that calls `function`; its help is the docstring unless it is given."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, cls=cls, help=help, context_settings=dict(settings))(function)
    return plain(typer.main.get_command(app))


def plain(command: Any) -> Any:
    """The command, whose parameters convert texts, integers, paths and lists of these by themselves.

    typer converts all else, and says what is wrong.
    """
    every = command.get_params

    def get_params(context: Any) -> list[Any]:
        found: list[Any] = every(context)
        for parameter in found:
            if "process_value" not in vars(parameter):
                _convert_plainly(parameter)
        return found

    command.get_params = get_params
    return command


def _convert_plainly(parameter: Any) -> None:
    usual = parameter.process_value
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)

    def process(context: Any, value: Any) -> Any:
        try:
            found = _converted(kind, value, parameter.multiple or parameter.nargs == -1)
        except ValueError as error:
            if kind is int and isinstance(value, str):
                raise ZooError(f"{parameter.opts[0]}: expected an integer, got {value!r}") from error
            return usual(context, value)
        if parameter.required and parameter.value_is_missing(found):
            return None if context.resilient_parsing else usual(context, value)  # None while a line is being typed
        return found if parameter.callback is None else parameter.callback(context, parameter, found)

    parameter.process_value = process


def _converted(kind: Any, value: Any, several: bool) -> Any:
    """A value of a plain type. Raises `ValueError` for other types, and for texts that may be no such value."""
    if value is None:
        return () if several else None
    if get_origin(kind) is list and isinstance(value, list | tuple):
        (inner,) = get_args(kind)
        return [_converted(inner, one, several=False) for one in value]
    if kind in (bool, int, str) and type(value) is kind:
        return value
    if kind is int and isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(value)
