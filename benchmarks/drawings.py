"""Whether the drawings of every model of torchvision and timm are right, at each level.

    python benchmarks/drawings.py [PATTERN ...] [-o FILE.json] [--journal FILE] [--jobs N]    default: 'torchvision:*' 'timm:*'

For each drawing: lines are the edges of the trace and no others, no two boxes overlap, no label leaves its box, nothing is beyond
the page, every line begins and ends at its boxes; and the processor time. A network whose feature maps have one size has no stages.
With a journal, a run that was broken off goes on where it was. Exits with 1 if any drawing is wrong.
"""

import argparse
import json
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.analysis.repeats import repeats
from zoo.extend import UNUSED, ForwardError, Trace, ZooError
from zoo.pictures._metrics import text_width
from zoo.pictures._scene import COLUMN_MM, FONT, Node, Scene, points_of
from zoo.pictures.draw import LEVELS, drawing
from zoo.questions.survey import Record, gather, targets, versions

ALL = ("torchvision:*", "timm:*")
SLOW = 1.0  # seconds for one drawing

Pair = tuple[str, str]


def contains(outer: Node, inner: Node, slack: float = 0.01) -> bool:
    (x, y, w, h), (u, v, a, b) = outer.bounds, inner.bounds
    return x - slack <= u and y - slack <= v and u + a <= x + w + slack and v + b <= y + h + slack


def apart(one: Node, other: Node) -> bool:
    (x, y, w, h), (u, v, a, b) = one.bounds, other.bounds
    return x + w <= u + 0.01 or u + a <= x + 0.01 or y + h <= v + 0.01 or v + b <= y + 0.01


def overlaps(scene: Scene) -> list[Pair]:
    """Boxes that cover each other; a frame may hold a box, or be apart from it."""
    found = []
    beside: list[Node] = []  # those above that reach down to the next, from the top of the page on
    for one in sorted(scene.nodes, key=lambda node: node.bounds[1]):
        beside = [other for other in beside if other.bounds[1] + other.bounds[3] > one.bounds[1]]
        for other in beside:
            nested = (one.frame and contains(one, other)) or (other.frame and contains(other, one))
            if not nested and not apart(one, other):
                found.append((other.id, one.id))
        beside.append(one)
    return found


def loose_labels(scene: Scene) -> list[str]:
    """Labels that are wider than their box, or above or below it."""
    found = []
    for node in scene.nodes:
        x, y, width, height = node.bounds
        for text in node.texts:
            half = text_width(text.text, FONT) / 2
            left = text.x - half if text.anchor == "middle" else text.x
            if (
                left < x - 0.01
                or left + 2 * half > x + width + 0.01
                or text.y - 0.76 * FONT < y
                or text.y + 0.24 * FONT > y + height
            ):
                found.append(f"{node.id}: {text.text}")
    return found


def outside(scene: Scene) -> list[str]:
    """Boxes and lines beyond the edge of the page."""
    page = Node("", "", (0, 0, scene.width, scene.height), (), ())
    found = [node.id for node in scene.nodes if not contains(page, node)]
    points = [point for wire in scene.wires for path in wire.paths for point in path]
    return found + [str(point) for point in points if not (-0.01 <= point[0] <= scene.width and -0.01 <= point[1] <= scene.height)]


def unfolded(scene: Scene) -> set[Pair]:
    """The pairs of boxes that lines connect, through the edges of frames where need be."""
    by_id = {node.id: node for node in scene.nodes}
    frames = {node.id for node in scene.nodes if node.frame}

    def inside(one: str, frame: str) -> bool:
        return one != frame and frame in frames and contains(by_id[frame], by_id[one])

    links: dict[str, set[str]] = {}
    for wire in scene.wires:
        for target in wire.targets:
            start = f"{wire.source} in" if inside(target, wire.source) or target == wire.source else wire.source
            end = f"{target} in" if target in frames and not inside(wire.source, target) and target != wire.source else target
            links.setdefault(start, set()).add(end)
    found = set()
    for box in by_id.keys() - frames:
        left, seen = list(links.get(box, ())), set()
        while left:
            one = left.pop()
            if one in by_id and one not in frames:
                found.add((box, one))
            elif one not in seen:
                seen.add(one)
                left += links.get(one, ())
    return found


