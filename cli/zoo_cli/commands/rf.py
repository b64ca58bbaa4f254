"""`zoo rf`: show the receptive field of one unit."""

import contextlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.util.errors import ZooError
from zoo_cli.output import emit
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model
from zoo_cli.pictures import emit_picture, is_picture, ready_to_draw

if TYPE_CHECKING:
    from zoo.extend import Picture


@takes_a_model()
def rf(
    target: Target,
    how: How,
    layer: Annotated[str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary; all layers by default.")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", "-u", metavar="Y,X", help="The unit, counted from 0,0; the middle one by default.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option("--layers", metavar="A,B", help="With -o, draw the cone of units of these layers that the unit sees."),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Draw on this image, or run the network on it."),
    ] = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="Run the network: how much the unit depends on each pixel, by gradients.")
    ] = False,
    maps: Annotated[bool, typer.Option("--maps", help="Run the network: feature maps of LAYER for --image.")] = False,
    filters: Annotated[bool, typer.Option("--filters", help="Filters of LAYER; by default, of the first convolution.")] = False,
    saliency: Annotated[
        bool, typer.Option("--saliency", help="Run the network: how much a class score depends on each pixel of --image.")
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="W", help="Run it with these weights: torchvision:NAME or a file; default: initial."),
    ] = None,
    inputs: Annotated[int, typer.Option("--inputs", min=1, metavar="N", help="Random inputs of --effective.")] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of initial weights and random inputs.")] = 0,
    label: Annotated[
        int | None,
        typer.Option("--class", min=0, metavar="N", help="Class of --saliency; by default, that with the highest score."),
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show which input pixels a unit sees. Also shows how far its window extends beyond the border.

    With -o FILE.png, .pdf or .svg, draw the window.
    """
    place = None if unit is None else _unit(unit)
    chosen = [
        name for name, wanted in (("effective", effective), ("maps", maps), ("filters", filters), ("saliency", saliency)) if wanted
    ]
    names = [name.strip() for name in (layers or "").split(",") if name.strip()]
    if len(chosen) + bool(names) > 1:
        raise ZooError("--layers, --effective, --maps, --filters and --saliency are separate pictures; choose one")
    if weights is not None and not chosen:
        raise ZooError("--weights requires --effective, --maps, --filters or --saliency, which run the network")
    if saliency and layer is not None:
        raise ZooError(f"--saliency is that of a class score, not of a layer: leave out {layer}")
    deepest = layer or (names[-1] if names else None)
    needs = place is not None or effective or maps or (is_picture(format, output) and not filters and not saliency)
    if deepest is None and needs:
        what = next((f"--{name}" for name in chosen), "--unit" if place is not None else f"a picture ({output})")
        raise ZooError(f"{what} requires LAYER, as in zoo rf alexnet pool5 --unit 0,0")
    ready_to_draw(format, output)
    asked = {"weights": weights, "seed": seed, **how}
    with contextlib.redirect_stdout(sys.stderr):
        if chosen:
            found = _inside(chosen[0], target, deepest, place, image, inputs, label, asked)
            emit_picture(found, format, output)
        else:
            _seen(target, deepest, place, names, image, how, format, output)


def _inside(
    kind: str,
    target: str,
    layer: str | None,
    unit: tuple[int, ...] | None,
    image: Path | None,
    inputs: int,
    label: int | None,
    asked: Mapping[str, Any],
) -> "Picture":
    """A picture for which the network runs."""
    from zoo.questions import inside

    if kind == "effective":
        return inside.effective_picture(target, str(layer), unit, inputs=inputs, **asked)
    if kind == "maps":
        return inside.maps_picture(target, str(layer), image, **asked)
    if kind == "filters":
        return inside.filters_picture(target, layer, **asked)
    return inside.saliency_picture(target, image, label, **asked)


def _seen(
    target: str,
    layer: str | None,
    unit: tuple[int, ...] | None,
    layers: list[str],
    image: Path | None,
    how: Mapping[str, Any],
    format: str | None,
    output: Path | None,
) -> None:
    """Write a window or a cone: its picture, or its table."""
    from zoo.questions.rf import layers_table, unit_table
    from zoo.questions.seen import cone_picture, window_picture

    if layer is None:
        emit(layers_table(target, **how), format, output)
    elif layers:
        emit_picture(cone_picture(target, [*layers, layer], unit, image=image, **how), format, output)
    elif is_picture(format, output):
        emit_picture(window_picture(target, layer, unit, image=image, **how), format, output)
    else:
        emit(unit_table(target, layer, unit, **how), format, output)


def _unit(text: str) -> tuple[int, ...]:
    """0,3 -> (0, 3)."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ZooError(f"--unit: expected the index of a unit, such as 0,3 (row, column), got {text!r}")
    return tuple(map(int, text.split(",")))
