"""`zoo stages`: list the stages of a network."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model

Finest = Annotated[
    bool, typer.Option("--finest", help="Of each reduction, the last maps before the head, in branches too (HRNet, EfficientNet).")
]


@takes_a_model()
def stages(target: Target, how: How, finest: Finest = False, format: Format = None, output: Output = None) -> None:
    """List the stages of a model. A stage is the last feature maps of one resolution."""
    from zoo.questions.stages import stages as staged
    from zoo.tables import formats

    formats.load(format_for(format, output))
    with contextlib.redirect_stdout(sys.stderr):
        found = staged(target, finest=finest, **how).to_table()
    emit(found, format, output)
