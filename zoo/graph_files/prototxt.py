"""Read Caffe's network definitions (.prototxt): layers by the names of the file, in the phase TEST, or TRAIN in training mode.

Nothing is run, and no weights are needed: every size follows from the fields of the layers (`caffe/rules.py`) and from the input. A
layer whose output sizes are not in the file (Python, and types that Caffe does not have) is listed with an unknown cost, and so are
the layers after it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from zoo.graph_files import Given, settle
from zoo.graph_files.caffe.layer import Layer, Section, Shape, UnreadableError
from zoo.graph_files.caffe.oldest import upgraded
from zoo.graph_files.caffe.rules import NEEDS_SCORES_ONLY, OLD_TYPES, run
from zoo.graph_files.caffe.textformat import Message
from zoo.graph_files.caffe.textformat import read as read_fields
from zoo.graph_files.calls import Calls, Scope
from zoo.graph_files.node import Step
from zoo.record.trace import Op, Param, Trace, Value
from zoo.util.errors import ZooError, near, unknown
from zoo.util.text import sizes

_MOST_LAYERS = 100_000
_MOST_LEVELS = 2**31

_DATA = frozenset("AnnotatedData Data DummyData HDF5Data ImageData Input MemoryData WindowData".split())
_LABELLED = frozenset("AnnotatedData Data ImageData MemoryData WindowData".split())
"""Data layers whose second top is one label for each image."""


def read(
    path: Path,
    shapes: Sequence[Sequence[int]] | None,
    batch: int,
    train: bool = False,
    options: Mapping[str, Any] | None = None,
) -> tuple[Trace, list[str]]:
    """Return the trace of a network definition, and remarks. The option `stage` names the stages of which layers take part.

    Raises `ZooError` with the line of what cannot be read, and for another option.
    """
    for name in (options or {}).keys() - {"stage"}:
        raise ZooError(f"{path}: a network definition has no option {name}; expected stage, as in --set stage=deploy")
    stages = frozenset(str((options or {}).get("stage", "")).replace(",", " ").split())
    reader = _Reader(path, read_fields(path), train, stages)
    reader.find_inputs(shapes)
    settled = settle(path, reader.given, shapes, batch)
    return reader.trace(settled), reader.remarks


@dataclass
class _Made:
    """A layer of the file that takes part in this phase. A loss without a top has one, under its own name."""

    name: str
    type: str
    section: Section
    bottoms: list[str]
    tops: list[str]

    @property
    def gives_data(self) -> bool:
        """Whether it is a data layer: one of Caffe's, one of the user's code without inputs, or one that states its sizes."""
        sizes_stated = "input_param" in self.section.message.fields
        return self.type in _DATA or (not self.bottoms and (self.type == "Python" or sizes_stated))


@dataclass
class _Reader:
    """Reads one file."""

    path: Path
    file: Message
    train: bool
    asked: frozenset[str] = frozenset()
    given: list[Given] = field(default_factory=list)
    declared: list[Shape] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    values: dict[str, Value | None] = field(default_factory=dict)
    ends: dict[str, Value] = field(default_factory=dict)
    params: dict[int, Param] = field(default_factory=dict)
    common: dict[str, Value] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    made: int = 0
    unstaged: str = ""

    def __post_init__(self) -> None:
        self.file.fields["layers"] = upgraded(self.path, self.file.fields.get("layers", []))
        self.net = Section(f"{self.path}:LINE", self.file)
        self.state = self.net.section("state")
        self.stages = self.asked or frozenset(self.state.texts("stage"))
        every = [*self.net.sections("layers"), *self.net.sections("layer")]
        if not every:
            solver = {"net", "train_net", "base_lr", "lr_policy"} & self.file.fields.keys()
            what = "a solver's file, which names the file of the network" if solver else "not the definition of a network"
            raise ZooError(f"{self.path}: it is {what}: expected layer {{ ... }}")
        if len(every) > _MOST_LAYERS:
            raise ZooError(f"{self.path}: it has more than {_MOST_LAYERS:,} layers")
        every.sort(key=lambda section: section.message.line)
        self._check_stages(every)
        self.layers = [self._layer(section) for section in every if self._included(section)]

    def _check_stages(self, layers: Sequence[Section]) -> None:
        """Refuse a stage that no rule of the file names, and say which there are if none is chosen."""
        rules = [rule for one in layers for kind in ("include", "exclude") for rule in one.sections(kind)]
        named = {name for rule in rules for kind in ("stage", "not_stage") for name in rule.texts(kind)}
        for name in sorted(self.asked - named):
            raise ZooError(f"{self.path}: {unknown('stage', name, sorted(named), 'its layers have no stages')}")
        if named and not self.stages:
            self.unstaged = f"no stage is chosen; rules of the file name {', '.join(sorted(named))} (use --set stage=NAME)"
            self.remarks.append(self.unstaged)

    # What the file has

    def _layer(self, section: Section) -> _Made:
        names, types = section.texts("name"), section.texts("type")
        if not types:
            self._fail(section, f"layer {names[-1] if names else ''}: expected a type, got none")
        kind = OLD_TYPES.get(types[-1].replace("_", ""), types[-1])
        kind = "SoftmaxWithLoss" if kind == "SOFTMAX_LOSS" else kind
        tops = section.texts("top")
        name = names[-1] if names else tops[0] if tops else kind
        section.place = f"{self.path}:LINE: layer {name} ({kind})"
        if types[-1] == "CROP":
            self.remarks.append(f"{name}: the file states no offsets; 0 is assumed, which moves receptive fields and no sizes")
        return _Made(name, kind, section, section.texts("bottom"), tops or ([name] if kind.endswith("Loss") else []))

    def _included(self, section: Section) -> bool:
        """Whether a layer takes part in this phase, at the level and in the stages that are asked for or that the file states."""
        rules, without = section.sections("include"), section.sections("exclude")
        if rules and without:
            self._fail(section, "a layer has either include or exclude, not both")
        return any(map(self._meets, rules)) if rules else not any(map(self._meets, without))

    def _meets(self, rule: Section) -> bool:
        phase = rule.word("phase", ("TRAIN", "TEST")) if rule.all("phase") else None
        if phase not in {None, "TRAIN" if self.train else "TEST"}:
            return False
        level = self.state.integer("level", 0, -_MOST_LEVELS)
        least, most = rule.integer("min_level", level, -_MOST_LEVELS), rule.integer("max_level", level, -_MOST_LEVELS)
        wanted, barred = set(rule.texts("stage")), set(rule.texts("not_stage"))
        return least <= level <= most and wanted <= self.stages and not barred & self.stages

    def _fail(self, section: Section, what: str) -> NoReturn:
        raise ZooError(f"{self.path}:{section.message.line}: {what}")

    # Inputs

    def find_inputs(self, shapes: Sequence[Sequence[int]] | None) -> None:
        """Find what the network reads: fields `input`, layers Input, and the images of data layers."""
        for name, shape in self._fields():
            self._give(name, shape)
        for one in self.layers:
            if one.gives_data:
                self._data(one, shapes)
        if not self.given:
            phase, other = ("TRAIN", "without --train, TEST is read") if self.train else ("TEST", "--train reads TRAIN")
            expected = "expected input and input_dim, a layer Input, or a data layer"
            more = f"; {self.unstaged}" if self.unstaged else ""
            raise ZooError(f"{self.path}: it has no input in the phase {phase} ({other}); {expected}{more}")

    def _fields(self) -> Iterator[tuple[str, Shape]]:
        """The inputs of the old syntax: four sizes for each, or a shape for each."""
        names = self.net.texts("input")
        shapes = [section.shape() for section in self.net.sections("input_shape")]
        dims = self.net.integers("input_dim", 1)
        shapes = shapes or [tuple(dims[i : i + 4]) for i in range(0, len(dims), 4)]
        if len(dims) % 4 or (names and (len(shapes) != len(names) or not all(shapes))):
            self.net.fail("input", f"expected four input_dim or one input_shape for each of {len(names)}, got {len(shapes)}")
        yield from zip(names, shapes, strict=False)

    def _give(self, name: str, shape: Shape) -> None:
        """Another input, of which every size can be replaced."""
        symbols = tuple(f"{name}_{axis}" for axis in range(len(shape)))
        self.given.append(Given(name, symbols, "float32", dict(zip(symbols, shape, strict=True))))
        self.declared.append(shape)

    def _data(self, one: _Made, shapes: Sequence[Sequence[int]] | None) -> None:
        found = list(self._data_shapes(one))
        for i, top in enumerate(one.tops):
            if i < len(found):
                self._give(top, found[i])
            elif i == 0 and shapes is not None and len(shapes) > len(self.given):
                self._give(top, tuple(shapes[len(self.given)]))
            elif i == 0:
                what = "the sizes of its images are not in the file; pass --input, such as --input 3x224x224"
                self._fail(one.section, f"layer {one.name} ({one.type}): {what}")

    def _data_shapes(self, one: _Made) -> Iterator[Shape]:
        """The sizes of a data layer's images, as far as the file states them."""
        section = one.section
        if stated := [shape.shape() for shape in section.section("input_param").sections("shape")]:
            yield from stated * (len(one.tops) if len(stated) == 1 else 1)
        elif one.type == "DummyData":
            param = section.section("dummy_data_param")
            shapes = [shape.shape() for shape in param.sections("shape")]
            old = [param.integers(name, 1) for name in ("num", "channels", "height", "width")]
            shapes = shapes or list(zip(*old, strict=False))
            yield from shapes * (len(one.tops) if len(shapes) == 1 else 1)
        elif one.type == "MemoryData":
            param = section.section("memory_data_param")
            yield tuple(param.needed(name) for name in ("batch_size", "channels", "height", "width"))
        elif one.type in _LABELLED:
            yield from self._images(one, section)

    def _images(self, one: _Made, section: Section) -> Iterator[Shape]:
        """Images of a database: their size is that of the crop, and they have three channels unless the file says grey."""
        changes, own = section.section("transform_param"), section.section(f"{_snake(one.type)}_param")
        side = changes.integer("crop_size", 0) or own.integer("crop_size", 0)
        sides = (side, side) if side else (own.integer("new_height", 0), own.integer("new_width", 0))
        resized = changes.section("resize_param")
        sides = sides if all(sides) else (resized.integer("height", 0), resized.integer("width", 0))
        if not all(sides):
            return
        grey = changes.flag("force_gray", False) or not own.flag("is_color", True)
        if one.type != "ImageData" and not grey and not changes.flag("force_color", False):
            self.remarks.append(f"{one.name}: images of 3 channels are assumed, since the file does not state them (use --input)")
        yield own.integer("batch_size", 1, 1), 1 if grey else 3, *sides

    # The walk

    def trace(self, settled: Sequence[Shape]) -> Trace:
        """Process every layer in order, with inputs of these sizes."""
        for given, size in zip(self.given, settled, strict=True):
            self.values[given.name] = self.ends[given.name] = self._new(size, "input")
        inputs = tuple(value for value in self.values.values() if value is not None)
        self._say_sizes(settled)
        calls = Calls(_scopes(self.layers))
        for index, one in enumerate(self.layers):
            if one.gives_data:
                self._labels(one, inputs[0].shape[0])
            else:
                self._step(one, calls.of(index))
        if self.unread:
            shown = ", ".join(self.unread[:6]) + (f" and {len(self.unread) - 6} more" if len(self.unread) > 6 else "")
            self.remarks.append(f"not counted: {shown}; totals, also those of params, leave these layers out")
        outputs = tuple(value for value in self.ends.values() if value.source == "op") or inputs
        mode = "train" if self.train else "eval"
        return Trace("", mode, inputs, outputs, calls.finish(self.ops, outputs), tuple(self.ops), {})

    def _say_sizes(self, settled: Sequence[Shape]) -> None:
        """State where the sizes are not those of the file."""
        for one, size, declared in zip(self.given, settled, self.declared, strict=True):
            if size[1:] != declared[1:]:
                self.remarks.append(f"the file declares {one.name} {sizes(declared)}")
            elif size != declared:
                self.remarks.append(f"batch {size[0]}; the file declares {one.name} {sizes(declared)} (use --batch)")

    def _new(self, shape: Shape, source: str) -> Value:
        self.made += 1
        return Value(self.made, shape, "float32", source)

    def _labels(self, one: _Made, batch: int) -> None:
        """What a data layer gives beside its images: a label for each, or what only its data says."""
        for top in one.tops:
            if top not in self.values:
                self.values[top] = self._new((batch,), "constant") if one.type in _LABELLED else None

    def _step(self, one: _Made, call: int) -> None:
        """Process one layer."""
        for bottom in one.bottoms:
            if bottom not in self.values:
                close = near(bottom, self.values)
                one.section.fail("bottom", f"no layer before gives {bottom!r}" + (f"; did you mean {close[0]}?" if close else ""))
            self.ends.pop(bottom, None)
        inputs = [self.values[bottom] for bottom in one.bottoms]
        known = [value for value in inputs if value is not None]
        in_place = bool(one.tops) and one.tops[:1] == one.bottoms[:1]
        layer = Layer(one.name, one.type, one.section, known, one.tops, in_place, self.train, self._new, self._share)
        try:
            if len(known) < len(inputs) and not (one.type in NEEDS_SCORES_ONLY and inputs[0] is not None):
                raise UnreadableError("it reads what such a layer gives")
            outputs: Sequence[Value | None] = run(layer)
        except UnreadableError as error:
            self.unread.append(f"{one.name} ({one.type}, line {one.section.message.line}: {error})")
            layer.steps = [Step(f"caffe::{one.type}", [("inputs", value) for value in known], [])]
            outputs = [None] * len(one.tops)
        for step in layer.steps:
            self._write(step, call)
        for i, top in enumerate(one.tops):
            value = outputs[i] if i < len(outputs) else None
            self.values[top] = value
            if value is not None:
                self.ends[top] = value

    def _share(self, layer: Layer, place: int, param: Param) -> Value:
        """The parameter under its common name, or a new one."""
        specs = layer.section.sections("param") if layer.has_specs else []
        names = ["".join(one.texts("name")[-1:]) for one in specs] or layer.section.texts("param")
        name = names[place] if place < len(names) else ""
        if name in self.common and name:
            if self.common[name].shape != param.shape:
                layer.fail(f"shares {name!r} of {sizes(self.common[name].shape)}, and needs {sizes(param.shape)}")
            return self.common[name]
        stem, number = param.name, 1
        while param.name in self.taken:
            param = param._replace(name=f"{stem}_{number}")
            number += 1
        self.taken.add(param.name)
        value = self._new(param.shape, param.kind)
        self.params[value.id] = param
        if name:
            self.common[name] = value
        return value

    def _write(self, step: Step, call: int) -> None:
        owns = tuple(self.params.pop(value.id) for _, value in step.inputs if value.id in self.params)
        roles, inputs = tuple(role for role, _ in step.inputs), tuple(value for _, value in step.inputs)
        self.ops.append(Op(step.kind, call, inputs, roles, tuple(step.outputs), dict(step.attrs), step.traits, owns))


def _snake(name: str) -> str:
    """ImageData -> image_data."""
    return "".join(f"_{sign.lower()}" if sign.isupper() and i else sign.lower() for i, sign in enumerate(name))


def _scopes(layers: Sequence[_Made]) -> list[list[Scope]]:
    """The groups around each layer, and the layer: inception_3a is around inception_3a/1x1, unless a layer has that name."""
    own, found = {one.name for one in layers}, []
    for one in layers:
        ends = [i for i, sign in enumerate(one.name) if sign == "/"]
        found.append([*((one.name[:end], "Layers") for end in ends if end and one.name[:end] not in own), (one.name, one.type)])
    return found
