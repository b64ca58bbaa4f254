"""`zoo export`: a network as a file for other programs."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo_cli.parameters import How, Target, takes_a_model


def _kinds(incomplete: str) -> list[str]:
    return [name for name in ("onnx", "torch-export", "state-dict") if name.startswith(incomplete)]


@takes_a_model(without=("batch", "train", "real", "no_cache"))
def export(
    target: Target,
    how: How,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help="onnx, torch-export or state-dict; else by suffix.", autocompletion=_kinds),
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", "-b", min=1, metavar="N", help="Fix the batch; else it is free.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Draws the initial weights.")] = 0,
    weights: Annotated[str | None, typer.Option("--weights", metavar="W", help="Weights instead of initial ones.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Export a network, in evaluation mode: ONNX, torch's exported program (.pt2), state dict (.pt, .safetensors)."""
    from zoo.transform.export import export as write
    from zoo.transform.export import format_of

    with contextlib.redirect_stdout(sys.stderr):  # what a user's module prints
        write(
            target,
            output,
            to=to,
            batch=batch,
            seed=seed,
            weights=weights,
            force=force,
            **how,
        )
    drawn = weights if weights is not None else f"those that the constructor draws, seed {seed}"
    taken = "" if format_of(to, output) == "state-dict" else f", batch {'of any size' if batch is None else batch}"
    typer.echo(f"{output}: {target}{taken}, weights: {drawn}", err=True)
