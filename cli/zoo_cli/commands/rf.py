"""`zoo rf`: show the receptive field of one unit."""

import contextlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.util.errors import ZooError
from zoo_cli.arguments import at_least
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model
from zoo_cli.pictures import emit_any, is_picture, ready_to_draw

if TYPE_CHECKING:
    from zoo.extend import Picture, Table


_Layer = Annotated[str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary; all layers by default.")]
_Unit = Annotated[
    str | None, typer.Option("--unit", "-u", metavar="Y,X", help="The unit, counted from 0,0; the middle one by default.")
]
_Layers = Annotated[str | None, typer.Option("--layers", metavar="A,B", help="Units of these layers that the unit sees: a cone.")]
_Image = Annotated[Path | None, typer.Option("--image", metavar="FILE", help="Draw on this image, or run the network on it.")]
_Effective = Annotated[
    bool, typer.Option("--effective", help="Run the network: how much the unit depends on each pixel, by gradients.")
]
_Maps = Annotated[bool, typer.Option("--maps", help="Run the network: feature maps of LAYER for --image.")]
_Filters = Annotated[bool, typer.Option("--filters", help="Filters of LAYER; by default, of the first convolution.")]
_Saliency = Annotated[
    bool, typer.Option("--saliency", help="Run the network: how much a class score depends on each pixel of --image.")
]
_Weights = Annotated[
    str | None,
    typer.Option("--weights", metavar="W", help="Run it with these weights: a file or torchvision:NAME; default: initial."),
]
_Inputs = Annotated[int, typer.Option("--inputs", callback=at_least(1), metavar="N", help="Random inputs of --effective.")]
_Seed = Annotated[int, typer.Option("--seed", callback=at_least(0), metavar="N", help="Seed of initial weights and random inputs.")]
_Class = Annotated[
    int | None,
    typer.Option(
        "--class", callback=at_least(0), metavar="N", help="Class of --saliency; by default, that with the highest score."
    ),
]


@takes_a_model()
def rf(
    target: Target,
    how: How,
    layer: _Layer = None,
    unit: _Unit = None,
    layers: _Layers = None,
    image: _Image = None,
    effective: _Effective = False,
    maps: _Maps = False,
    filters: _Filters = False,
    saliency: _Saliency = False,
    weights: _Weights = None,
    inputs: _Inputs = 4,
    seed: _Seed = 0,
    label: _Class = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show which input pixels a unit sees. Also shows how far its window extends beyond the border.

    With -o FILE.png, .pdf or .svg, draw the window.
    """
    place = None if unit is None else _unit(unit)
    names = [name.strip() for name in (layers or "").split(",") if name.strip()]
    kinds = {"effective": effective, "maps": maps, "filters": filters, "saliency": saliency}
    kind = _kind([name for name, wanted in kinds.items() if wanted], names, layer, weights)
    deepest = layer or (names[-1] if names else None)
    pictured = is_picture(format, output)
    if deepest is None and (place is not None or kind in {"effective", "maps"} or (pictured and kind == "window")):
        what = "--unit" if place is not None else "a picture of the window" if kind == "window" else f"--{kind}"
        raise ZooError(f"{what} requires LAYER, as in zoo rf alexnet pool5 --unit 0,0")
    ready_to_draw(format, output)
    asked = {"weights": weights, "seed": seed, **how}
    with contextlib.redirect_stdout(sys.stderr):  # output of a user's module
        if kind == "window":
            found = _window(target, deepest, place, names, image, how, pictured)
        else:
            found = _inside(kind, target, deepest, place, image, inputs, label, asked)
    emit_any(found, format, output)


def _kind(chosen: list[str], layers: list[str], layer: str | None, weights: str | None) -> str:
    """What is to be drawn. Raises `ZooError` for options that do not go together."""
    if len(chosen) + bool(layers) > 1:
        raise ZooError("--layers, --effective, --maps, --filters and --saliency are separate pictures; choose one")
    if weights is not None and not chosen:
        raise ZooError("--weights requires --effective, --maps, --filters or --saliency, which run the network")
    if chosen == ["saliency"] and layer is not None:
        raise ZooError(f"--saliency is that of a class score, not of a layer: leave out {layer}")
    return chosen[0] if chosen else "window"


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


def _window(
    target: str,
    layer: str | None,
    unit: tuple[int, ...] | None,
    layers: list[str],
    image: Path | None,
    how: Mapping[str, Any],
    pictured: bool,
) -> "Picture | Table":
    """A window or a cone: its picture, or the table of a window."""
    from zoo.questions.rf import layers_table, unit_table
    from zoo.questions.seen import cone_picture, window_picture

    if layer is None:
        return layers_table(target, **how)
    if layers:
        return cone_picture(target, [*layers, layer], unit, image=image, **how)
    if pictured or image is not None:
        return window_picture(target, layer, unit, image=image, **how)
    return unit_table(target, layer, unit, **how)


def _unit(text: str) -> tuple[int, ...]:
    """0,3 -> (0, 3)."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ZooError(f"--unit: expected the index of a unit, such as 0,3 (row, column), got {text!r}")
    return tuple(map(int, text.split(",")))
