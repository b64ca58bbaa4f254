"""From a module to a `Trace`. This folder is the only place that knows torch's internals."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from threading import get_ident
from types import CoroutineType
from typing import Any

import torch
from torch import nn
from torch.overrides import BaseTorchFunctionMode

from zoo.record.trace import Trace
from zoo.tracing import messages
from zoo.tracing.alike import Alike, repeats
from zoo.tracing.arguments import Shape, arguments
from zoo.tracing.constants import Constants, put_aside, take_up
from zoo.tracing.diagnosis import diagnose
from zoo.tracing.guard import Guard
from zoo.tracing.higher_order import as_written
from zoo.tracing.lazy import initialised
from zoo.tracing.observers import in_their_range
from zoo.tracing.places import place
from zoo.tracing.process import leave_managers
from zoo.tracing.real import WhileAlive, real_copy
from zoo.tracing.recorder import Recorder
from zoo.tracing.sharded import gathered
from zoo.tracing.state import named_modules
from zoo.tracing.trees import tensors
from zoo.tracing.values import Pairs
from zoo.tracing.wrappers import unwrapped, without_sharding
from zoo.util.errors import ForwardError, ZooError, all_words, told, unhidden

_SOURCES = {False: "input", True: "variable"}


def trace(
    module: nn.Module,
    *,
    input: Shape | Sequence[Shape] | None = None,
    inputs: Any = None,
    train: bool = False,
    real: bool = False,
    target: str = "",
) -> Trace:
    """Record one forward pass of `module` without computing anything: activations have shapes but no values.

    `input` is the shape of the input with its batch dimension, an `Input`, or a list of these. `inputs` are actual values instead:
    a tuple with one item per argument, a dict of keyword arguments, or a single argument. Each can be a nested structure of
    tensors, of which only shape and type are read, and of other values, which are passed unchanged. `train` selects training mode
    for every layer during the forward pass; the default is evaluation mode. `real` runs a copy of the model once on real tensors,
    for models that need values: on `inputs`, or on ones and zeros. The module does not change in any case.

    Raises `ForwardError` if the forward pass raises or needs the values of tensors, and `ZooError` if `input` is not a shape.
    """
    named = initialised(gathered(named_modules(unwrapped(module, target))), input, inputs)
    if real:
        named = named_modules(real_copy(named[0][1]))
    module = named[0][1]
    name, mode, known = target or type(module).__name__, "train" if train else "eval", Pairs()
    parts = list({id(part): part for _, part in named}.values())
    recorder: Recorder | None = None

    def forward() -> Trace:
        nonlocal recorder
        with torch._C._InferenceMode(True), _plain_dispatch():
            args, kwargs = arguments(module, input, inputs, real=real, known=known)
            recorder = Recorder(named, WhileAlive() if real else {}, known)
            wanted = [t.requires_grad for t in tensors((args, kwargs) if inputs is None else inputs)]
            given = tuple(recorder.new_value(t, _SOURCES[own]) for t, own in zip(tensors((args, kwargs)), wanted, strict=True))
            _prepare(recorder, module, parts, train)
            if real and any(isinstance(part, nn.MultiheadAttention | nn.TransformerEncoderLayer) for part in parts):
                BaseTorchFunctionMode().__enter__()  # type: ignore[no-untyped-call]  # under any such mode they do without their fast path, as on meta
            if not real:
                Constants(recorder.true).__enter__()  # type: ignore[no-untyped-call]
            recorder.__enter__()  # type: ignore[no-untyped-call]  # the guard takes all modes off their stacks
            try:
                output = _run(recorder, module, args, kwargs)
                return recorder.traced(name, mode, given, tuple(map(recorder.value, tensors(output))))
            except BaseException as error:
                leave_managers(error.__traceback__)  # those inside before the two around them
                if isinstance(error, ForwardError):
                    error.trace = recorder.traced(name, mode, given, (), partial=True)
                raise
            finally:
                recorder.forget()

    with as_written(lambda: recorder):
        return Guard(parts, lambda: recorder is not None and recorder.drew, collect=real).run(forward)


def _prepare(recorder: Recorder, module: nn.Module, parts: Sequence[nn.Module], train: bool) -> None:
    """Modes and forwards of the modules as they are to be for this forward; the guard puts back what they were."""
    without_sharding(parts)
    if not recorder.real:
        in_their_range(parts, recorder.guess)
    alike = Alike(recorder)
    for part in parts:
        vars(part)["training"] = train
        if "use_nested_tensor" in vars(part):  # a path of nn.TransformerEncoder that reads the mask's values
            vars(part)["use_nested_tensor"] = False
        if getattr(part, "_compiled_call_impl", None) is not None:  # module.compile()
            vars(part)["_compiled_call_impl"] = None
        if part is not module:
            wrap = _layer if repeats(part) else _traced
            vars(part)["forward"] = wrap(alike, part, _forward(part))


def _run(recorder: Recorder, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> object:
    """What the forward returns. Raises `ForwardError` if it raises, or if what it returns has not run yet."""
    recorder.open(module)  # the model's own hooks run in its call too
    try:
        output = module(*args, **kwargs)
    except Exception as error:
        recorder.fail()
        raise _placed(recorder, unhidden(error)) from error
    if (kind := _unrun(output)) is not None:
        advice = "define it without async" if kind == "a coroutine" else "return a list or a tuple of its items"
        raise ForwardError(f"forward returns {kind}, of which nothing has run: {advice}")
    recorder.close(output)
    return output


def _unrun(output: object, depth: int = 8) -> str | None:
    """What of `output` computes only when it is asked for: a coroutine, a generator, a map."""
    if isinstance(output, Awaitable):
        if isinstance(output, CoroutineType):
            output.close()  # or Python complains that it was never awaited
        return f"a {type(output).__name__}"
    if isinstance(output, Iterator | AsyncIterator):
        return f"a {type(output).__name__}"
    if depth and isinstance(output, Mapping | list | tuple | set | frozenset):
        items = output.values() if isinstance(output, Mapping) else output
        return next((kind for item in items if (kind := _unrun(item, depth - 1)) is not None), None)
    return None


def _plain_dispatch() -> AbstractContextManager[object]:
    """Ops reach the recorder as the model called them: autocast, which would convert real weights and leave meta activations, does
    not see them, nor does what counts the versions of tensors that are written to.
    """
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
    for key in (torch._C.DispatchKey.AutocastCPU, torch._C.DispatchKey.AutocastCUDA):
        keys = keys.add(key)
    guard: AbstractContextManager[object] = torch._C._ExcludeDispatchKeyGuard(keys)
    return guard


def _forward(module: nn.Module) -> Callable[..., Any]:
    """What a call of the module runs: of a compiled one, the module that was compiled."""
    return dict(module._modules).get("_orig_mod") or module.forward  # a scripted module has its own kind of dict


def _traced(alike: Alike, module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` with its call recorded. A wrapped forward, unlike a hook, also sees `module.forward(x)`, and torch's fast paths do
    not look for it.
    """
    recorder = alike.recorder

    def traced(*args: Any, **kwargs: Any) -> Any:
        if get_ident() != recorder.thread:
            return forward(*args, **kwargs)
        recorder.open(module)
        try:
            output = forward(*args, **kwargs)
        except BaseException:
            recorder.fail()
            raise
        recorder.close(output)
        return output

    traced.__wrapped__ = forward  # type: ignore[attr-defined]
    return traced


