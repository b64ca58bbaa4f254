"""The dispatch mode that writes down every op of one forward, and the module calls around them.

A newcomer starts with `Recorder.__torch_dispatch__`, through which every op passes: read its arguments, find the shape of its
result (by a shortcut, or by running it on meta tensors), write down an `Op`. What surprises, and where it is explained:

- Modules are followed by wrapping their `forward`, not by hooks: hooks do not see `module.forward(x)`, and torch's fast paths look
  for hooks and turn themselves off. `tracing.trace` wraps, and calls `Recorder.open` and `Recorder.close`.
- Tensors are known by `id`. As keys of a dict they could be compared by `==`, which is an op itself and would be recorded, and an
  attribute set on one would change the user's model. Whoever stores an id stores the tensor too: its id stays its own (`_keep`).
- Parameters are real, activations are on meta. Most ops refuse the mixture, so each parameter gets a meta twin (`_meta_twin`).
- Ops on real tensors alone really run; what they could write to is copied first (`_private`).
- A write through one view changes what all other views of the storage hold (`_share`, `_caught_up`).
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from itertools import chain
from threading import get_ident
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.ops.book import rule_of_kind
from zoo.ops.rule import OpRule
from zoo.record.trace import WRITE, Call, Op, Param, Trace, Value
from zoo.tracing.calls import OpenCall, unused
from zoo.tracing.diagnosis import diagnose
from zoo.tracing.observers import observers
from zoo.tracing.packed import PackedWeights, rounded_type
from zoo.tracing.real import WhileAlive
from zoo.tracing.shortcuts import MADE, answer
from zoo.tracing.spelling import CALL, own_backwards, spelling
from zoo.tracing.state import DTYPES, parents, state
from zoo.tracing.trees import all_tensors, direct_tensors, tensors
from zoo.tracing.values import KnownValues, Pairs, storage_of
from zoo.tracing.vocabulary import PLAIN, Known, argument_of, known_op, plain
from zoo.util.errors import ForwardError


class _Given(NamedTuple):
    """What an op is given: see the fields of `Op` of the same names. `tensors` are those that are the inputs."""

    inputs: tuple[Value, ...]
    roles: tuple[str, ...]
    attrs: dict[str, Any]
    owns: tuple[Param, ...]
    tensors: Sequence[Tensor]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the ops, and through `open` and `close` the module calls, of one forward in the thread that made it.

    `modules` are those of the model by name, under each of their names; the first is the model itself.

    Parameters arrive beside meta activations, and only their shape is read: an op without a shortcut gets meta twins of them.
    Ops on real tensors alone (an `arange` in forward) run as they are, on private copies where they could write or alias. With
    `values` that are `WhileAlive`, the model is a copy and every op runs as it is.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Whether torch should see to it that dynamo leaves this mode alone, for which it imports dynamo: a second and more.

        A model that is compiled is traced uncompiled, so dynamo never comes near.
        """
        return False

    def __init__(
        self, modules: Sequence[tuple[str, nn.Module]], values: dict[int, tuple[Any, Value]], known: Pairs | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.thread = get_ident()  # calls in other threads are none of this forward
        self.ops: list[Op] = []
        self.calls: list[OpenCall] = []
        self.stack: list[int] = []  # the calls that are running, the innermost last, by their index in `calls`
        self.failed: str | None = None
        self.drew = False  # whether random numbers were drawn from torch's generator
        self.attempt: Op | None = None  # the op that is running, without outputs
        self.types = {name: type(module).__name__ for name, module in modules}
        self.state: dict[int, tuple[Tensor, Param]] = {}  # parameters and buffers by id, each under the first of its names
        self._packed = PackedWeights(modules)
        self._observers = observers(modules)
        for tensor, param in chain(state(modules), self._packed.state()):
            self.state.setdefault(id(tensor), (tensor, param))
        self._unread = {key: param for key, (_, param) in self.state.items()}
        self.names: dict[int, list[str]] = {}
        for name, module in modules:
            self.names.setdefault(id(module), []).append(name)
        self._values = values  # by the id of a tensor, the tensor and what it holds now
        self.real = isinstance(values, WhileAlive)
        self._made = 0  # values so far
        self._shapes: dict[torch.Size, tuple[int, ...]] = {}  # of few different ones
        self._roles: dict[tuple[str, ...], tuple[str, ...]] = {}  # likewise
        self._known: dict[int, tuple[Known, OpRule | None, bool]] = {}
        # By the id of a real tensor, the tensor (which keeps its id from being given to another) and its replacement.
        self._twins: dict[int, tuple[Tensor, Tensor]] = {}
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}
        # Storages that more than one tensor shares, and by storage what was written to it since. Most forwards never write to such.
        self._viewed: set[int] = set()
        self._writes: dict[int, list[Value]] = {}
        self._stray: dict[int, Tensor] = {}  # parameters of modules that the model does not know
        self._apart: str | None = None  # the composite op that is being taken apart
        self._functions = own_backwards()  # with backwards of their own
        self.true = KnownValues({} if known is None else known, self.state, self._private)

    # Module calls

    def open(self, module: nn.Module) -> None:
        """A call of `module` begins; ops and calls until `close` are inside it."""
        parent = self.stack[-1] if self.stack else None
        autocast = torch._C._is_any_autocast_enabled()  # cannot be seen from within an op
        self.stack.append(len(self.calls))
        self.calls.append(OpenCall(self._path(module, parent), type(module).__name__, parent, self._packed.alone(module), autocast))

    def close(self, output: object) -> None:
        """The innermost open call ends and returns `output`."""
        outputs = (self.value(output),) if isinstance(output, Tensor) else tuple(map(self.value, tensors(output)))
        self.calls[self.stack.pop()].outputs = outputs

    def fail(self) -> None:
        """The innermost open call ends in an exception; the first to say so is where it was raised."""
        call = self.calls[self.stack.pop()]
        if self.failed is None:
            self.failed = f"{call.path} ({call.type})" if call.path else call.type

    def _path(self, module: nn.Module, parent: int | None) -> str:
        """The module's name; of a module that is reachable under several, the one inside the call that runs it."""
        names = self.names[id(module)]
        if len(names) == 1 or parent is None:
            return names[0]
        around = self.calls[parent].path
        prefix = f"{around}." if around else ""
        return next((name for name in names if name.startswith(prefix)), names[0])

    # Values

    def value(self, tensor: Tensor) -> Value:
        """The record of what `tensor` holds now."""
        if (known := self._values.get(id(tensor))) is not None:
            return self._caught_up(tensor, known[1]) if self._writes else known[1]
        if (state := self.state.get(id(tensor))) is None:
            return self.new_value(tensor, "constant")
        return self._keep(tensor, state[1].shape, state[1].dtype, state[1].kind)

    def recorded(self, tensor: object) -> Value | None:
        """The record of what `tensor` held when the forward last met it; None if it never did."""
        return known[1] if (known := self._values.get(id(tensor))) is not None else None

    def activation(self, x: object) -> Value | None:
        """The record of `x` if all that an op could ask of it are its sizes and type; None of all else."""
        if type(x) is not Tensor or (known := self.recorded(x)) is None or known.source not in _ACTIVATIONS:
            return None
        if self.real or self.calls[self.stack[-1]].autocast or not x.is_meta or not x.is_contiguous() or self.true.knows(x):
            return None
        return self.value(x)

    def new_value(self, tensor: Tensor, source: str, dtype: str | None = None) -> Value:
        """A fresh record: from now on this is what `tensor` holds, with the `dtype` that it has in the model."""
        shape = self._shapes.get(size := tensor.shape) or self._shapes.setdefault(size, tuple(size))
        return self._keep(tensor, shape, dtype or DTYPES[tensor.dtype], source)

    def _keep(self, tensor: Tensor, shape: tuple[int, ...], dtype: str, source: str) -> Value:
        value = Value(self._made, shape, dtype, source)
        self._made += 1
        self._values[id(tensor)] = tensor, value  # the tensor too: its id must stay its own
        return value

    # Ops

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        known, rule, apart = self._known.get(id(func)) or self._look_up(func)
        if apart:
            return self._take_apart(func, known, args, kwargs)
        if known.kind in _MARKS or self.true.making:
            return func(*args, **kwargs)
        said = _inside(self._apart) if self._apart else spelling(sys._getframe(1), known.kind, self._functions)
        given = self._read(known, args, kwargs)  # before the op runs: it may write to its arguments
        self.attempt = Op(known.kind, self.stack[-1], given.inputs, given.roles, (), given.attrs, known.traits)
        out = None if rule is None else answer(rule, known, self.attempt, given.tensors)
        if out is None:
            out = self._run(func, known, args, kwargs)
        if not self.real:
            self.true.follow(func, known, args, kwargs, given.tensors, out)
        if known.kind == "lift_fresh":  # torch.tensor([...]) in forward: a constant, no step of the network
            self._values[id(out)] = out, given.inputs[0]
        else:
            self._write_down(known, args, kwargs, given, out, said)
        self.attempt = None
        return out

    def _look_up(self, func: Any) -> tuple[Known, OpRule | None, bool]:
        """Look up what is known about an overload, and keep it by id: overloads are never freed, and their hash is slow.

        Returns its description, its record if that can compute shapes instead of torch, and whether it is decomposed.
        """
        known = known_op(func)
        rule = rule_of_kind(known.kind)
        answers = rule.shape is not None and not self.real and "alias" not in known.traits
        found = self._known[id(func)] = known, rule if answers else None, known.apart
        return found

    def _take_apart(self, func: Any, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What torch makes of a composite op, its parts recorded each by itself."""
        outermost = self._apart is None
        self._apart = self._apart or known.kind
        if known.kind in {"stft", "istft"} and args[0].is_meta:  # they want signal and window on one device
            args = [self._moved(a) if isinstance(a, Tensor) and not a.is_meta else a for a in args]
        try:
            with self:
                return func.decompose(*args, **kwargs)
        finally:
            if outermost:
                self._apart = None

    def _moved(self, tensor: Tensor) -> Tensor:
        """A real tensor brought to the meta device, by an op of its own."""
        known = known_op(torch.ops.aten.to.device)
        given = self._read(known, (tensor,), {})
        twin = torch.empty_like(tensor, device="meta")
        self._write_down(known, (tensor,), {}, given, twin, CALL)
        return twin

    def _read(self, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Given:
        """The op's arguments as they are before it runs: tensors are inputs, everything else is attributes."""
        roles: list[str] = []
        tensors: list[Tensor] = []
        attrs = dict(known.defaults)
        for name, argument in chain(zip(known.names, args, strict=False), kwargs.items()):
            kind = type(argument)
            if kind in PLAIN:
                attrs[name] = argument
            elif kind is Tensor or kind is nn.Parameter:
                attrs.pop(name, None)  # the default
                roles.append(name)
                tensors.append(argument)
            elif kind is list and PLAIN.issuperset(map(type, argument)):
                attrs[name] = tuple(argument)
            else:
                found = self._read_one(name, argument, attrs)
                roles += [role for role, _ in found]
                tensors += [tensor for _, tensor in found]
        inputs = tuple([self.value(tensor) for tensor in tensors])
        owns = self._owned(tensors, attrs)
        if known.kind in _PICKS and id(tensors[0]) not in self.state and (picked := self.true.listed(tensors[1:])) is not None:
            attrs["picked"] = picked
        if "attn_mask" in roles and self.true.is_causal(tensors[roles.index("attn_mask")]):
            attrs["causal_mask"] = True
        named = tuple(roles)
        return _Given(inputs, self._roles.setdefault(named, named), attrs, owns, tensors)

    def _read_one(self, name: str, argument: Any, attrs: dict[str, Any]) -> Sequence[tuple[str, Tensor]]:
        """The tensors of an argument that is neither one tensor nor plain, each with its role; all else goes to `attrs`."""
        found = direct_tensors(argument)
        if not found:
            layer = self.calls[self.stack[-1]].path if self.stack else ""
            several = self._packed.of(layer, argument)
            for weights in several:
                attrs |= weights.attrs
            attrs[name] = plain(argument)
            return [pair for weights in several for pair in weights.tensors]
        attrs.pop(name, None)  # the default
        if found[0] is not argument and len(found) < len(argument):  # x[:, idx] passes [None, idx]
            attrs[name] = tuple("tensor" if isinstance(item, Tensor) else plain(item) for item in argument)
        return [(name, tensor) for tensor in found]

    def _owned(self, tensors: Sequence[Tensor], attrs: dict[str, Any]) -> tuple[Param, ...]:
        """The parameters and buffers among `tensors` that no op has read yet: the first that reads them owns them. Parameters that
        are not the model's are counted in `attrs`.
        """
        owns: list[Param] = []
        for tensor in tensors:
            key = id(tensor)
            if key in self._unread:
                owns.append(self._unread.pop(key))
            elif type(tensor) is not Tensor and isinstance(tensor, nn.Parameter) and key not in self.state:
                attrs["stray"] = attrs.get("stray", 0) + (key not in self._stray and tensor.numel())
                self._stray[key] = tensor
        return tuple(owns)

    def _run(self, func: Any, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What torch answers, on meta if any argument is, with nothing of the model written to."""
        if self.real:
            self.drew = True  # what a kernel draws is not always said of its op
            return func(*args, **kwargs)
        found = all_tensors((*args, *kwargs.values()))
        abstract = any(map(self.true.is_abstract, found))
        self.drew |= "random" in known.traits and not abstract
        if abstract:
            if (out := self.true.answer(func, known, args, kwargs)) is not None:
                return out
            if known.kind == "index" and (picked := self.true.picked(args[1])) is not None:
                args = (args[0], picked)
            if known.kind == "_local_scalar_dense" and self.calls[self.stack[-1]].path in self._observers:
                return False
            self._refuse(known)
        if func in MADE and (made := MADE[func](*args, **kwargs)) is not None:
            return made
        stand_in = self._on_meta(found) if abstract else self._on_private(known)
        with nullcontext() if abstract else torch._C._InferenceMode(False):
            if not abstract:  # tensors are made that autograd can use: what has values, the model may keep
                torch._C._set_grad_enabled(False)
            return func(*map(stand_in, args), **{name: stand_in(argument) for name, argument in kwargs.items()})

    def _refuse(self, known: Known) -> None:
        """Raises where an op on meta tensors cannot answer, before torch says so less clearly and imports its compiler for that."""
        if known.data_dependent:
            what = "an if, int() or item()" if known.kind == "_local_scalar_dense" else known.kind
            why = f"{what} requires the values of a tensor, but only shapes are computed"
            raise ForwardError(f"{self.where()}: {why}", needs_values=True)
        if self.attempt is not None and (misfit := diagnose(self.attempt)) is not None:
            raise RuntimeError(misfit)

    def _on_meta(self, found: Sequence[Tensor]) -> Callable[[Any], Any]:
        """What puts a meta tensor, of the type that autocast would choose, into the place of each of an op's tensors."""
        common = _autocast_type(found) if self.calls[self.stack[-1]].autocast else None

        def stand_in(argument: Any) -> Any:
            if isinstance(argument, Tensor):
                twin = self._meta_twin(argument)
                return twin.to(common) if common and twin.is_floating_point() else twin
            if isinstance(argument, list | tuple) and direct_tensors(argument):
                return type(argument)(map(stand_in, argument))
            return torch.device("meta") if isinstance(argument, torch.device) else argument

        return stand_in

    def _on_private(self, known: Known) -> Callable[[Any], Any]:
        """What puts a private copy into the place of each tensor of the model that the op could change."""

        def stand_in(argument: Any) -> Any:
            if isinstance(argument, Tensor):
                return self._private(argument, known)
            if isinstance(argument, list | tuple) and direct_tensors(argument):
                return type(argument)(map(stand_in, argument))
            return argument

        return stand_in

    def _meta_twin(self, tensor: Tensor) -> Tensor:
        """Return the meta tensor for a real one, always the same, so that its views and writes are recognised."""
        if tensor.is_meta:
            return tensor
        if id(tensor) not in self._twins:
            with torch._C._InferenceMode(False):  # an inference tensor could not be viewed as a parameter is
                twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
            self._twins[id(tensor)] = tensor, twin
            self._values[id(twin)] = twin, self.value(tensor)
        return self._twins[id(tensor)][1]

    def _private(self, tensor: Tensor, known: Known) -> Tensor:
        """A real tensor, or a copy of it if it comes from outside this forward and the op could write to it or alias it."""
        if id(tensor) in self._copies:
            return self._copies[id(tensor)][1]
        outside = self.value(tensor).source != "op"
        if outside and not known.traits.isdisjoint({"inplace", "alias"}):
            with torch._C._InferenceMode(False):
                self._copies[id(tensor)] = tensor, tensor.detach().clone()
            return self._copies[id(tensor)][1]
        return tensor

    def _write_down(
        self, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any], given: _Given, out: Any, said: frozenset[str]
    ) -> None:
        """The op with what it returned or wrote to; `said` is how the model came to it."""
        results = direct_tensors(out)
        if known.writes:  # some ops write to an argument and return something else, or nothing
            targets = all_tensors([argument_of(known, name, args, kwargs) for name in known.writes])
            results = [*results, *(t for t in targets if all(t is not result for result in results))]
        traits = _also(known.traits, said)
        if "alias" in traits and self._share(args, results):
            traits = traits | {"view"}
        rounded = rounded_type(known.kind, given.inputs, given.attrs)
        outputs = tuple([self.new_value(t, "op", rounded if t.is_floating_point() else None) for t in results])
        self.ops.append(Op(known.kind, self.stack[-1], given.inputs, given.roles, outputs, given.attrs, traits, given.owns))
        if known.writes and self._viewed:
            for tensor, value in zip(results, outputs, strict=True):
                if (storage := storage_of(tensor)) in self._viewed:
                    self._writes.setdefault(storage, []).append(value)

    def repeat(self, op: Op, reads: Sequence[Tensor], out: Tensor) -> None:
        """Write down an op on `reads` that is like `op` and returns `out`."""
        inputs = tuple([self.value(tensor) for tensor in reads])
        owns = self._owned(reads, {})
        output = self.new_value(out, "op", op.outputs[0].dtype)
        self.ops.append(Op(op.kind, self.stack[-1], inputs, op.roles, (output,), op.attrs, op.traits, owns))

    def may_write_through(self) -> bool:
        """Whether an op that writes in place could change more than the tensor that it is given."""
        return bool(self._viewed)

    def _share(self, args: Sequence[Any], results: Sequence[Tensor]) -> bool:
        """Whether a result shares storage with an argument; if so, a write to that storage concerns more than one tensor.

        The schema says only that an op may alias: `reshape` is a view or a copy, and the storage tells which.
        """
        mine = all_tensors(args)
        for tensor in list(mine):
            for stand_ins in (self._twins, self._copies):  # the op was run on these instead of the model's tensors
                if id(tensor) in stand_ins:
                    mine.append(stand_ins[id(tensor)][1])
        shared = set(map(storage_of, mine)) & set(map(storage_of, results))
        self._viewed |= shared
        return bool(shared)

    def _caught_up(self, tensor: Tensor, value: Value) -> Value:
        """What `tensor` holds once everything is counted that was written to its storage through other views of it.

        In `y = x[:, 0]; y.zero_(); f(x)` no op gives x a new value, and yet f reads zeros: a `WRITE` from y to x stands for that.
        """
        later = [write for write in self._writes.get(storage_of(tensor), ()) if write.id > value.id]
        if not later:
            return value
        inputs, roles = (value, *later), ("self", *["written"] * len(later))
        out = self.new_value(tensor, "op")
        self.ops.append(Op(WRITE, self.stack[-1] if self.stack else 0, inputs, roles, (out,), {}, frozenset({"view"})))
        return out

    def where(self) -> str:
        """The module call that is running, for a message."""
        call = self.calls[self.stack[-1]]
        return f"{call.path} ({call.type})" if call.path else call.type

    def truth(self, thing: Any) -> bool | None:
        """Whether a tensor or number is true; None if it depends on activations or weights."""
        value = self.true.of(thing) if isinstance(thing, Tensor) else thing
        return None if value is None else bool(value)

    def guess(self, name: str) -> None:
        """A function chose by something unknown: an op without tensors says so."""
        self.ops.append(Op(name, self.stack[-1], (), (), (), {"guessed": True}))

    # The end

    def finish(self, *, partial: bool = False) -> tuple[tuple[Op, ...], tuple[Call, ...]]:
        """All ops and calls, with what was never read gathered in an `UNUSED` pseudo-op for each module that owns some of it.

        After a `partial` forward, which might have read more, without that.
        """
        if not partial:
            self.ops.extend(unused(self._unread.values(), self.calls, self.types))
        return tuple(self.ops), tuple(call.ended() for call in self.calls)

    def traced(self, name: str, mode: str, given: tuple[Value, ...], outputs: tuple[Value, ...], *, partial: bool = False) -> Trace:
        """The trace of the forward, or of its `partial` beginning."""
        ops, calls = self.finish(partial=partial)
        return Trace(name, mode, given, outputs, calls, ops, {"torch": torch.__version__}, self.containers())

    def forget(self) -> None:
        """Let go of all tensors and records, once the trace is made."""
        for kept in (self._values, self.state, self._unread, self._known, self._twins, self._copies, self._stray, self._writes):
            kept.clear()
        self.ops, self.calls = [], []

    def containers(self) -> dict[str, str]:
        """The types of modules that were not called although something in them was, by name."""
        called = {call.path for call in self.calls}
        around = {parent for path in called for parent in parents(path)}
        return {path: self.types[path] for path in sorted(around - called) if path in self.types}


_MARKS = frozenset({"profiler::_record_function_enter_new", "profiler::_record_function_exit"})  # nothing is computed
_ACTIVATIONS = frozenset({"input", "variable", "op"})
_PICKS = frozenset({"index", "index_select"})


# An op has one of few sets of traits: made once, they are not built again for each op.
@cache
def _also(traits: frozenset[str], said: frozenset[str]) -> frozenset[str]:
    return traits | said


@cache
def _inside(composite: str) -> frozenset[str]:
    return frozenset({f"in {composite}"})


def _autocast_type(found: Sequence[Tensor]) -> torch.dtype | None:
    """The type to which autocast would bring arguments of different ones: it converts real weights, but not meta activations."""
    types = {t.dtype for t in found if t.is_floating_point()}
    return min(types, key=lambda dtype: dtype.itemsize) if len(types) > 1 else None
