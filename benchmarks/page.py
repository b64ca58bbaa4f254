"""What the README and docs/performance.md show of benchmarks/results.json, between the marks in them.

python benchmarks/page.py        after python benchmarks/speed.py -o benchmarks/results.json
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
START, END = "<!-- {}: made by benchmarks/page.py -->\n", "<!-- end -->"
FLOOR = "build, trace and table, over the bare module tree"
PEER = "faster than "

Figure = Mapping[str, Any]


def number(value: float) -> str:
    """Two digits below a hundred, none behind the point above."""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"


def rows(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in markdown, the first row its header."""
    head, *body = table
    yield f"| {' | '.join(head)} |"
    yield "| " + " | ".join(["---", *["---:"] * (len(head) - 1)]) + " |"
    for row in body:
        yield f"| {' | '.join(row)} |"


def peers(figures: Sequence[Figure]) -> Iterator[str]:
    """How many times longer each peer takes, by network."""
    found = {(f["goal"].removeprefix(PEER), f["what"]): f["value"] for f in figures if f["goal"].startswith(PEER)}
    tools, networks = (list(dict.fromkeys(pair[i] for pair in found)) for i in (0, 1))
    shown = {pair: f"{number(value)}×" for pair, value in found.items()}
    yield from rows([["network", *tools], *([net, *(shown.get((tool, net), "–") for tool in tools)] for net in networks)])


def goals(figures: Sequence[Figure]) -> Iterator[str]:
    """Every figure that has a bound, but for peers that need only be slower."""
    table = [["goal", "measured", "bound", "met"]]
    for f in figures:
        bound = f["at_most"] if f["at_most"] is not None else f["at_least"]
        if bound is None or (f["goal"].startswith(PEER) and bound == 1.0):
            continue
        value = f"{number(f['value'])}×" if f["unit"] == "ratio" else f"{f['value']:.0f} {f['unit']}"
        sign, met = ("≤", f["value"] <= bound) if f["at_most"] is not None else ("≥", f["value"] >= bound)
        table.append([f"{f['goal']}: {f['what']}", value, f"{sign} {bound:g}", "yes" if met else "**no**"])
    yield from rows(table)


PARTS = {"peers": peers, "goals": goals}


def made(text: str, figures: Sequence[Figure]) -> str:
    """A page with the parts between its marks made anew."""
    for name, part in PARTS.items():
        mark = START.format(name)
        if mark in text:
            before, _, rest = text.partition(mark)
            _, _, after = rest.partition(END)
            text = before + mark + "\n" + "\n".join(part(figures)) + "\n\n" + END + after
    return text


def main() -> None:
    """Write both pages."""
    figures = json.loads(RESULTS.read_text(encoding="utf-8"))
    for page in (ROOT / "README.md", ROOT / "docs" / "performance.md"):
        page.write_text(made(page.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
