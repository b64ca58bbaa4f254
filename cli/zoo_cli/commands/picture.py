"""`zoo picture`: the drawings of lectures; where one is named, the command of that drawing takes over."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from zoo.util.errors import ZooError
from zoo_cli.making import command_of
from zoo_cli.output import emit
from zoo_cli.parameters import Format, Output
from zoo_cli.pictures import emit_picture, is_picture, ready_to_draw
from zoo_cli.studies import annotated


def completed_drawings(incomplete: str) -> list[str]:
    """Return drawings with this prefix."""
    from zoo.questions.picture import drawings

    return [name for name in drawings() if name.startswith(incomplete)]


class PictureCommand(TyperCommand):
    """`zoo picture`: its first argument names the drawing, whose own command reads the options."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the drawing's command, or of this one."""
        from zoo.questions.picture import drawings

        if not args or args[0] not in drawings():
            return super().make_context(info_name, args, parent, **extra)
        return _command(args[0]).make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)


def picture(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A drawing; by default, list the drawings. zoo picture NAME --help lists its options.",
            autocompletion=completed_drawings,
        ),
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Draw what lectures draw, with computed numbers: to a .png, .pdf or .svg file with -o; otherwise the numbers as a table."""
    from zoo.questions.picture import drawings_table
    from zoo.questions.picture import picture as drawn

    if name is not None:
        drawn(name)  # which says that it is unknown
    if is_picture(format, output):
        raise ZooError(f"{output}: name the drawing, as in zoo picture kernel -o {output}")
    ready_to_draw(format, output)
    emit(drawings_table(), format, output)


COMMAND = PictureCommand


def _command(name: str) -> Any:
    """The command of one drawing."""
    from zoo.questions.picture import drawings

    said = inspect.getdoc(drawings()[name].draw) or ""
    return command_of(name, _function(name), help=" ".join(said.partition("\n\n")[0].split()))


def _function(name: str) -> Callable[..., None]:
    """What the command of a drawing calls: a keyword for each of its options."""
    from zoo.questions.picture import drawings, options
    from zoo.questions.picture import picture as drawn

    def run(format: str | None, output: Any, **given: Any) -> None:
        ready_to_draw(format, output)
        emit_picture(drawn(name, **{key: value for key, value in given.items() if value is not None}), format, output)

    hints = {**{key: annotated(option) for key, option in options(drawings()[name]).items()}, "format": Format, "output": Output}
    parameters = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint) for key, hint in hints.items()
    ]
    vars(run)["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
