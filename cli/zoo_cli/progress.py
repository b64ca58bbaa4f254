"""Show a progress bar on standard error, if it is a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar() -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a function of the amount done, the total amount, and the name of the last item."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    shown = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*shown, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task("", total=None)  # not known before the first call

        def update(done: int, total: int, name: str) -> None:
            drawn.update(task, completed=done, total=total, description=name)

        yield update
