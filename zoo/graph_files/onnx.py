"""Read ONNX files: shapes come from onnx's inference, node by node, and each operator becomes ops of a trace.

Only arithmetic on sizes is computed, and external data files are not read.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.graph_files import Given, settle
from zoo.graph_files.calls import Calls, scopes
from zoo.graph_files.node import Node, Step, UnmappedError
from zoo.graph_files.operators import steps
from zoo.record.trace import UNUSED, Op, Param, Trace, Value
from zoo.util.errors import ZooError
from zoo.util.text import sizes

_SMALL = 4096
"""The largest number of elements in arithmetic on sizes; larger tensors are weights."""

_OWN = ("", "ai.onnx")
_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
_NO_WEIGHTS = {"Clip": (1, 2), "Resize": (1, 2), "Upsample": (1,), "Pad": (2,), "Dropout": (1, 2), "Slice": (1, 2, 3, 4)}
"""Inputs that are not weights although they can be floating-point constants, by operator."""

_STATISTICS = {"BatchNormalization": (3, 4)}


def read(path: Path, shapes: Sequence[Sequence[int]] | None, batch: int) -> tuple[Trace, list[str]]:
    """Return the trace of an ONNX file, and remarks. Raises `ZooError` if it is not an ONNX file, or inconsistent."""
    try:
        import onnx
        import onnx.inliner
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ZooError(f"{path}: ONNX files require onnx: cannot import it ({error}); pip install 'zoo[onnx]'") from error
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, UnicodeDecodeError) as error:
        raise ZooError(f"{path} is damaged or not an ONNX file: {str(error).partition(chr(10))[0]}") from error
    if not model.graph.node and not model.graph.output:
        raise ZooError(f"{path} is damaged or not an ONNX file: it contains no graph")
    if model.functions:
        _check_functions(path, model)
        model = onnx.inliner.inline_local_functions(model)
    reader = _Reader(path, model)
    sizes = settle(path, reader.given, shapes, batch)
    return reader.trace(sizes), list(reader.remarks())


_MOST_NODES = 200_000
"""So many operators a graph may have once its functions are unfolded: the largest networks have some thousands."""


def _check_functions(path: Path, model: Any) -> None:
    """Raises `ZooError` for functions that call themselves, or that would unfold to more than anyone can hold."""
    bodies = {(one.domain, one.name): [(node.domain, node.op_type) for node in one.node] for one in model.functions}
    counts: dict[tuple[str, str], int | None] = {}

    def count(name: tuple[str, str]) -> int:
        if name not in bodies:
            return 1
        if name not in counts:
            counts[name] = None
            counts[name] = 1 + sum(map(count, bodies[name]))
        if (found := counts[name]) is None:
            raise ZooError(f"{path}: its function {name[1]} calls itself")
        return found

    if len(bodies) > _MOST_NODES or sum(count((node.domain, node.op_type)) for node in model.graph.node) > _MOST_NODES:
        raise ZooError(f"{path}: its functions unfold to more than {_MOST_NODES:,} operators")
    for name in bodies:
        count(name)


@dataclass
class _Reader:
    """Reads one model."""

    path: Path
    model: Any
    values: dict[str, Value] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Param] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)
    ops: list[Op] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        from onnx import TensorProto, defs, numpy_helper

        graph = self.model.graph
        self.opsets = {one.domain or "ai.onnx": one.version for one in self.model.opset_import}
        self.types = {value: key.lower() for key, value in TensorProto.DataType.items()} | {1: "float32", 11: "float64"}
        self.schema, self.array = defs.get_schema, numpy_helper.to_array
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.kinds = {
            value.name: p.value for value in (*graph.value_info, *graph.input) for p in value.metadata_props if p.key == _KIND
        }
        self.declared = {value.name: value.type for value in (*graph.value_info, *graph.output)}
        given = [value for value in graph.input if value.name not in self.stored]
        self.given = [Given(v.name, tuple(self._sizes(v)), self._dtype(v.type.tensor_type.elem_type), {}) for v in given]

    def _sizes(self, value: Any) -> Iterator[int | str]:
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            raise ZooError(f"{self.path}: input {value.name} has no shape")
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            yield dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param or f"{value.name}_{axis}"

    def _dtype(self, number: int) -> str:
        return str(self.types.get(number, number))

    def remarks(self) -> Iterator[str]:
        """Yield remarks on the file."""
        rules = [p.value for node in self.model.graph.node for p in node.metadata_props if p.key.endswith("rewriter.rule_name")]
        if folded := sum("FuseBatchNorm" in rule for rule in rules):
            yield f"the exporter folded {folded} batch normalisations into other layers, so the file has fewer parameters and FLOPs"

    # The walk

    def trace(self, sizes: Sequence[tuple[int, ...]]) -> Trace:
        """Process every operator in order, with inputs of these sizes."""
        graph = self.model.graph
        for one, size in zip(self.given, sizes, strict=True):
            self.values[one.name] = self._new(size, one.dtype, "input")
        inputs = tuple(self.values[one.name] for one in self.given)
        pairs = [pair for one, size in zip(self.given, sizes, strict=True) for pair in zip(one.sizes, size, strict=True)]
        self.bound = {symbol: n for symbol, n in pairs if isinstance(symbol, str)}
        self._hold(graph)
        calls = Calls([scopes(node) for node in graph.node])
        for index, node in enumerate(graph.node):
            self._step(node, calls.of(index))
        unused = tuple(p for name, p in self.params.items() if name not in self.owned and p.kind == "parameter")
        if unused:
            self.ops.append(Op(UNUSED, 0, (), (), (), {}, frozenset(), unused))
        outputs = tuple(self.values[value.name] for value in graph.output if value.name in self.values)
        maker = f"{self.model.producer_name} {self.model.producer_version}".strip()
        versions = {"opset": str(self.opsets.get("ai.onnx", "")), **({"exporter": maker} if maker else {})}
        return Trace("", "eval", inputs, outputs, calls.finish(self.ops, outputs), tuple(self.ops), versions)

    def _new(self, shape: Sequence[int], dtype: str, source: str = "op") -> Value:
        self.made += 1
        return Value(self.made, tuple(shape), dtype, source)

    def _hold(self, graph: Any) -> None:
        """Read the stored tensors: parameters, running statistics, constants."""
        for tensor in graph.initializer:
            self._constant(tensor.name, tensor, stored=True)
        for node in graph.node:
            for i in _STATISTICS.get(node.op_type, ()):
                if i < len(node.input) and (old := self.params.get(node.input[i])) is not None and node.input[i] not in self.kinds:
                    self._declare(node.input[i], old.shape, old.dtype, "buffer")
            for i in _NO_WEIGHTS.get(node.op_type, ()):
                if i < len(node.input) and self.params.pop(node.input[i], None) is not None:
                    value = self.values[node.input[i]]
                    self.values[node.input[i]] = self._new(value.shape, value.dtype, "constant")

    def _constant(self, name: str, tensor: Any, *, stored: bool) -> None:
        """Return a stored tensor. If the exporter does not state its role, floating-point tensors with axes are parameters."""
        shape, dtype = tuple(tensor.dims), self._dtype(tensor.data_type)
        said = self.kinds.get(name)
        if said is None:
            floating = "float" in dtype or dtype in {"int8", "uint8", "int4", "uint4"}
            weight = floating and bool(shape) and not self.kinds and (stored or math.prod(shape) > 1)
        else:
            weight = said in {"PARAMETER", "BUFFER"}
        if weight:
            self._declare(name, shape, dtype, "buffer" if said == "BUFFER" else "parameter")
        else:
            self.values[name] = self._new(shape, dtype, "constant")
        if math.prod(shape) <= _SMALL and not tensor.external_data:
            self.numbers[name] = self.array(tensor)

    def _declare(self, name: str, shape: tuple[int, ...], dtype: str, kind: str) -> None:
        self.params[name] = Param(name, shape, dtype, kind, kind == "parameter")
        self.values[name] = self._new(shape, dtype, kind)
        self.names[self.values[name].id] = name

    def _step(self, node: Any, call: int) -> None:
        """Process one operator: a constant, arithmetic on sizes, or ops of the trace."""
        import onnx

        attrs = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        attrs = {name: value.decode(errors="replace") if isinstance(value, bytes) else value for name, value in attrs.items()}
        if node.op_type == "Constant" and node.domain in _OWN:
            self._literal(node, attrs)
            return
        types = self._inferred(node)
        if self._computed(node, attrs, types):
            return
        unknown = f"{node.domain or 'onnx'}::{node.op_type}"
        inputs = [self.values.get(name) for name in node.input]
        missing = any(name and name not in self.values for name in node.input)
        outputs = [self._new(*types[name]) for name in node.output if name in types]
        known = Node(
            node.op_type,
            self.opsets.get(node.domain or "ai.onnx", 1),
            attrs,
            inputs,
            outputs,
            [self.numbers.get(name) for name in node.input],
            lambda shape: self._new(shape, inputs[0].dtype if inputs and inputs[0] else "float32"),
        )
        try:
            if missing or node.domain not in _OWN or len(outputs) < len([name for name in node.output if name]):
                raise UnmappedError
            found = steps(known)
        except (UnmappedError, KeyError, IndexError):
            inner = [self.values[name] for name in self._captured(node) if name in self.values]
            given = [("inputs", value) for value in (*filter(None, inputs), *inner)]
            found = [Step(unknown, given, outputs)]
        if [step.kind for step in found] == ["alias"]:  # the same tensor under another name
            self.values[node.output[0]] = found[0].inputs[0][1]
            return
        for step in found:
            self._write(step, call)
        self.values.update(zip((name for name in node.output if name in types), outputs, strict=True))

    def _write(self, step: Step, call: int) -> None:
        owns = []
        for _, value in step.inputs:
            if (name := self.names.get(value.id)) in self.params and name not in self.owned:
                self.owned.add(name)
                owns.append(self.params[name])
        roles, inputs = tuple(role for role, _ in step.inputs), tuple(value for _, value in step.inputs)
        self.ops.append(Op(step.kind, call, inputs, roles, tuple(step.outputs), dict(step.attrs), step.traits, tuple(owns)))

    def _captured(self, node: Any) -> Iterator[str]:
        """Return what the branches of a control flow operator read from outside, and what they store."""
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                for tensor in graph.initializer:
                    self._constant(tensor.name, tensor, stored=True)
                    yield tensor.name
                for inner in graph.node:
                    yield from inner.input
                    yield from self._captured(inner)

    # Shapes and numbers

    def _literal(self, node: Any, attrs: Mapping[str, Any]) -> None:
        from onnx import TensorProto, numpy_helper

        (kind, value), *_ = attrs.items()
        if not isinstance(value, TensorProto):
            import numpy

            wanted = {"value_float": "float32", "value_floats": "float32", "value_int": "int64", "value_ints": "int64"}.get(kind)
            value = numpy_helper.from_array(numpy.array(value, dtype=wanted))
        self._constant(node.output[0], value, stored=False)

    def _inferred(self, node: Any) -> dict[str, tuple[tuple[int, ...], str]]:
        """Return shapes and types of a node's outputs, from onnx's inference or from the file; None if neither has them."""
        from onnx import helper, numpy_helper, shape_inference

        numbers = {v: k for k, v in self.types.items()}
        found: dict[str, Any] = {}
        present = [name for name in node.input if name]
        if all(name in self.values for name in present):
            given = {n: helper.make_tensor_type_proto(numbers[self.values[n].dtype], self.values[n].shape) for n in present}
            data = {n: numpy_helper.from_array(self.numbers[n]) for n in present if n in self.numbers}
            try:
                schema = self.schema(node.op_type, self.opsets.get(node.domain or "ai.onnx", 1), node.domain)
                opsets = list(self.model.opset_import)
                found = dict(shape_inference.infer_node_outputs(schema, node, given, data, opset_imports=opsets))
            except self._silent():
                found = {}
        shapes = {}
        for name in filter(None, node.output):
            for said in (found.get(name), self.declared.get(name)):
                sizes = self._settled(said)
                if said is not None and sizes is not None and name not in shapes:
                    if any(n < 0 for n in sizes):
                        raise ZooError(f"{self._place(node)}: the kernel does not fit into maps of {self._size(node.input[0])}")
                    shapes[name] = sizes, self._dtype(said.tensor_type.elem_type)
        self._check(node)
        return shapes

    def _silent(self) -> tuple[type[Exception], ...]:
        from onnx import defs, shape_inference

        return (defs.SchemaError, shape_inference.InferenceError, RuntimeError, ValueError, KeyError)

    def _settled(self, type: Any) -> tuple[int, ...] | None:
        if type is None or not type.HasField("tensor_type") or not type.tensor_type.HasField("shape"):
            return None
        sizes = [
            dim.dim_value if dim.HasField("dim_value") else self.bound.get(dim.dim_param) for dim in type.tensor_type.shape.dim
        ]
        return None if None in sizes else tuple(n for n in sizes if n is not None)

    def _check(self, node: Any) -> None:
        """Check channels and kernels, which onnx's inference does not."""
        if node.op_type not in {"Conv", "ConvTranspose"} or any(name not in self.values for name in node.input[:2]):
            return
        x, weight = self.values[node.input[0]], self.values[node.input[1]]
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        expected = weight.shape[1] * groups if node.op_type == "Conv" else weight.shape[0]
        if len(x.shape) > 1 and x.shape[1] != expected:
            raise ZooError(f"{self._place(node)}: expected {expected} channels, got {x.shape[1]}")
        kernel = next((tuple(a.ints) for a in node.attribute if a.name == "kernel_shape"), weight.shape[2:])
        if kernel != weight.shape[2:]:
            raise ZooError(f"{self._place(node)}: kernel_shape is {sizes(kernel)}, but its weights are {sizes(weight.shape)}")

    def _place(self, node: Any) -> str:
        return f"{self.path}: {node.name or (node.output[0] if node.output else '')} ({node.op_type})"

    def _size(self, name: str) -> str:
        return sizes(self.values[name].shape[2:])

    def _computed(self, node: Any, attrs: Mapping[str, Any], types: Mapping[str, tuple[tuple[int, ...], str]]) -> bool:
        """Compute a node that is arithmetic on known numbers, and return whether it is."""
        import numpy

        if node.op_type in {"Shape", "Size"} and node.input[0] in self.values:
            shape = self.values[node.input[0]].shape
            found = shape[attrs.get("start", 0) : attrs.get("end")] if node.op_type == "Shape" else math.prod(shape)
            self._know(node.output[0], numpy.array(found, dtype=numpy.int64))
            return True
        weights = any(name in self.params for name in node.input)
        known = not weights and bool(node.input) and all(not name or name in self.numbers for name in node.input)
        small = len(types) == len(node.output) and all(math.prod(shape) <= _SMALL for shape, _ in types.values())
        if not (known and small) or any(attribute.HasField("g") for attribute in node.attribute) or "Random" in node.op_type:
            return False
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        given = list(dict.fromkeys(name for name in node.input if name))
        graph = helper.make_graph(
            [node],
            "sizes",
            [helper.make_empty_tensor_value_info(name) for name in given],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        )
        model = helper.make_model(graph, opset_imports=list(self.model.opset_import))
        try:
            results = ReferenceEvaluator(model).run(None, {name: self.numbers[name] for name in given})
        except Exception:  # an operator that the reference lacks
            return False
        for name, result in zip(filter(None, node.output), results, strict=True):
            self._know(name, numpy.asarray(result))
        return True

    def _know(self, name: str, array: Any) -> None:
        self.values[name] = self._new(array.shape, str(array.dtype), "constant")
        self.numbers[name] = array
