"""`zoo cache`: what earlier answers are kept."""

from typing import Annotated

import typer

from zoo.errors import ZooError
from zoo_cli.output import write

_ACTIONS = ("show", "clear")


def cache(
    action: Annotated[
        str, typer.Argument(metavar="[show|clear]", help="What to do.", autocompletion=lambda incomplete: list(_ACTIONS))
    ] = "show",
) -> None:
    """Show where traces are kept for the next time, and how many; or remove them."""
    from zoo.models import caching

    if action not in _ACTIONS:
        raise ZooError(f"cache {action}: choose from {', '.join(_ACTIONS)}")
    found = caching.clear() if action == "clear" else caching.state()
    said = "removed " if action == "clear" else ""
    traces = "1 trace" if found.entries == 1 else f"{found.entries:,} traces"
    write(f"{said}{traces}, {found.bytes:,} bytes, in {found.folder}\n", None)
