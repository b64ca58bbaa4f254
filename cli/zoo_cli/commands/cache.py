"""`zoo cache`: the cache of traces."""

from typing import Annotated

import typer

from zoo.util.errors import ZooError
from zoo_cli.output import write

_ACTIONS = ("show", "clear")


def cache(
    action: Annotated[
        str,
        typer.Argument(
            metavar="[show|clear]", help="Show the cache, or clear it.", autocompletion=lambda incomplete: list(_ACTIONS)
        ),
    ] = "show",
) -> None:
    """Show or clear the cache of traces."""
    from zoo.questions import cache as kept

    if action not in _ACTIONS:
        raise ZooError(f"cache: expected {' or '.join(_ACTIONS)}, got {action}")
    found = kept.clear() if action == "clear" else kept.state()
    said = "removed " if action == "clear" else ""
    traces = "1 trace" if found.entries == 1 else f"{found.entries:,} traces"
    write(f"{said}{traces}, {found.bytes:,} bytes, in {found.folder}\n", None)
