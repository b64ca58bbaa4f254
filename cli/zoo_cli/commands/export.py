"""`zoo export`: write a network to a file for other programs."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo_cli.arguments import at_least
from zoo_cli.parameters import How, Target, takes_a_model


def _kinds(incomplete: str) -> list[str]:
    return [name for name in ("onnx", "torch-export", "state-dict") if name.startswith(incomplete)]


@takes_a_model(without=("batch", "train", "real", "no_cache"))
def export(
    target: Target,
    how: How,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Write to this file, atomically.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="Export format: onnx, torch-export or state-dict; inferred from the suffix by default.",
            autocompletion=_kinds,
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", "-b", callback=at_least(1), metavar="N", help="Fix the batch size; dynamic by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", callback=at_least(0), metavar="N", help="Seed of the initial weights.")] = 0,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="W", help="Load these weights: torchvision:NAME or a file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Export a network to a file. Writes ONNX, torch's exported program (.pt2), or a state dict (.pt, .safetensors), in evaluation
    mode.
    """
    from zoo.transform.export import export as write
    from zoo.transform.export import format_of

    with contextlib.redirect_stdout(sys.stderr):  # output of a user's module
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
    drawn = weights if weights is not None else f"initial, seed {seed}"
    taken = "" if format_of(to, output) == "state-dict" else f", batch {'dynamic' if batch is None else batch}"
    typer.echo(f"{output}: {target}{taken}, weights: {drawn}", err=True)
