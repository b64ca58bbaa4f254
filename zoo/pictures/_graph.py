"""From a trace to graphs: one for each level of its modules, never one of all ops.

Start with `Graphs.level`. The nodes of a module's graph are the modules and ops that it runs itself. `_constants` and `_tails` find
what a paper draws as one box (a convolution, its normalisation and its activation), `_folded` joins identical blocks that follow
one another. All keep the graph free of circles and its nodes in the order in which they ran.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import groupby

from zoo.analysis.repeats import Repeats, repeats
from zoo.analysis.rows import group, span_of_names
from zoo.analysis.stages import call_names
from zoo.extend import UNUSED, Op, Trace, Value

Pair = tuple[int, int]
"""An edge of the trace: the numbers of the op that makes a value and of one that reads it. -1 - i is input number i."""

IN, OUT = -1, -2
"""The ends of edges that enter a level and leave it."""

CROWD = 100
"""Nodes of a level above which ops that follow one another are one node, such as those that a detector runs for each class."""


@dataclass
class Node:
    """A module's call or an op, with what is joined to it. `parts` are the calls, and complements of ops, in order.

    `times` identical blocks that follow one another are one node, whose `part` is the first of them. A `crowd` is a run of ops.
    """

    parts: list[int]
    ops: list[int]
    times: int = 1
    crowd: bool = False

    @property
    def part(self) -> int:
        """The call, or the complement of the op, that the node is named after."""
        return self.parts[0]


@dataclass
class Level:
    """The graph of one call. `edges` are by the positions of nodes, with the edges of the trace that each stands for."""

    call: int
    nodes: list[Node]
    edges: Mapping[tuple[int, int], list[Pair]]

    @cached_property
    def _beside(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        before: dict[int, list[int]] = {}
        after: dict[int, list[int]] = {}
        for source, target in self.edges:
            before.setdefault(target, []).append(source)
            after.setdefault(source, []).append(target)
        return before, after

    def before(self, node: int) -> list[int]:
        """The nodes that a node reads, IN among them."""
        return self._beside[0].get(node, [])

    def after(self, node: int) -> list[int]:
        """The nodes that read a node, OUT among them."""
        return self._beside[1].get(node, [])


class Graphs:
    """The graphs of a trace, made when they are asked for."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.repeats: Repeats = repeats(trace)
        self.names = call_names([call.path for call in trace.calls])
        self.rows = {id(op): row.name for row in group(trace) for op in row.ops}
        self.items, self.spans = _contents(trace)
        self._leaves: dict[int, bool] = {}
        self._levels: dict[int, Level] = {}
        self.made = {value.id: -1 - i for i, value in enumerate(trace.inputs)}
        self.made |= {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
        self.pairs = list(_pairs(trace, self.made))
        self.read: dict[int, list[int]] = {}
        for source, target in self.pairs:
            self.read.setdefault(source, []).append(target)
        self.leaving = {self.made[value.id] for value in trace.outputs if value.id in self.made}
        self.sources: dict[int, list[int]] = {}
        for source, target in self.pairs:
            self.sources.setdefault(target, []).append(source)

    def inside(self, part: int) -> range:
        """The ops from the first to the last of a call, or an op's own number."""
        return range(~part, ~part + 1) if part < 0 else range(self.spans[part][0], self.spans[part][1] + 1)

    def level(self, call: int) -> Level:
        """The graph of a call, with boxes as papers draw them."""
        if call not in self._levels:
            self._levels[call] = self._made(call)
        return self._levels[call]

    def _made(self, call: int) -> Level:
        nodes = [Node([item], list(self.inside(item))) for item in self.items[call]]
        level = self.wired(call, nodes)
        level = self.wired(call, _joined(level, _constants(self, level)))
        level = self.wired(call, _joined(level, _tails(self, level)))
        level = self.wired(call, _folded(self, level))
        return level if len(level.nodes) <= CROWD else self.wired(call, list(_crowded(level.nodes)))

    def leaving_places(self, part: int) -> list[int]:
        """Which of the ops of a call others read, counted from its first."""
        inside = self.inside(part)
        leaves = [op for op in inside if op in self.leaving or any(one not in inside for one in self.read.get(op, ()))]
        return [op - inside.start for op in leaves]

    def bundled(self, level: Level) -> bool:
        """Whether one line into a module's frame and one out of it say all: what enters is read by the same nodes, and so is what
        leaves.
        """
        inside = self.inside(level.call)
        readers: dict[int, set[int]] = {}
        for (start, end), pairs in level.edges.items():
            for source, _ in pairs if start == IN else ():
                readers.setdefault(source, set()).add(end)
        leaving = [inside.start + place for place in self.leaving_places(level.call)]
        beyond = [frozenset(one for one in self.read.get(op, ()) if one not in inside) for op in leaving]
        return len(set(map(frozenset, readers.values()))) < 2 and len(set(beyond)) < 2

    def whole(self, nodes: list[Node]) -> Level:
        """The graph of the whole trace on these nodes."""
        return self.wired(0, nodes)

    def wired(self, call: int, nodes: list[Node]) -> Level:
        """The level with its edges, in the order of what reads and what is read."""
        place = {op: position for position, node in enumerate(nodes) for op in node.ops}
        edges: dict[tuple[int, int], list[Pair]] = {}
        for op in sorted(place):
            mine = place[op]
            for source in self.sources.get(op, ()):
                theirs = place.get(source, IN)
                if theirs != mine:
                    edges.setdefault((theirs, mine), []).append((source, op))
            if op in self.leaving:
                edges.setdefault((mine, OUT), [])
            for target in self.read.get(op, ()):
                if target not in place:
                    edges.setdefault((mine, OUT), []).append((op, target))
        return Level(call, nodes, edges)

    def leaf(self, part: int) -> bool:
        """Whether a part is drawn as one layer: an op, a call without calls, or one around a single box (Conv2d, norm and ReLU)."""
        if part < 0:
            return True
        if part not in self._leaves:
            self._leaves[part] = self.trace.calls[part].leaf or (part > 0 and len(self.items[part]) < 8 and self._one_box(part))
        return self._leaves[part]

    def _one_box(self, part: int) -> bool:
        nodes = self.level(part).nodes
        return len(nodes) == 1 and nodes[0].times == 1 and self.leaf(nodes[0].part)

    def name(self, node: Node) -> str:
        """The node's name as in a table: the module's, or the kind of op after its container's; 1–35 for several."""
        first = self._named(node.part)
        return span_of_names(first, self._named(node.parts[-1])) if node.times > 1 or node.crowd else first

    def span(self, node: Node) -> str:
        """One name for all that a node stands for: conv3–4."""
        calls = [part for part in node.parts if part >= 0 and not _light(self, Node([part], []))] or node.parts
        calls = [part for part in calls if not _pools(self, part)] or calls
        if calls[0] < 0:
            return self.name(node)
        if len(calls) > 1:
            return _from_to(self._named(calls[0]), self._named(calls[-1]))
        return self.name(node) if node.times > 1 or node.crowd else self._named(calls[0])

    def key(self, node: Node) -> str:
        """The name of the first of the layers that a node stands for, with codes such as :20: for what ids cannot hold."""
        return re.sub(r"[^\w.-]", lambda sign: f":{ord(sign[0]):x}:", self._named(node.part))

    def layer(self, part: int) -> str:
        """The name of a part in `zoo summary`."""
        return self._named(part)

    def _named(self, part: int) -> str:
        if (part < 0 or self.trace.calls[part].leaf) and self.kinds(part):
            return self.rows[id(self.kinds(part)[0])]
        return self.names[part] or self.trace.target

    def value(self, source: int) -> Value:
        """What an op makes last, or input number -1 - source."""
        return self.trace.inputs[-1 - source] if source < 0 else self.trace.ops[source].outputs[-1]

    def outputs(self, node: Node) -> tuple[Value, ...]:
        """The values of the node that others read, last made last."""
        mine = set(node.ops)
        found = [
            value
            for op in node.ops
            for value in self.trace.ops[op].outputs
            if op in self.leaving or any(target not in mine for target in self.read.get(op, ()))
        ]
        if found:
            return tuple(found)
        made = [value for op in node.ops for value in self.trace.ops[op].outputs]
        return tuple(made[-1:])

    def kinds(self, part: int) -> list[Op]:
        """The ops of a part."""
        return [self.trace.ops[op] for op in self.inside(part) if self.trace.ops[op].kind != UNUSED]


def _contents(trace: Trace) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """What each call ran itself, in order (a call, or the complement of an op), and the first and last op inside of each call."""
    items: list[list[int]] = [[] for _ in trace.calls]
    spans = [(len(trace.ops), -1)] * len(trace.calls)
    for index, op in enumerate(trace.ops):
        if op.kind == UNUSED:
            continue
        items[op.call].append(~index)
        call: int | None = op.call
        while call is not None:
            parent = trace.calls[call].parent
            if spans[call][1] < 0 and parent is not None:
                items[parent].append(call)
            spans[call] = min(spans[call][0], index), index
            call = parent
    return items, spans


def _pairs(trace: Trace, made: dict[int, int]) -> Iterator[Pair]:
    """Every edge of the trace once, by the op that reads."""
    for index, op in enumerate(trace.ops):
        if op.kind != UNUSED:
            yield from ((source, index) for source in dict.fromkeys(made[v.id] for v in op.inputs if v.id in made))


def _from_to(first: str, last: str) -> str:
    """One name for modules that follow one another: of the outermost ones that differ, or of those that differ in one letter.

    >>> _from_to("inception_4a", "inception_4c"), _from_to("features.2.1", "features.3"), _from_to("score", "pool")
    ('inception_4a–c', 'features.2–3', 'score…pool')
    """
    if first[:-1] == last[:-1] and last[-1].isalpha() and first != last:
        return f"{first}–{last[-1]}"
    ones, others = first.split("."), last.split(".")
    depth = min(len(ones), len(others))
    return span_of_names(".".join(ones[:depth]), ".".join(others[:depth]))


# What is drawn as one box ------------------------------------------------------------------------------------------------


def _root(owner: Sequence[int], node: int) -> int:
    while owner[node] != node:
        node = owner[node]
    return node


def _constants(graphs: Graphs, level: Level) -> list[int]:
    """For each node the one that it is joined to: a constant, or what is computed of parameters alone, to its only reader."""
    owner = list(range(len(level.nodes)))
    for here in owner:
        after = level.after(here)
        alone = len(after) == 1 and after[0] != OUT
        if alone and not level.before(here) and graphs.leaf(level.nodes[after[0]].part):
            owner[here] = after[0]
    return owner


def _tails(graphs: Graphs, level: Level) -> list[int]:
    """For each node the one that it is joined to: views, activations, normalisations and dropout to what they belong to.

    Only a node that one other reads is joined to that other, or the reverse, so that no path can leave the joined nodes and return.
    """
    owner = list(range(len(level.nodes)))
    for here, node in enumerate(level.nodes):
        before, after = level.before(here), level.after(here)
        data = [source for source in before if source != IN]
        alone = len(before) == 1 and data and level.after(data[0]) == [here]
        if _is(graphs, node, moves):
            if alone and graphs.leaf(level.nodes[_root(owner, data[0])].part):
                owner[here] = _root(owner, data[0])
            elif len(after) == 1 and after[0] != OUT and graphs.leaf(level.nodes[after[0]].part):
                owner[here] = after[0]
        elif alone and _light(graphs, node) and _takes_tails(graphs, level.nodes[_root(owner, data[0])]):
            owner[here] = _root(owner, data[0])
    return owner


def _joined(level: Level, owner: Sequence[int]) -> list[Node]:
    """The nodes of a level, each with those that it owns."""
    joined: dict[int, list[int]] = {}
    for here in range(len(level.nodes)):
        joined.setdefault(_root(owner, here), []).append(here)
    return [_union([level.nodes[own]] + [level.nodes[i] for i in others if i != own]) for own, others in sorted(joined.items())]


def _union(nodes: Sequence[Node], times: int = 1) -> Node:
    return Node([part for node in nodes for part in node.parts], sorted(op for node in nodes for op in node.ops), times)


def _is(graphs: Graphs, node: Node, test: Callable[[Op], bool]) -> bool:
    return graphs.leaf(node.part) and all(map(test, graphs.kinds(node.part)))


def moves(op: Op) -> bool:
    """Whether an op only looks at its input in another way."""
    return "view" in op.traits or op.kind in {"contiguous", "clone", "to", "_to_copy", "flatten", "reshape", "permute", "transpose"}


def _light(graphs: Graphs, node: Node) -> bool:
    """Whether a node is an activation, a normalisation or dropout."""
    kinds = graphs.kinds(node.part)
    named = node.part >= 0 and "norm" in graphs.trace.calls[node.part].type.lower() and graphs.trace.calls[node.part].leaf
    return graphs.leaf(node.part) and (named or all(family(op) in {"activation", "norm", "dropout"} or moves(op) for op in kinds))


def _pools(graphs: Graphs, part: int) -> bool:
    return graphs.leaf(part) and {family(op) for op in graphs.kinds(part)} == {"pool"}


def _takes_tails(graphs: Graphs, node: Node) -> bool:
    """Whether activations are drawn in the box of a node: layers take them, additions and blocks do not."""
    kinds = [family(op) for op in graphs.kinds(node.part)]
    return graphs.leaf(node.part) and any(kind in {"conv", "linear", "norm", "attention"} for kind in kinds)


def _folded(graphs: Graphs, level: Level) -> list[Node]:
    """The nodes of a level after joining calls that are alike and follow one another, each reading the one before."""
    nodes: list[Node] = []
    run: list[int] = []
    for here, node in enumerate([*level.nodes, Node([], [])]):
        first = level.nodes[run[0]] if run else None
        if first and node.parts and _repeats(graphs, first, node) and _follows(level, run, here):
            run.append(here)
            continue
        if first:
            nodes.append(_union([level.nodes[i] for i in run], len(run)))
        run = [here]
    return nodes


def _repeats(graphs: Graphs, first: Node, node: Node) -> bool:
    calls = graphs.repeats.calls
    if min(first.part, node.part) < 0 or len(first.parts) > 1 or len(node.parts) > 1 or calls[node.part] != calls[first.part]:
        return False
    return graphs.leaving_places(first.part) == graphs.leaving_places(node.part)


def _follows(level: Level, run: Sequence[int], here: int) -> bool:
    """Whether a node reads the last of a run, and beside it what the first of the run reads; and nothing else reads that last."""
    before = set(level.before(here))
    rest = set(level.before(run[0])) if len(run) > 1 else before
    shared = before - {run[-1]}
    return run[-1] in before and level.after(run[-1]) == [here] and shared <= rest


def _crowded(nodes: Sequence[Node]) -> Iterator[Node]:
    """Join ops that follow one another without a module's call between them."""
    for alone, run in groupby(nodes, key=lambda node: node.part < 0):
        found = list(run)
        if alone and len(found) > 1:
            yield replace(_union(found), crowd=True)
        else:
            yield from found


# What an op is, for its colour and its words -------------------------------------------------------------------------------


def family(op: Op) -> str:
    """The family of an op: conv, linear, attention, pool, norm, activation, dropout, add, mul, concat, or other."""
    kind = op.kind
    if (named := _named_family(kind)) is not None:
        return named
    if kind in {"add", "mul"} and sum(value.source in {"op", "input", "variable"} for value in op.inputs) > 1:
        return kind
    return "activation" if "pointwise" in op.traits else "other"


@cache
def _named_family(kind: str) -> str | None:
    return next((name for name, words in _WORDS.items() if any(word in kind for word in words)), None)


_WORDS = {
    "other": ("upsample",),
    "attention": ("attention",),
    "conv": ("conv",),
    "pool": ("pool",),
    "norm": ("norm",),
    "dropout": ("dropout",),
    "linear": ("linear", "addmm", "matmul", "bmm", "mm", "einsum"),
    "recurrent": ("lstm", "gru", "rnn"),
    "concat": ("cat", "stack"),
    "activation": ("relu", "elu", "swish", "sigmoid", "tanh", "softmax", "mish", "softplus", "silu", "glu"),
}