def _layer(alike: Alike, module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    """As `_traced`, of a layer of torch: without `Constants`, since it makes none, and once for all layers that are alike."""

    def once(*args: Any, **kwargs: Any) -> Any:
        if get_ident() != alike.recorder.thread:
            return forward(*args, **kwargs)
        constants = put_aside()
        try:
            return alike.run(module, forward, args, kwargs)
        finally:
            take_up(constants)

    return _traced(alike, module, once)


def _placed(recorder: Recorder, error: Exception) -> ZooError:
    """The error to show for one of a forward; where values are required, with the file, line and expression that wants them."""
    shown = error if isinstance(error, ZooError) else _explain(recorder, error)
    if isinstance(shown, ForwardError) and shown.needs_values and (where := place(error)) is not None:
        return shown.within(where)
    return shown


def _explain(recorder: Recorder, error: Exception) -> ForwardError:
    """The error of a forward, with the place and, where it is a matter of sizes, the reason."""
    where, text = recorder.failed or "forward", all_words(error)
    first = text.strip().partition("\n")[0]
    kind = recorder.attempt.kind if recorder.attempt is not None else None
    reason = diagnose(recorder.attempt) if recorder.attempt is not None else None
    if isinstance(error, RuntimeError | ValueError) and reason is not None:
        return ForwardError(f"{where}: {reason}", misfit=True)
    if messages.lacks_shapes(text):
        of_others = kind is None or "::" in kind  # of torch's own ops, those whose shape depends on values
        advice = "; register a fake implementation (torch.library.register_fake)" if of_others else ""
        unknown = f"{kind or 'an op'}, and torch does not know the shapes that it returns{advice}"
        return ForwardError(f"{where} runs {unknown}", needs_values=True)
    if (name := messages.op_on_functions(text)) is not None:
        advice = "call the chosen function directly"
        return ForwardError(f"{where} runs {name}, which selects a function depending on values; {advice}")
    shaped = kind is not None and messages.shape_depends_on_values(text)
    valueless = isinstance(error, NotImplementedError) and not messages.lacks_forward(text)
    if valueless or shaped or messages.needs_values(text):
        why = f"the shape of the output of {kind} depends on them" if shaped else first.partition(". ")[0]
        return ForwardError(f"{where} requires the values of a tensor, but only shapes are computed ({why})", needs_values=True)
    return ForwardError(
        f"{where} raised {told(error)}",
        needs_values=messages.refuses_meta(first),
        needs_integers=messages.needs_integers(first),
    )
