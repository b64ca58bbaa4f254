"""What a layout places: boxes, lanes and rows, and the lines between them."""

from dataclasses import dataclass, field

GAP = 7.0  # between boxes of a row
LANE = 5.0  # between a lane and what is beside it
TRACK = 4.0  # between two tracks
RISE = 9.0  # between two rows without tracks
MANY = 400  # boxes and lanes, for which time matters more than looks

Point = tuple[float, float]


@dataclass
class Box:
    """What is placed: how far it extends to the left and right of the line that enters it, its height, and where its line leaves.

    `round` boxes are circles, which lines also enter from the sides; a `wide` one extends to the lines that enter it. `x` is that
    of the line that enters, `y` the upper edge; both are set by `place`.
    """

    left: float
    right: float
    height: float
    exit: float = 0.0
    round: bool = False
    wide: bool = False
    x: float = 0.0
    y: float = 0.0
    lane_of: int | None = None


@dataclass
class Route:
    """The lines of one source: paths from its box or lane to others, and where the arrows are at their ends."""

    source: int
    paths: list[tuple[int, list[Point]]] = field(default_factory=list)  # target and points; the target is -1 for a lane


@dataclass
class Placed:
    """The boxes where they stand, the lines between them, and the size of all."""

    boxes: list[Box]
    routes: list[Route]
    width: float
    height: float


@dataclass
class Grid:
    """Boxes and lanes by row, and the edges between neighbouring rows."""

    boxes: list[Box]
    rows: list[list[int]]
    up: dict[int, list[int]]
    down: dict[int, list[int]]
