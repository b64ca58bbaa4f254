"""A bar on standard error for what takes its time; nothing where that is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar() -> Iterator[Callable[[int, int, str], None] | None]:
    """What is to be called with how much is done, how much there is, and what was done last."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    shown = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*shown, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task("")

        def update(done: int, total: int, name: str) -> None:
            drawn.update(task, completed=done, total=total, description=name)

        yield update
