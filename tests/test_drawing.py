"""Drawings: lines are the edges of the trace, no box covers another, no label leaves its box, and files repeat byte for byte."""

import re
import sys
import time
from itertools import combinations

import zoo
from zoo.analysis.repeats import repeats
from zoo.pictures._metrics import text_width
from zoo.pictures._scene import COLUMN_MM, FONT, Node, Scene, points_of
from zoo.pictures.draw import drawing
from zoo.record.trace import UNUSED, Trace

Pair = tuple[str, str]

# What a drawing must hold --------------------------------------------------------------------------------------------------


def contains(outer: Node, inner: Node, slack: float = 0.01) -> bool:
    (x, y, w, h), (u, v, a, b) = outer.bounds, inner.bounds
    return x - slack <= u and y - slack <= v and u + a <= x + w + slack and v + b <= y + h + slack


def apart(one: Node, other: Node) -> bool:
    (x, y, w, h), (u, v, a, b) = one.bounds, other.bounds
    return x + w <= u + 0.01 or u + a <= x + 0.01 or y + h <= v + 0.01 or v + b <= y + 0.01


def overlaps(scene: Scene) -> list[Pair]:
    """Boxes that cover each other; a frame may hold a box, or be apart from it."""
    found = []
    for one, other in combinations(scene.nodes, 2):
        nested = (one.frame and contains(one, other)) or (other.frame and contains(other, one))
        if not nested and not apart(one, other):
            found.append((one.id, other.id))
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
    first = repeats(trace).ops
    boxes = [node for node in scene.nodes if not node.frame]
    owner = {op: node.id for node in boxes for op in node.ops}
    frames = [node for node in scene.nodes if node.frame]
    drawn = set(owner).union(*(node.ops for node in frames))
    for op in drawn - owner.keys():  # of a block that is folded into its first
        assert first[op] != op, f"op {op} {trace.ops[op].kind} of {trace.target} is in no box"
        owner[op] = owner[first[op]]
    made = {value.id: -1 - i for i, value in enumerate(trace.inputs)}
    made |= {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
    found: set[Pair] = set()
    for index, op in enumerate(trace.ops):
        for value in op.inputs if index in drawn and op.kind != UNUSED else ():
            source = made.get(value.id)
            if source is not None and source in owner and owner[source] != owner[index] and not _again(first, source, index):
                found.add((owner[source], owner[index]))
    return found


def _again(first: list[int], source: int, target: int) -> bool:
    """Whether an edge leads from one repetition of a block to the next, which is drawn as the ×n of its frame."""
    return first[target] != target and (first[source] == source or first[source] > first[target])


def without_ends(pairs: set[Pair]) -> set[Pair]:
    return {pair for pair in pairs if not re.match(r"(layer|stage)-(input|output)", pair[0] + " ") and pair[1] != "layer-output"}


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
    ids = [node.id for node in scene.nodes]
    found = {
        "overlaps": overlaps(scene),
        "labels": loose_labels(scene),
        "outside": outside(scene),
        "missing": sorted(wanted - drawn),
        "invented": sorted(drawn - wanted),
        "touches": touches(scene),
        "ids": sorted({one for one in ids if ids.count(one) > 1}),
        "width": [scene.width] if scene.width > points_of(most) + 0.01 else [],
    }
    return {name: what for name, what in found.items() if what}


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    for name in sys.argv[1:]:
        try:
            trace = zoo.trace(name)
        except zoo.ZooError as error:
            print(name, "REFUSED", str(error)[:60])
            continue
        for how in ({}, {"level": "blocks"}, {"level": "layers"}, {"level": "layers", "direction": "right"}):
            start = time.perf_counter()
            try:
                scene = drawing(trace, **how)
            except Exception as error:
                print(name, how, "ERROR", type(error).__name__, str(error)[:100])
                continue
            spent = time.perf_counter() - start
            try:
                found = wrong(trace, scene, 1e9 if "direction" in how else COLUMN_MM)
            except AssertionError as error:
                found = {"ERROR": [str(error)]}
            if found or spent > 0.5:
                print(name, how, f"{spent:.2f} s", {key: (len(value), value[:2]) for key, value in found.items()}, flush=True)
