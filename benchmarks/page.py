"""Write the results in benchmarks/ into docs/, between the marks there.

python benchmarks/page.py        after one of these:
python benchmarks/speed.py -o benchmarks/results.json
python benchmarks/every_model.py -o benchmarks/coverage.json
python benchmarks/random_networks.py 10000 -o benchmarks/random.json
python benchmarks/drawings.py -o benchmarks/drawings.json
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = {name: ROOT / "benchmarks" / f"{name}.json" for name in ("results", "coverage", "random", "drawings")}
PAGES = ("docs/performance.md", "docs/proof.md")
START, END = "<!-- {}: made by benchmarks/page.py -->\n", "<!-- end -->"
FLOOR = "build, trace and table, over the bare module tree"
PEER = "faster than "
UNRUN = "torch does not run it"

Figure = Mapping[str, Any]


def number(value: float) -> str:
    """Two significant digits below a hundred; whole numbers from a hundred on."""
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


def coverage(found: Mapping[str, Any]) -> Iterator[str]:
    """How many models of each package fare how; and which ops explain what torch does not count."""
    verdicts = list(dict.fromkeys(verdict for tally in found["models"].values() for verdict in tally if verdict != UNRUN))
    columns = ["models", "tried", "torch runs", *verdicts]
    table, total = [["package", "version", *columns]], Counter[str]()
    for package, tally in found["models"].items():
        tried = sum(tally.values())
        numbers = {"models": found["listed"][package], "tried": tried, "torch runs": tried - tally.get(UNRUN, 0), **tally}
        total.update(numbers)
        table.append([package, found["versions"][package], *(f"{numbers.get(column, 0):,}" for column in columns)])
    yield from rows([*table, ["all", "", *(f"{total[column]:,}" for column in columns)]])
    names = Counter[str]()
    for tally in found["explained"].values():
        names.update(tally)
    yield ""
    yield f"Explained by: {', '.join(f'`{kind}` ({number:,})' for kind, number in names.most_common())}."
    for package, number in found["published"].items():
        if number:
            yield f"Numbers of parameters that {package} publishes: {number:,} equal."


def random_networks(found: Mapping[str, Any]) -> Iterator[str]:
    """How many networks were drawn, and what was compared in them."""
    compared = found["compared"]
    table = [["networks", "seeds", "layers whose units agree", "windows equal to their formula", "counter-examples"]]
    seeds = f"{found['first']:,} to {found['first'] + found['networks'] - 1:,}"
    numbers = [f"{number:,}" for number in (found["networks"], compared["equal"], compared["laws"], found["counter-examples"])]
    yield from rows([*table, [numbers[0], seeds, *numbers[1:]]])


def drawings(found: Mapping[str, Any]) -> Iterator[str]:
    """How many models were drawn at each level, and how many drawings are wrong or slow."""
    table = [["level", "drawings", "wrong", "median seconds", "most seconds"]]
    for level, one in found["drawings"].items():
        numbers = [f"{one[key]:,}" for key in ("drawings", "wrong", "seconds, median", "seconds, most")]
        table.append([level, *numbers])
    yield from rows(table)


PARTS = {
    "peers": ("results", peers),
    "goals": ("results", goals),
    "coverage": ("coverage", coverage),
    "random": ("random", random_networks),
    "drawings": ("drawings", drawings),
}


def results() -> dict[str, Any]:
    """All that was measured."""
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in RESULTS.items()}


def made(text: str, found: Mapping[str, Any]) -> str:
    """A page with the parts between its marks made anew."""
    for name, (source, part) in PARTS.items():
        mark = START.format(name)
        if mark in text:
            before, _, rest = text.partition(mark)
            _, _, after = rest.partition(END)
            text = before + mark + "\n" + "\n".join(part(found[source])) + "\n\n" + END + after
    return text


def main() -> None:
    """Write the pages."""
    found = results()
    for page in PAGES:
        path = ROOT / page
        path.write_text(made(path.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
