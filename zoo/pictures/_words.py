"""What is written in a box, and its role, from the ops that it stands for."""

from collections import Counter
from collections.abc import Iterator, Sequence

from zoo.extend import Op, Value
from zoo.pictures._graph import Graphs, Node, family, moves
from zoo.util.text import sizes

_SHORT = {
    "LocalResponseNorm": "LRN",
    "batch_norm": "BN",
    "elu": "ELU",
    "gelu": "GELU",
    "group_norm": "GN",
    "hardsigmoid": "h-sigmoid",
    "hardswish": "h-swish",
    "hardtanh": "ReLU6",
    "instance_norm": "IN",
    "layer_norm": "LN",
    "leaky_relu": "LeakyReLU",
    "prelu": "PReLU",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "rms_norm": "RMSNorm",
    "silu": "SiLU",
}
_SHOWN = ("attention", "conv", "linear", "recurrent", "pool", "norm")
Words = list[tuple[str, str]]


def plain(values: Sequence[Value]) -> tuple[int, ...]:
    """The sizes of the last of some values, without the batch."""
    shape = values[-1].shape if values else ()
    return shape[1:] if len(shape) > 1 else shape


def shape_of(values: Sequence[Value]) -> str:
    """The sizes of the last of some values, without the batch, as text: 64×112×112."""
    return sizes(plain(values))


def result(graphs: Graphs, node: Node) -> tuple[Value, ...]:
    """What a node makes, before it is only looked at in another way: 256×6×6 of a pooling that is flattened."""
    for op in reversed(node.ops):
        one = graphs.trace.ops[op]
        if not moves(one) and one.outputs:
            last = op == node.ops[-1]
            return graphs.outputs(node) if last else one.outputs[-1:]
    return graphs.outputs(node)


def read_by(graphs: Graphs, node: Node) -> list[Value]:
    """The values that a node reads of others, in order."""
    mine = set(node.ops)
    inputs = [value for op in node.ops for value in graphs.trace.ops[op].inputs]
    return [value for value in inputs if value.id in graphs.made and graphs.made[value.id] not in mine]


def role(graphs: Graphs, node: Node) -> str:
    """The role of a box, which decides its colour: the family of its main op, or "block" for a module of several layers."""
    if node.crowd or not graphs.leaf(node.part):
        return "block"
    found = _families(graphs, node)
    if _normalises(graphs, node):
        return "norm"
    for name in (*_SHOWN, "activation", "dropout"):
        if name in found:
            return name
    return "merge" if found & {"concat", "add", "mul"} else "other"


def dominant(graphs: Graphs, node: Node) -> str:
    """The role of a volume: what multiplies most generally in it, whatever surrounds that."""
    found = _families(graphs, node)
    return next((name for name in _SHOWN if name in found), "other")


def _normalises(graphs: Graphs, node: Node) -> bool:
    """Whether a node is a layer whose type says that it normalises, however it does it (LocalResponseNorm pools)."""
    return node.part >= 0 and graphs.trace.calls[node.part].leaf and "norm" in graphs.trace.calls[node.part].type.lower()


def _families(graphs: Graphs, node: Node) -> set[str]:
    return {family(graphs.trace.ops[op]) for op in node.ops}


def symbol(graphs: Graphs, node: Node) -> str:
    """The sign of an addition or a product of several tensors, "concat" for a concatenation; "" for any other node."""
    if node.crowd or node.part >= 0 or len({value.id for value in read_by(graphs, node)}) < 2:
        return ""
    if not all(moves(op) for part in node.parts[1:] for op in graphs.kinds(part)):
        return ""
    return {"add": "+", "mul": "×", "cat": "concat"}.get(graphs.trace.ops[~node.part].kind, "")


def described(graphs: Graphs, node: Node) -> list[str]:
    """What a layer does, in a line or two: "3×3 conv /2", "+ BN, ReLU"; of a crowd, how many ops there are and the most common."""
    if node.crowd:
        kinds = Counter(graphs.trace.ops[op].kind.replace("_", " ") for op in node.ops)
        return [f"{len(node.ops)} ops:", ", ".join(kind for kind, _ in kinds.most_common(3)) + (", …" if len(kinds) > 3 else "")]
    if not graphs.leaf(node.part):
        return [graphs.trace.calls[node.part].type]
    ops = [graphs.trace.ops[op] for op in node.ops]
    main = None if _normalises(graphs, node) else next((op for name in _SHOWN for op in ops if family(op) == name), None)
    if main is None or (node.part >= 0 and family(main) == "norm"):
        what = graphs.trace.calls[node.part].type if node.part >= 0 else graphs.trace.ops[~node.part].kind
        rest = node.parts[1:]
    else:
        what = _layer(main)
        rest = node.parts
    names = list(dict.fromkeys(name for part in rest for name in _tails(graphs, part, main)))
    return [what, *(["+ " + ", ".join(names[:3]) + (", …" if len(names) > 3 else "")] if names else [])]


def _tails(graphs: Graphs, part: int, main: Op | None) -> Iterator[str]:
    """What follows the main op: a layer that normalises by its type, however it does it, anything else by its ops."""
    ops = graphs.kinds(part)
    if _normalises(graphs, Node([part], [])) and not any(family(op) == "norm" for op in ops):
        yield _SHORT.get(name := graphs.trace.calls[part].type, name)
        return
    for op in ops:
        if op is not main and family(op) in {"norm", "activation", "dropout", "pool"} and "operator" not in op.traits:
            yield _SHORT.get(op.kind, op.kind.replace("_", " "))


def _layer(op: Op) -> str:
    kind = family(op)
    if kind == "conv":
        return _convolution(op)
    if kind == "pool":
        kernel = _sides(op.attrs.get("kernel_size"))
        name = "max pool" if "max" in op.kind else "avg pool" if "avg" in op.kind else op.kind
        return f"global {name}" if "adaptive" in op.kind and _one(op) else f"{kernel} {name}{_stride(op)}".strip()
    return {"linear": "linear", "scaled_dot_product_attention": "attention"}.get(op.kind, op.kind.replace("_", " "))


def _one(op: Op) -> bool:
    return all(n == 1 for n in op.output.shape[2:])


def _convolution(op: Op) -> str:
    weight = op.input("weight")
    kernel = f"{_sides(weight.shape[2:])} " if weight is not None and len(weight.shape) > 2 else ""
    groups = op.attrs.get("groups", 1)
    channels = op.inputs[0].shape[1] if len(op.inputs[0].shape) > 1 else 0
    name = "up-conv" if "transpose" in op.kind or op.attrs.get("transposed") else "conv"
    grouped = " dw" if groups > 1 and groups == channels else f" g{groups}" if groups > 1 else ""
    dilated = max(_numbers(op.attrs.get("dilation", 1)))
    return f"{kernel}{name}{grouped}{_stride(op)}" + (f" dil {dilated}" if dilated > 1 else "")


def _stride(op: Op) -> str:
    strides = _numbers(op.attrs.get("stride", 1)) or (1,)
    return f" /{_sides(strides) if len(set(strides)) > 1 else strides[0]}" if max(strides) > 1 else ""


def _numbers(value: object) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    return tuple(n for n in value if isinstance(n, int)) if isinstance(value, list | tuple) else ()


def _sides(value: object) -> str:
    numbers = _numbers(value)
    return sizes(numbers * 2 if len(numbers) == 1 and isinstance(value, int) else numbers)
