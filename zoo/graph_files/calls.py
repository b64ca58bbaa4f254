"""Reconstruct the module calls of the nodes of an ONNX file, as far as the exporter recorded them."""

import ast
from collections.abc import Sequence
from typing import Any

from zoo.record.trace import Call, Op, Value

Scope = tuple[str, str]
"""A module's path and type."""


def scopes(node: Any) -> list[Scope]:
    """Return the modules that contain a node, outermost first, without the model.

    torch records them in the node's metadata; older exporters in its name, as in /layer1/layer1.0/conv1/Conv. Other nodes are
    separate layers, under their own name or that of their output.
    """
    said = {entry.key: entry.value for entry in node.metadata_props}
    try:
        names = ast.literal_eval(said["pkg.torch.onnx.name_scopes"])
        types = ast.literal_eval(said["pkg.torch.onnx.class_hierarchy"])
        pairs = [(str(name), str(kind).rpartition(".")[2]) for name, kind in zip(names, types, strict=True)]
        return [(name, kind) for name, kind in pairs[:-1] if name and not name.startswith("_empty_nn_module")]
    except (KeyError, ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        pass
    if node.name.startswith("/"):
        found: list[Scope] = []
        for part in node.name.split("/")[1:-1]:
            around = found[-1][0] if found else ""
            found.append((part if not around or part.startswith(f"{around}.") else f"{around}.{part}", "Module"))
        return [*found[:-1], (found[-1][0], node.op_type)] if found else []
    return [(node.name or next(filter(None, node.output), node.op_type), node.op_type)]


class Calls:
    """Consecutive nodes of one module form one call. Call 0 is the model."""

    def __init__(self, nodes: Sequence[Sequence[Scope]]) -> None:
        self.paths: list[Scope] = [("", "Graph")]
        self.parents: list[int | None] = [None]
        self.calls: list[int] = []
        open_now = [0]
        for node in nodes:
            same = 0
            while same < min(len(node), len(open_now) - 1) and self.paths[open_now[same + 1]][0] == node[same][0]:
                same += 1
            del open_now[same + 1 :]
            for scope in node[same:]:
                self.paths.append(scope)
                self.parents.append(open_now[-1])
                open_now.append(len(self.paths) - 1)
            self.calls.append(open_now[-1])

    def of(self, node: int) -> int:
        """Return the call in which a node runs."""
        return self.calls[node]

    def finish(self, ops: Sequence[Op], outputs: Sequence[Value]) -> tuple[Call, ...]:
        """Return all calls with their outputs: values that later ops outside of the call read, or that the graph returns."""
        made: dict[int, list[int]] = {}
        leaving: list[dict[int, Value]] = [{} for _ in self.paths]
        for op in (*ops, None):
            around = self._around(op.call) if op is not None else [0]
            for value in op.inputs if op is not None else outputs:
                for call in made.get(value.id, ()):
                    if call not in around:
                        leaving[call][value.id] = value
            for value in op.outputs if op is not None else ():
                made[value.id] = self._around(op.call) if op is not None else []
        leaving[0] = {value.id: value for value in outputs}
        around_some = {self.paths[parent][0] for parent in self.parents if parent is not None}
        return tuple(
            Call(path, kind, parent, path not in around_some, tuple(leaving[i][key] for key in sorted(leaving[i])))
            for i, ((path, kind), parent) in enumerate(zip(self.paths, self.parents, strict=True))
        )

    def _around(self, call: int | None) -> list[int]:
        """Yield the call and those that contain it."""
        found = []
        while call is not None:
            found.append(call)
            call = self.parents[call]
        return found
