"""Write the results in benchmarks/ into docs/, between the marks there.

python benchmarks/page.py        after one of these:
python benchmarks/speed.py -o benchmarks/results.json
python benchmarks/every_model.py -o benchmarks/coverage.json
python benchmarks/random_networks.py 10000 -o benchmarks/random.json
python benchmarks/many.py -o benchmarks/many.json
python benchmarks/interrupts.py 2000 -o benchmarks/interrupts.json
python benchmarks/fuzz.py -o benchmarks/fuzz.json
python benchmarks/mutants.py try 500
python benchmarks/drawings.py -o benchmarks/drawings.json
python benchmarks/timm_features.py -o benchmarks/timm_features.json
python benchmarks/side_by_side.py -o benchmarks/side_by_side.json
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MEASURED = "results coverage random drawings many steps interrupts fuzz mutants timm_features side_by_side"
RESULTS = {name: ROOT / "benchmarks" / f"{name}.json" for name in MEASURED.split()}
PAGES = ("README.md", "docs/performance.md", "docs/proof.md", "docs/features.md", "docs/pulling.md")
START, END = "<!-- {}: made by benchmarks/page.py -->\n", "<!-- end -->"
FLOOR = "build, trace and table, over the bare module tree"
PEER = "faster than "
STARTED = ("zoo list", "zoo summary resnet50")  # what README.md shows; docs/performance.md has all
COMPARED = ("torchinfo", "torchinfo_meta", "fvcore")
UNRUN = "torch does not run it"
CLOCK = "by the clock, "

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


def shown(figure: Figure) -> str:
    """A ratio as 1.2× (1.1 to 1.3), or a number with its unit."""
    if figure["unit"] != "ratio":
        return f"{figure['value']:.0f} {figure['unit']}"
    spread = [figure.get("low"), figure.get("high")]
    between = "" if None in spread else f" ({number(spread[0])} to {number(spread[1])})"  # type: ignore[arg-type]
    return f"{number(figure['value'])}×{between}"


def clock(figures: Sequence[Figure]) -> Iterator[str]:
    """As `peers`, by the clock on all cores."""
    yield from peers([{**f, "goal": f["goal"].removeprefix(CLOCK)} for f in figures if f["goal"].startswith(CLOCK)])


def summary(figures: Sequence[Figure]) -> Iterator[str]:
    """The start of commands, and ResNet-152 against other tools: what a reader of README.md wants to know."""
    table = [["", "measured"]]
    started = [f for f in figures if f["goal"] == "whole command, over import typer" and f["what"] in STARTED]
    table += [[f"`{f['what']}`, over `import typer`", shown(f)] for f in started]
    peers = [f for f in figures if f["what"] == "resnet152" and f["goal"].removeprefix(PEER) in COMPARED]
    table += [[f"analysis of ResNet-152, {f['goal'].replace('_', ' ')}", shown(f)] for f in peers]
    yield from rows(table)


def throughput(found: Mapping[str, Any]) -> Iterator[str]:
    """Surveys and sweeps on a cluster, by the number of workers."""
    table = [["", "workers", "in all", "a second", "MB of a worker, after a tenth and at the end"]]
    for one in found["throughput"]:
        memory = " and ".join(f"{size:.0f}" for size in one["worker_mb"])
        numbers = [f"{one['total']:,}", f"{one['total'] / one['seconds']:,.0f}", memory]
        table.append([_asked(one), str(one["workers"]), *numbers])
    yield from rows(table)


def _asked(one: Mapping[str, Any]) -> str:
    return {"survey": "survey, models", "sweep": "sweep, points"}[one["what"]]


def killed(found: Mapping[str, Any]) -> Iterator[str]:
    """What is left after a kill."""
    table = [["", "killed", "in all", "rows kept in the journal", "rows after the end", "equal to a quiet run"]]
    for one in found["killed"]:
        kept = f"{one['kept']:,}" if one["killed"] == "scheduler" else "no interruption"
        equal = "yes" if one["equal"] else "**no**"
        table.append([_asked(one), one["killed"], f"{one['total']:,}", kept, f"{one['computed']:,}", equal])
    yield from rows(table)


def floor(figures: Sequence[Figure]) -> Iterator[str]:
    """What a network of many modules takes at least."""
    chosen = [f for f in figures if f["goal"] == "floor of that memory"]
    yield from rows([["in memory", "above `import torch`"], *([f["what"], shown(f)] for f in chosen)])


def steps(found: Mapping[str, Any]) -> Iterator[str]:
    """Milliseconds of each step of ResNet-152, and microseconds for each op of a chain, before and after."""
    table = [["", "step", "before", "after", "after over before"]]
    for what, name, unit in (
        ("resnet152", "ResNet-152, held", "ms"),
        ("chain", f"chain of {found['after']['ops']:,} ops", "µs an op"),
    ):
        before, after = found["before"][what], found["after"][what]
        for step in [*after, "in all"]:
            old, new = (sum(one.values()) if step == "in all" else one[step] for one in (before, after))
            table.append([name, step, f"{old:.1f} {unit}", f"{new:.1f} {unit}", f"{new / old:.2f}"])
    yield from rows(table)


def goals(figures: Sequence[Figure]) -> Iterator[str]:
    """Every figure that has a bound; of the tools that have to be half as fast at most, the one that is nearest to it."""
    table = [["goal", "measured", "bound", "met"]]
    for f in figures:
        bound = f["at_most"] if f["at_most"] is not None else f["at_least"]
        if bound is None or (f["goal"].startswith(PEER) and bound in {1.0, 2.0}):
            continue
        value = shown(f)
        sign, met = ("≤", f["value"] <= bound) if f["at_most"] is not None else ("≥", f["value"] >= bound)
        table.append([f"{f['goal']}: {f['what']}", value, f"{sign} {bound:g}", "yes" if met else "**no**"])
    twice = [f for f in figures if f["goal"].startswith(PEER)]
    least = min(twice, key=lambda f: float(f["value"]))
    table.append(
        [
            f"the least of all networks and tools: {least['goal']}, {least['what']}",
            shown(least),
            "≥ 2",
            "yes" if least["value"] >= 2 else "**no**",
        ]
    )
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


def interrupts(found: Mapping[str, Any]) -> Iterator[str]:
    """How often an analysis was interrupted, and what was left behind."""
    ways = {"signals": "signals in the main thread", "threads": "exceptions set by another thread"}
    table = [["interrupts", "tried", "changed something"]]
    table += [[words, f"{found[way]['interrupts']:,}", f"{len(found[way]['left behind']):,}"] for way, words in ways.items()]
    yield from rows(table)


def fuzz(found: Mapping[str, Any]) -> Iterator[str]:
    """How many command lines and damaged files were tried, and how they ended."""
    ways = {
        "command lines": "random command lines",
        "files": "files with changed bytes",
        "cache entries": "cache entries with a changed byte",
    }
    table = [["input", "tried", "wrong or believed", "longest, s"]]
    for way, words in ways.items():
        one = found[way]
        table.append([words, f"{one['tried']:,}", f"{len(one['wrong']):,}", number(one["slowest, s"])])
    yield from rows(table)


def mutants(found: Mapping[str, Any]) -> Iterator[str]:
    """How many changes of the source the tests notice, by room."""
    table = [["changed in", "changes", "noticed", "equivalent", "not noticed", "not tried", "share noticed"]]
    total: Counter[str] = Counter()
    for room, counts in found["rooms"].items():
        table.append([f"`{room}`", *_noticed(counts)])
        total.update(counts)
    yield from rows([*table, ["all", *_noticed(total)]])


def _noticed(counts: Mapping[str, int]) -> list[str]:
    """The share is that of the changes that were tried and are not equivalent."""
    every, equivalent, untried = sum(counts.values()), counts.get("equivalent", 0), counts.get("outside", 0)
    noticed = counts.get("killed", 0) + counts.get("too long", 0)
    regarded = every - equivalent - untried
    share = f"{100 * noticed / regarded:.1f}%" if regarded else "–"
    return [*(f"{count:,}" for count in (every, noticed, equivalent, regarded - noticed, untried)), share]


def drawings(found: Mapping[str, Any]) -> Iterator[str]:
    """How many models were drawn at each level, and how many drawings are wrong or slow."""
    table = [["level", "drawings", "wrong", "median seconds", "most seconds"]]
    for level, one in found["drawings"].items():
        numbers = [f"{one[key]:,}" for key in ("drawings", "wrong", "seconds, median", "seconds, most")]
        table.append([level, *numbers])
    yield from rows(table)


def timm_features(found: Mapping[str, Any]) -> Iterator[str]:
    """How many of timm's models have the levels of timm's table, and why the others have not."""
    verdicts = found["verdicts"]
    table = [["levels", "models"], ["equal", f"{verdicts['equal']:,}"]]
    table.append(["equal without `finest`: timm's table has the widened maps of the head", str(verdicts["equal on the path"])])
    yield from rows([*table, *([f"different: {why}", str(count)] for why, count in found["reasons"].items())])


def side_by_side(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines and calls of each job with each tool, and of all jobs that a tool does."""
    tools = list(dict.fromkeys(tool for job in found.values() for tool in job["by tool"]))
    table = [["job", *tools]]
    for name, job in found.items():
        table.append(
            [
                f"{name}: {job['what']}",
                *("{} / {}".format(*job["by tool"][tool]) if tool in job["by tool"] else "–" for tool in tools),
            ]
        )
    done = {tool: [job["by tool"][tool] for job in found.values() if tool in job["by tool"]] for tool in tools}
    totals = ["{} / {}".format(*map(sum, zip(*done[tool], strict=True))) for tool in tools]
    few = [f" ({len(done[tool])} jobs)" if len(done[tool]) < len(found) else "" for tool in tools]
    yield from rows([*table, ["all", *(total + note for total, note in zip(totals, few, strict=True))]])


PARTS = {
    "peers": ("results", peers),
    "goals": ("results", goals),
    "clock": ("results", clock),
    "start": ("results", summary),
    "throughput": ("many", throughput),
    "killed": ("many", killed),
    "steps": ("steps", steps),
    "floor": ("results", floor),
    "coverage": ("coverage", coverage),
    "random": ("random", random_networks),
    "interrupts": ("interrupts", interrupts),
    "fuzz": ("fuzz", fuzz),
    "mutants": ("mutants", mutants),
    "drawings": ("drawings", drawings),
    "timm features": ("timm_features", timm_features),
    "side by side": ("side_by_side", side_by_side),
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
            lines = list(part(found[source]))
            shown = lines if len(lines) > 2 else ["No figures yet: run the benchmark."]
            text = before + mark + "\n" + "\n".join(shown) + "\n\n" + END + after
    return text


def main() -> None:
    """Write the pages."""
    found = results()
    for page in PAGES:
        path = ROOT / page
        path.write_text(made(path.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