def expected(trace: Trace, scene: Scene) -> set[Pair]:
    """The pairs of boxes between which a value goes, read from the trace alone: which box an op is in is all that is asked."""
    first = [*repeats(trace).ops]
    boxes = [node for node in scene.nodes if not node.frame]
    owner = {op: node.id for node in boxes for op in node.ops}
    frames = [node for node in scene.nodes if node.frame]
    drawn = set(owner).union(*(node.ops for node in frames))
    folded = drawn - owner.keys()  # ops of blocks that are drawn by their first
    for op in folded:
        assert first[op] != op, f"op {op} {trace.ops[op].kind} of {trace.target} is in no box"
    made = {value.id: -1 - i for i, value in enumerate(trace.inputs)}
    made |= {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
    edges = {(made[value.id], i) for i, op in enumerate(trace.ops) for value in op.inputs if op.kind != UNUSED and value.id in made}
    found: set[Pair] = set()
    for source, target in edges:
        ends = tuple(first[op] if op in folded else op for op in (source, target))
        if target in folded and ends not in edges:
            continue  # from one repetition of a block to the next, which is the ×n of its frame
        start, end = (owner.get(op) for op in ends)
        if start and end and start != end:
            found.add((start, end))
    return found


def without_ends(pairs: set[Pair]) -> set[Pair]:
    return {pair for pair in pairs if not re.match(r"(end|stage)-(input|output)", pair[0] + " ") and pair[1] != "end-output"}


def touches(scene: Scene) -> list[str]:
    """Lines that do not begin at the edge of their box, or whose arrows end elsewhere than at the edge of one of their targets."""
    by_id = {node.id: node for node in scene.nodes}

    def at_edge(point: tuple[float, float], node: Node) -> bool:
        x, y, width, height = node.bounds
        return x - 0.1 <= point[0] <= x + width + 0.1 and y - 0.1 <= point[1] <= y + height + 0.1

    found = []
    for wire in scene.wires:
        if not any(at_edge(path[0], by_id[wire.source]) for path in wire.paths):
            found.append(f"from {wire.source}")
        ends = [path[-1] for path in wire.paths]
        found += [f"{wire.source} to {target}" for target in wire.targets if not any(at_edge(end, by_id[target]) for end in ends)]
    return found


def wrong(trace: Trace, scene: Scene, most: float = COLUMN_MM) -> dict[str, object]:
    """All that is wrong with a drawing."""
    drawn, wanted = without_ends(unfolded(scene)), without_ends(expected(trace, scene))
    ids = Counter(node.id for node in scene.nodes)
    found = {
        "overlaps": overlaps(scene),
        "labels": loose_labels(scene),
        "outside": outside(scene),
        "missing": sorted(wanted - drawn),
        "invented": sorted(drawn - wanted),
        "touches": touches(scene),
        "ids": sorted(one for one, times in ids.items() if times > 1),
        "width": [scene.width] if scene.width > points_of(most) + 0.01 else [],
    }
    return {name: what for name, what in found.items() if what}


# All models ------------------------------------------------------------------------------------------------------------------


def check(name: str) -> Record:
    """The drawings of a model at each level: how many boxes, seconds, and what is wrong; or why it has none."""
    from zoo.models.running import run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trace = run(name).trace
        except ForwardError as error:
            if not error.needs_values:
                raise
            trace = run(name, real=True).trace
    return {"name": name, "failure": None, "drawings": {level: drawn(trace, level) for level in LEVELS}}


def drawn(trace: Trace, level: str) -> dict[str, Any]:
    """One drawing."""
    begin = time.thread_time()
    try:
        scene = drawing(trace, level=level)
    except ZooError as error:
        if level == "stages":
            return {"none": str(error)}
        raise
    seconds = time.thread_time() - begin
    faults = {name: str(what)[:300] for name, what in wrong(trace, scene).items()}
    return {"boxes": len(scene.nodes), "seconds": seconds, "wrong": faults}


def faults(record: Record) -> Iterator[str]:
    """Yield what is wrong with a model's drawings."""
    if record["failure"]:
        yield f"{record['name']}: {record['failure']}"
    for level, one in record.get("drawings", {}).items():
        for fault, what in one.get("wrong", {}).items():
            yield f"{record['name']} {level}: {fault}: {what}"


def report(records: list[Record]) -> Iterator[str]:
    """Yield what was found: a line for each fault and each slow drawing, then one for each level."""
    for record in records:
        yield from faults(record)
        for level, one in record.get("drawings", {}).items():
            if one.get("seconds", 0) > SLOW:
                yield f"{record['name']} {level}: {one['seconds']:.1f} s, {one['boxes']} boxes"
    for level, one in counts(records).items():
        yield f"{level}: {', '.join(f'{value} {key}' for key, value in one.items())}"


def counts(records: list[Record]) -> dict[str, dict[str, float]]:
    """How the drawings of each level fare."""
    found = {}
    for level in LEVELS:
        of_level = [record["drawings"][level] for record in records if record.get("drawings")]
        made = [one for one in of_level if "none" not in one]
        seconds = sorted(one["seconds"] for one in made) or [0.0]
        found[level] = {
            "drawings": len(made),
            "wrong": sum(bool(one["wrong"]) for one in made),
            "networks without": len(of_level) - len(made),
            "seconds, median": round(seconds[len(seconds) // 2], 3),
            "seconds, most": round(seconds[-1], 2),
            "slower than a second": sum(one > SLOW for one in seconds),
        }
    return found


def main() -> None:
    """Draw all that was asked for, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", default=ALL)
    parser.add_argument("-o", "--output", type=Path, help="a file for how the drawings of each level fare")
    parser.add_argument("--journal")
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args()

    from drawings import check  # by the name under which a worker finds it

    def progress(done: int, total: int, name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} {name:60}", end="", file=sys.stderr)

    names = targets(given.patterns)
    context = {"columns": ["drawings"], "versions": versions()}
    found = gather(names, check, context=context, jobs=given.jobs, journal=given.journal, progress=progress)
    records = [found[name] for name in names]
    for line in report(records):
        print(line)
    if given.output:
        failures = {record["name"]: record["failure"] for record in records if record["failure"]}
        result = {"versions": versions(), "models": len(records), "not drawn": failures, "drawings": counts(records)}
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(True for record in records for _ in faults(record)))


if __name__ == "__main__":
    main()
