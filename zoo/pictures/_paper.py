"""The sheet that charts are drawn on: matplotlib figures of one style, as bytes that are equal whenever the same picture is drawn.

Sizes are those of a printed column: a figure is 85 mm wide, and no text on it is smaller than 7 pt. Colours are those of Okabe
and Ito, which the colour-blind can tell apart; lines and fills differ in dashes and lightness too, so that a grey copy is readable.
matplotlib is imported when a picture is drawn, and its figures are used without the state of `pyplot`.
"""

import contextlib
import io
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.extend import Row, Table
from zoo.extend.picture import Picture
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 85.0
"""Millimetres: one column of a journal."""
_CHARACTERS = 60
"""Of the smallest text in a line."""

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW, BLACK = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000"),
)
COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)))
MARKERS = "os^DvPX"
SMALL = 7.0
"""Points: the smallest text."""
PALE, GREY, DARK = "#E8E8E8", "#8C8C8C", "#404040"

_STYLE: Mapping[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
    "font.size": SMALL,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 4.0,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "grid.linewidth": 0.4,
    "grid.color": "#D8D8D8",
    "lines.linewidth": 1.3,
    "lines.markersize": 3.0,
    "hatch.linewidth": 0.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "zoo",
    "pdf.fonttype": 42,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "path.simplify": False,
}
BLANK = {"fc": "white", "ec": "none", "pad": 0.3}
"""The blank around a name that lines would cross."""
_INVERTED = "filter:invert(.9) hue-rotate(180deg)"
_SCHEMES = (
    f"@media (prefers-color-scheme:dark){{.zoo-plot{{{_INVERTED}}}}}"
    f"[data-theme=light] .zoo-plot{{filter:none}}[data-theme=dark] .zoo-plot{{{_INVERTED}}}"
)
"""Dark pages show a picture with light and dark exchanged, and hues kept."""
_UNDATED: Mapping[str, Mapping[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": "zoo"},
    "svg": {"Date": None, "Creator": "zoo"},
}


def picture(table: Table, paint: Callable[["Figure"], None], height: float = 60) -> Picture:
    """A picture that `paint` draws on a figure 85 mm wide and `height` mm high, as PNG, PDF and SVG; `table` holds its data."""

    def encoder(format: str) -> Callable[[], bytes]:
        return lambda: _rendered(paint, height, format, table.title)

    return Picture(table, {suffix: encoder(suffix) for suffix in _UNDATED})


def _rendered(paint: Callable[["Figure"], None], height: float, format: str, title: str) -> bytes:
    """Return a file. Raises `ZooError` if matplotlib is not installed."""
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH / 25.4, height / 25.4), layout="constrained")
        paint(figure)
        file = io.BytesIO()
        metadata = {"Title": title, **_UNDATED[format]}
        figure.savefig(file, format=format, dpi=300, metadata={key: value for key, value in metadata.items() if key or value})
    return _themed(file.getvalue().decode()).encode() if format == "svg" else file.getvalue()


def _themed(svg: str) -> str:
    """The SVG without its XML declaration, for light and dark pages. One with images stays light: their colours are data."""
    svg = svg[svg.index("<svg") :]
    if "<image" in svg:
        return svg
    return svg.replace("<svg", '<svg class="zoo-plot"', 1).replace("<defs>", f"<style>{_SCHEMES}</style><defs>", 1)


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw inside this context with this style, whatever the user's own settings of matplotlib are."""
    try:
        import matplotlib
    except ImportError as error:
        raise ZooError(f"pictures require matplotlib, which cannot be imported ({error}); pip install 'zoo[plot]'") from error
    settings: Any = dict(matplotlib.rcParamsDefault)
    settings = {key: value for key, value in settings.items() if not key.startswith(("backend", "interactive"))} | dict(_STYLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on settings that a later version will drop
        with matplotlib.rc_context(settings):
            yield


def style_of(index: int) -> dict[str, Any]:
    """Colour and dashes of one of several lines."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index % len(DASHES)]}


def human(number: float, unit: str = "") -> str:
    """A number for an axis or a label: 15.5G, 138M, 0.5.

    >>> human(15_470_264_320), human(138_357_544), human(1.555e12, "B/s"), human(0.5)
    ('15.5G', '138M', '1.55 TB/s', '0.5')
    """
    space = " " if unit else ""
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= factor * 0.9995:
            return f"{_three(number / factor)}{space}{prefix}{unit}"
    return f"{_three(number)}{space}{unit}"


def binary(number: float) -> str:
    """Bytes for an axis or a label: 12.2 MiB.

    >>> binary(12_845_056), binary(512)
    ('12.2 MiB', '512 B')
    """
    for factor, prefix in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if abs(number) >= factor:
            return f"{_three(number / factor)} {prefix}"
    return f"{_three(number)} B"


def _three(number: float) -> str:
    """Three digits at most after rounding, and no trailing zeros."""
    text = f"{number:.3g}"
    return f"{float(text):.0f}" if "e" in text else text


def ticks(axis: Any, show: Callable[[float], str] = human) -> None:
    """Write the ticks of an axis as `show` writes numbers."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.set_minor_formatter(NullFormatter())


def brief(rows: Sequence[Row], most: int = 18) -> list[str]:
    """Names of rows for an axis: without the modules around them if that tells them apart, and shortened to `most` characters."""
    last = [row.name.rpartition(".")[2] for row in rows]
    names = last if len(set(last)) == len(last) else [row.name for row in rows]
    return [name if len(name) <= most else f"…{name[1 - most :]}" for name in names]


def wrapped(*lines: str) -> str:
    """Lines of words, broken where they are longer than a figure is wide."""
    return "\n".join(part for line in lines for part in textwrap.wrap(line, _CHARACTERS))


def bare(axes: "Axes") -> "Axes":
    """Axes without frame and ticks, with equal scales, for a drawing; y grows downward, as rows do."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.invert_yaxis()
    return axes


def legend_above(figure: "Figure", axes: "Axes", columns: int = 2) -> None:
    """The legend above everything, where it covers nothing; none for a single line."""
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) > 1:
        figure.legend(handles, labels, loc="outside upper left", ncols=columns, borderaxespad=0.0)


def beside(
    axes: "Axes", words: str, place: tuple[float, float], offset: tuple[float, float], of: str = "data", **look: Any
) -> None:
    """Small words beside a place, `offset` points away, for which the layout does not make room."""
    found = axes.annotate(words, place, offset, of, "offset points", **{"size": SMALL, **look})
    found.set_in_layout(False)
