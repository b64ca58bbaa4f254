"""`zoo diff`: two models, layer by layer."""

import contextlib
import sys

from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model


@takes_a_model()
def diff(first: Target, second: Target, how: How, format: Format = None, output: Output = None) -> None:
    """Compare two models layer by layer. The rows show what the second model adds, removes and changes; options apply to both."""
    from zoo.questions.diff import diff as difference
    from zoo.tables import formats

    formats.load(format_for(format, output))
    with contextlib.redirect_stdout(sys.stderr):
        table = difference(first, second, **how)
    emit(table, format, output)
