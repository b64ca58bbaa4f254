"""Draw what lectures draw: a kernel that slides, wirings, cones, modules; every number in a drawing is computed."""

from collections.abc import Mapping
from typing import Any

from zoo.extend import Column, Kind, Picture, Row, Table
from zoo.extend.options import Option, declared
from zoo.util.errors import unknown
from zoo.util.version import __version__


def drawings() -> Mapping[str, Kind]:
    """The kinds of pictures that are drawn of nothing but options, by name."""
    from zoo.extend.picture import pictures

    return {name: kind for name, kind in pictures().items() if kind.of == "nothing"}


def options(kind: Kind) -> Mapping[str, Option]:
    """The options of a drawing, by name."""
    return declared(kind.draw)


def picture(name: str, **given: Any) -> Picture:
    """Draw one of the drawings of lectures.

    Arguments:
        name: One of `zoo picture`: "kernel", "padding", "wiring", "reach", "deeper", "toeplitz", "shift", "volumes", "heads",
            "inception", "residual".
        given: Its options; `zoo picture NAME --help` lists them.

    Returns:
        A `Picture`, which writes itself to PNG, PDF or SVG files; its table holds the numbers.

    Raises:
        ZooError: For an unknown name or option, and for sizes that do not fit.

    Example:
        >>> drawing = zoo.picture("kernel", image="11100/01110/00111/00110/01100", weights="101/010/101")
        >>> [row.cells["value"] for row in drawing.table.rows]
        [4, 3, 4, 2, 4, 3, 2, 3, 4]
    """
    known = drawings()
    if name not in known:
        raise unknown("drawing", name, known)
    kinds = options(known[name])
    for option in given:
        if option not in kinds:
            raise unknown(f"option of {name}", option, kinds, "it takes none")
    return known[name].draw(**{option: kinds[option].check(value) for option, value in given.items()})


def drawings_table() -> Table:
    """Return a table of the drawings, with what they show and their options."""
    columns = (
        Column("shows", "text", "what it shows", hide_order=0),
        Column("options", "text", "its options", hide_order=4),
    )
    rows = tuple(
        Row(kind.name, "drawing", {"shows": kind.shows, "options": ", ".join(options(kind))}) for kind in drawings().values()
    )
    return Table(f"{len(rows)} drawings", {"versions": {"zoo": __version__}}, columns, rows)
