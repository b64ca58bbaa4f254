"""Small images and kernels as grids of numbers: read from text, written as text, and filtered by the definition, without torch."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from zoo.extend import ZooError

Number = Fraction
Grid = tuple[tuple[Number, ...], ...]
MOST = 16
"""Rows and columns of a grid that a page can show."""


def read(text: str, name: str) -> Grid:
    """Rows separated by /, numbers by spaces or commas; digits alone need none: "101/010/101", "1 -1", "0.1,1,0.2".

    Raises `ZooError` for other text, rows of other lengths, and grids larger than a page.
    """
    rows = [row.replace(",", " ").split() for row in text.split("/")]
    rows = [list(row[0]) if len(row) == 1 and row[0].isdecimal() else row for row in rows]
    try:
        found = tuple(tuple(map(Fraction, row)) for row in rows)
    except (ValueError, ZeroDivisionError):
        raise ZooError(f"option {name}: expected numbers in rows, such as 101/010/101 or '1 -1', got {text!r:.80}") from None
    if not found[0] or len({len(row) for row in found}) > 1:
        raise ZooError(f"option {name}: expected rows of one length, such as 101/010/101, got {text!r:.80}")
    if max(len(found), len(found[0])) > MOST:
        raise ZooError(f"option {name}: expected at most {MOST}×{MOST} numbers, got {len(found)}×{len(found[0])}")
    return found


def shown(grid: Sequence[Sequence[Any]]) -> str:
    """A line for each row, in columns: exact fractions as decimals of at most three digits.

    >>> print(shown(read("1 -1/0.25 10", "image")))
       1 -1
    0.25 10
    """
    cells = [[one if isinstance(one, str) else f"{float(one):.3g}" for one in row] for row in grid]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(" ".join(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True)) for row in cells)


def size(grid: Grid) -> tuple[int, int]:
    """Rows and columns."""
    return len(grid), len(grid[0])


def flipped(grid: Grid) -> Grid:
    """Turned by half a turn: both axes reversed."""
    return tuple(row[::-1] for row in grid[::-1])


def padded(grid: Grid, rows: tuple[int, int], columns: tuple[int, int], value: Number = Fraction(0)) -> Grid:
    """With so many rows above and below, and columns before and after."""
    width = len(grid[0]) + sum(columns)
    middle = [(value,) * columns[0] + row + (value,) * columns[1] for row in grid]
    empty = (value,) * width
    return (empty,) * rows[0] + tuple(middle) + (empty,) * rows[1]


def slid(grid: Grid, window: tuple[int, int], stride: int, gives: Callable[[list[Number]], Number]) -> Grid:
    """What a function gives for each place of a window, which is read row by row."""
    heights, widths = ((n - k) // stride + 1 for n, k in zip(size(grid), window, strict=True))

    def seen(i: int, j: int) -> list[Number]:
        return [grid[i * stride + a][j * stride + b] for a in range(window[0]) for b in range(window[1])]

    return tuple(tuple(gives(seen(i, j)) for j in range(widths)) for i in range(heights))


def correlated(grid: Grid, kernel: Grid, stride: int = 1) -> Grid:
    """Cross-correlation, which libraries call convolution: y[i,j] = Σ k[a,b] · x[i·s + a, j·s + b]."""
    weights = [one for row in kernel for one in row]
    return slid(grid, size(kernel), stride, lambda seen: sum(map(product, weights, seen), Fraction(0)))


def product(one: Number, other: Number) -> Number:
    """Their product."""
    return one * other


def changed(one: Grid, other: Grid) -> int:
    """How many of their numbers differ; grids of one size."""
    return sum(a != b for row, column in zip(one, other, strict=True) for a, b in zip(row, column, strict=True))


def tensor(grid: Grid) -> Any:
    """1×1×H×W in float64."""
    import torch

    return torch.tensor([[[[float(one) for one in row] for row in grid]]], dtype=torch.float64)
