"""The volumes of a convolution: channels, height and width of its input, of one filter, and of its output."""

from typing import Annotated

from zoo.extend import Column, Kind, Natural, Picture, PositiveInt, Row, Sizes, Table, ZooError, sizes
from zoo.pictures._described import described, macs, params
from zoo.pictures._paper import BLUE
from zoo.pictures._sketch import LINE, Sheet, sketch

_COLUMNS = (
    Column("shape", "elements per axis", "channels, height, width", hide_order=0),
    Column("params", "parameters", "with biases", hide_order=0),
    Column("macs", "multiply-accumulates", "of the layer", hide_order=0),
)
_TINTS = ("#DCEBF5", "#BBD9EC", "#FBE6BF")
_SIDE, _DEEPEST = 26.0, 22.0


def volumes(
    input: Annotated[Sizes, "channels, height and width of the image"] = (3, 32, 32),
    kernel: Annotated[Sizes, "height and width of a filter"] = (5, 5),
    filters: Annotated[PositiveInt, "filters, each of which gives one map"] = 6,
    stride: PositiveInt = 1,
    padding: Annotated[Natural, "zeros on each side"] = 0,
) -> Picture:
    """Draw a convolution as volumes: a filter reaches through all channels of the input, and gives one map of the output."""
    if len(input) != 3 or len(kernel) > 2:
        raise ZooError("expected an input of channels, height and width, such as 3x32x32, and a kernel such as 5x5")
    window = (kernel[0], kernel[-1])
    layer = described(input, f"conv {filters} {sizes(window, 'x')} stride {stride} pad {padding}")
    output = layer.outputs[0].shape[1:]
    filter_shape = (input[0], *window)
    rows = (
        Row("input", "volume", {"shape": list(input), "params": None, "macs": None}),
        Row("filter", "volume", {"shape": list(filter_shape), "params": None, "macs": None}),
        Row("output", "volume", {"shape": list(output), "params": params(layer), "macs": macs(layer)}),
    )
    said = f"{filters} filters of {sizes(filter_shape)}, stride {stride}, padding {padding}"
    table = Table(f"Convolution of {sizes(input)}: {said}", {"stride": stride, "padding": padding}, _COLUMNS, rows)

    def draw(on: Sheet) -> None:
        _draw(on, input, filter_shape, output)
        on.words(50, height - 2.2 * LINE, said)
        on.words(50, height - LINE, f"{params(layer):,} parameters with biases, {macs(layer):,} MACs")

    height = _SIDE + _DEEPEST / 2 + 9 * LINE
    return sketch(table, height, draw)


def _draw(on: Sheet, image: tuple[int, ...], kernel: tuple[int, ...], output: tuple[int, ...]) -> None:
    unit = _SIDE / max(*image[1:], *output[1:])
    deep = min(0.9, _DEEPEST / max(image[0], output[0]))
    floor = _SIDE + _DEEPEST / 2 + 3 * LINE
    places: list[tuple[float, ...]] = []
    x = 5.0
    for name, (channels, tall, wide), tint in zip(("input", "filter", "output"), (image, kernel, output), _TINTS, strict=True):
        width, height, depth = max(wide * unit, 1.2), max(tall * unit, 1.2), max(channels * deep, 1.0)
        if name == "filter":  # in the corner of the input, through all of its channels
            left, top = places[0][0] + 0.25 * _SIDE, places[0][1] + 0.3 * _SIDE
            on.volume(left, top, width, height, depth, fill=tint, lw=0.7, ec=BLUE)
            places.append((left, top, width, height, depth))
            continue
        left, top = x, floor - height
        on.volume(left, top, width, height, depth, fill=tint)
        on.words(left + width / 2, floor + LINE, f"{name}\n{sizes((channels, tall, wide))}")
        places.append((left, top, width, height, depth))
        x = 60.0
    left, top, width, height, depth = places[1]
    target = (places[2][0] + 0.4 * places[2][2], places[2][1] + 0.4 * places[2][3])
    for corner in ((left + width, top), (left + width, top + height)):
        on.line([corner, target], colour=BLUE, lw=0.6, zorder=5)
    on.circle(*target, 0.7, fill=BLUE, lw=0, zorder=6)
    said = f"filter {sizes(kernel)}:\none number at each place"
    on.words(44.5, 2.2 * LINE, said)
    on.line([(left + width / 2 + depth / 4, top - depth / 4), (40, 3.4 * LINE)], colour=BLUE, lw=0.5, zorder=5)


PICTURE = Kind(name="volumes", shows="the volumes of a convolution: input, filter, output", of="nothing", draw=volumes)
