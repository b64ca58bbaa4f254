"""From a module to a `Trace`. This folder is the only place that knows torch's internals."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from zoo.errors import ZooError
from zoo.record import Trace
from zoo.tracing.diagnosis import diagnose
from zoo.tracing.guard import untouched
from zoo.tracing.recorder import Recorder, tensors

Shape = Sequence[int]
_SOURCES = {False: "input", True: "variable"}


class ForwardError(ZooError):
    """The model does not run on such an input; `misfit` says that a layer refused the size of what it got."""

    def __init__(self, message: object, *, misfit: bool = False) -> None:
        super().__init__(message)
        self.misfit = misfit


def trace(
    module: nn.Module,
    *,
    input: Shape | Sequence[Shape] | None = None,
    inputs: Any = None,
    train: bool = False,
    target: str = "",
) -> Trace:
    """Record one forward of `module` without computing anything: activations have shapes and no values.

    `input` is the shape of the input with its batch dimension, or a list of such shapes; `inputs` are ready tensors instead (one,
    or a tuple with one item per argument, each any nesting of tensors), of which only shape and type are read. `train` puts every
    layer into training mode for the time of the forward, else evaluation mode. The module is left as it was, whatever happens.

    Raises `ForwardError` if the forward raises, `ZooError` if it needs the values of tensors, or if `input` is no shape.
    """
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    if isinstance(module, torch.jit.ScriptModule):
        raise ZooError(f"{target or type(module).__name__} is a scripted module: analyse the module it was made from")
    with ExitStack() as stack:
        named = list(module.named_modules(remove_duplicate=False))
        parts = list({id(part): part for _, part in named}.values())
        stack.enter_context(untouched(parts))
        stack.enter_context(torch.inference_mode())
        stack.enter_context(_plain_dispatch())
        arguments = _arguments(module, input, inputs)
        recorder = Recorder(named)
        wanted = [t.requires_grad for t in tensors(arguments if inputs is None else inputs)]
        given = tuple(recorder.new_value(t, _SOURCES[own]) for t, own in zip(tensors(arguments), wanted, strict=True))
        for part in parts:
            vars(part)["training"] = train
            if "use_nested_tensor" in vars(part):  # a path of nn.TransformerEncoder that reads the mask's values
                vars(part)["use_nested_tensor"] = False
            if part is not module:
                vars(part)["forward"] = _traced(recorder, part, part.forward)
        stack.enter_context(recorder)
        recorder.open(module)  # the model's own hooks run in its call too
        try:
            output = module(*arguments)
        except ZooError:
            raise
        except Exception as error:
            recorder.fail()
            raise _explain(recorder, error) from error
        recorder.close(output)
    outputs = tuple(map(recorder.value, tensors(output)))
    ops, calls = recorder.finish()
    mode = "train" if train else "eval"
    return Trace(target or type(module).__name__, mode, given, outputs, calls, ops, {"torch": torch.__version__})


def _plain_dispatch() -> AbstractContextManager[object]:
    """Ops reach the recorder as the model called them: autocast, which would convert real weights and leave meta activations, does
    not see them, nor does what counts the versions of tensors that are written to.
    """
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
    for key in (torch._C.DispatchKey.AutocastCPU, torch._C.DispatchKey.AutocastCUDA):
        keys = keys.add(key)
    guard: AbstractContextManager[object] = torch._C._ExcludeDispatchKeyGuard(keys)
    return guard


def _arguments(module: nn.Module, input: Shape | Sequence[Shape] | None, inputs: Any) -> tuple[Any, ...]:
    """The forward's arguments, on meta."""
    if (input is None) == (inputs is None):
        raise ZooError("give either input (shapes) or inputs (tensors)")
    if inputs is not None:
        arguments = inputs if type(inputs) is tuple else (inputs,)
        return tuple(tree_map_only(Tensor, lambda t: torch.empty_like(t, device="meta"), argument) for argument in arguments)
    shapes: list[Any] = [input] if all(isinstance(n, int) for n in input or ()) else list(input or ())
    floating = (p.dtype for p in module.parameters() if p.is_floating_point())
    dtype = next(floating, torch.get_default_dtype())
    try:
        return tuple(torch.empty([*shape], dtype=dtype, device="meta") for shape in shapes)
    except (TypeError, RuntimeError) as error:
        raise ZooError(f"input {input!r} is no shape: whole numbers such as (1, 3, 224, 224) are wanted") from error


def _traced(recorder: Recorder, module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` with its call recorded. A wrapped forward, unlike a hook, also sees `module.forward(x)`, and torch's fast paths
    do not look for it.
    """

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


def _explain(recorder: Recorder, error: Exception) -> ForwardError:
    """The error of a forward, with the place and, where it is a matter of sizes, the reason."""
    where = recorder.failed or "forward"
    reason = diagnose(*recorder.attempt) if recorder.attempt is not None else None
    if isinstance(error, RuntimeError | ValueError) and reason is not None:
        return ForwardError(f"{where}: {reason}", misfit=True)
    without_forward = 'missing the required "forward" function' in str(error)
    if (isinstance(error, NotImplementedError) and not without_forward) or "meta tensor" in str(error):
        text = str(error).strip().partition("\n")[0].partition(". ")[0]
        return ForwardError(
            f"{where} needs the values of a tensor, and only shapes are computed here ({text}); take the data-dependent decision "
            "out of forward (pass it in as an argument), or analyse the module behind it by itself"
        )
    text = str(error).strip().partition("\n")[0]
    return ForwardError(f"{where} raised {type(error).__name__}: {text}")
