"""Check receptive fields by experiment: NaNs in one row of pixels must reach exactly the units that see a pixel of that row.

A row contains all pixels with one coordinate along an axis of the input. Each axis is checked separately, including gaps and
borders, even if branches cross and the pixels that a unit sees are not a box.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.ops.axes import spatial, starts
from zoo.ops.receptive_field import rule
from zoo.receptive.spans import Span, Spans, Undefined, exact
from zoo.receptive.windows import Units
from zoo.record.trace import Trace, Value
from zoo.record.walk import carry

if TYPE_CHECKING:
    from torch import Tensor, nn

ROWS = (0, 0.37, 0.5, 1)
"""Positions along an axis, from its first pixel to its last."""


@dataclass(frozen=True)
class Finding:
    """For one module's output: how many units the NaNs should have reached, how many they did, and whether these are the same
    units. The path of the model itself is empty.

    `verdict` is "equal", "differs", or "not checked" if the receptive field is undefined; `why` gives the reason.
    """

    path: str
    predicted: int
    reached: int
    verdict: str
    why: str = ""


def experiment(
    module: "nn.Module",
    trace: Trace,
    shape: Sequence[int],
    rows: Sequence[float] = ROWS,
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Finding]:
    """Yield a finding for each output of each module that is called once, and one for each reason for which a field is undefined.

    `trace` is that of `module` on one input of `shape`. The module is copied; weights on the meta device are allocated. `progress`
    is called with the number of forward passes done, their total number, and what they are for.
    """
    import torch

    fields, undefined = _fields(trace, module)
    with torch.inference_mode(), _only_what_is_seen():
        model = allocated(module)
        dims = spatial(trace)[trace.inputs[0].id]
        tallies = _tallies(model, fields, torch.zeros(*shape), dims, rows, progress)
        if any(wrong for _, _, wrong in tallies.values()):  # some kernels of torch in single precision read wrong values
            tallies = _tallies(model.double(), fields, torch.zeros(*shape, dtype=torch.float64), dims, rows)
    for path, (expected, seen, wrong) in tallies.items():
        yield Finding(path, expected, seen, "differs" if wrong else "equal", f"{wrong:,} units differ" if wrong else "")
    yield from (Finding(path, 0, 0, "not checked", reason) for reason, path in undefined.items())


def _tallies(
    model: "nn.Module",
    fields: Mapping[str, list[Spans]],
    image: "Tensor",
    dims: Sequence[int],
    rows: Sequence[float],
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, tuple[int, int, int]]:
    """Count, for each module, units that the NaNs should have reached, that they did reach, and that are in only one of the two."""
    import torch

    tallies = dict.fromkeys(fields, (0, 0, 0))
    places = dict.fromkeys((axis, round(place * (image.shape[dim] - 1))) for axis, dim in enumerate(dims) for place in rows)
    for i, (axis, row) in enumerate(places):
        if progress is not None:
            progress(i, len(places), "receptive fields")
        poisoned = image.clone()
        poisoned.select(dims[axis], row).fill_(torch.nan)
        for path, outputs in _outputs(model, fields, poisoned).items():
            for field, output in zip(fields[path], outputs, strict=True):
                seen = reached(output, field)
                expected = predicted(field, axis, row, seen.shape)
                before = tallies[path]
                wrong = int((expected != seen).sum())
                tallies[path] = before[0] + int(expected.sum()), before[1] + int(seen.sum()), before[2] + wrong
    return tallies


def _fields(trace: Trace, module: "nn.Module") -> tuple[dict[str, list[Spans]], dict[str, str]]:
    """Return the exact fields of the output of each module that is called once; and the first module without one, by reason.

    The model itself, whose path is empty, is among them only if no module gives its output.
    """
    states = carry(trace, starts(trace, exact), rule)
    runs = Counter(id(module.get_submodule(call.path)) for call in trace.calls)
    fields: dict[str, list[Spans]] = {}
    undefined: dict[str, str] = {}
    checked: set[tuple[Value, ...]] = set()
    model, *calls = trace.calls
    for call in (*calls, model):
        found = [states.get(value.id) for value in call.outputs]
        known = [field for field in found if isinstance(field, tuple)]
        for field in found:
            if isinstance(field, Undefined):
                undefined.setdefault(field.reason, call.path)
        once = runs[id(module.get_submodule(call.path))] == 1
        if known and len(known) == len(found) and once and (call is not model or call.outputs not in checked):
            fields[call.path] = known
            checked.add(call.outputs)
    return fields, undefined


def allocated(module: "nn.Module") -> "nn.Module":
    """Return a copy in evaluation mode, with zeros for meta weights: zero times NaN is NaN."""
    import copy

    import torch

    from zoo.tracing.real import allocate

    model = copy.deepcopy(module).eval()
    allocate(model, lambda name, tensor: torch.full(tensor.shape, float(name == "running_var")).to(tensor.dtype))
    return model


def _outputs(model: "nn.Module", paths: Mapping[str, Any], image: "Tensor") -> "dict[str, list[Tensor]]":
    """Return the output of each module for an image."""
    from zoo.tracing.trees import tensors

    found: dict[str, list[Tensor]] = {}

    def look(path: str) -> Callable[..., None]:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            found[path] = [tensor.isnan() for tensor in tensors(output)]

        return hook

    hooks = [model.get_submodule(path).register_forward_hook(look(path)) for path in paths]
    model(image)
    for hook in hooks:
        hook.remove()
    return found


def reached(poisoned: "Tensor", field: Spans) -> "Tensor":
    """Return which units are NaN, at any index that no digit depends on. Dimensions that belong to no axis have size 1."""
    import torch

    for dim in range(poisoned.dim()):
        digits = {walk for span in field for walk in span.walks if walk.dim % poisoned.dim() == dim}
        places = torch.arange(poisoned.shape[dim])
        numbers = sum((places // inner % size * poisoned.shape[dim] ** i for i, (_, inner, size) in enumerate(digits)), 0 * places)
        _, unit = numbers.unique(return_inverse=True)
        if digits and int(unit.max()) + 1 == len(places):
            continue
        shape = [*poisoned.shape]
        shape[dim] = int(unit.max()) + 1
        poisoned = torch.zeros(shape, dtype=torch.bool).index_add(dim, unit, poisoned)
        poisoned = poisoned.index_select(dim, unit) if digits else poisoned
    return poisoned


def predicted(field: Spans, axis: int, row: int, shape: Sequence[int]) -> "Tensor":
    """Return which units see a pixel of that row; a unit that sees nothing along another axis sees nothing."""
    import torch

    seen = torch.ones(tuple(shape), dtype=torch.bool)
    for i, span in enumerate(field):
        assert isinstance(span.windows, Units)
        table = torch.tensor([bool(pixels >> row & 1 if i == axis else pixels) for pixels in span.windows.sets])
        seen &= table[_numbers(span, shape)]
    return seen


def _numbers(span: Span, shape: Sequence[int]) -> "Tensor":
    """Return the number of the unit at each index of a tensor."""
    import torch

    number = torch.zeros((1,) * len(shape), dtype=torch.int64)
    for dim, inner, size in span.walks:
        digit = torch.arange(shape[dim]) // inner % size
        number = number * size + digit.view(-1, *(1,) * (-dim - 1))
    return number


def _only_what_is_seen() -> AbstractContextManager[object]:
    """A mode in which NaNs spread only along dependences that count as seeing.

    A neighbour of weight zero in an interpolation does not pass on a NaN, although zero times NaN is NaN. The weights are found
    with torch itself: it interpolates the positions of the NaNs in double precision, each with a different value, so that negative
    weights do not cancel. The maximum over padding only is 0, not minus infinity, since sums of infinities can be NaN. A key that
    causal attention hides does not pass on a NaN, although NaN minus infinity is NaN.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class OnlyWhatIsSeen(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if "max_pool" in getattr(func, "__name__", "") and isinstance(found := func(*args, **kwargs), torch.Tensor):
                return found.masked_fill(found.isneginf(), 0)
            if func is torch.nn.functional.scaled_dot_product_attention:
                return _attended(func, *args, **kwargs)
            if func is not torch.nn.functional.interpolate or ("linear" not in kwargs["mode"] and kwargs["mode"] != "bicubic"):
                return func(*args, **kwargs)
            (x,) = args
            places = x.isnan().double()
            weights = func(places * (1 + torch.rand_like(places)), **kwargs)
            return func(x.nan_to_num(), **kwargs).masked_fill(weights.abs() > 1e-6, torch.nan)

    return OnlyWhatIsSeen()


def _attended(attention: Any, *args: Any, **kwargs: Any) -> "Tensor":
    """What attention returns, with NaN for each query that has one or, if it is causal, sees one."""
    import torch

    from zoo.tracing.values import causal

    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    given = dict(zip(names, args, strict=False)) | kwargs
    mask, parts = given.get("attn_mask"), [given[name] for name in names[:3]]
    if not (given.get("is_causal") or (mask is not None and causal(mask))) or parts[0].shape[-2] != parts[1].shape[-2]:
        plain: Tensor = attention(**given)
        return plain
    query, key, value = (part.isnan().any(-1) for part in parts)
    seen = (key | value).cummax(-1).values
    if seen.shape != query.shape:  # several heads of queries to one of keys
        seen = seen.any(-2, keepdim=True)
    found: Tensor = attention(**given | {name: part.nan_to_num() for name, part in zip(names, parts, strict=False)})
    return found.masked_fill((query | seen)[..., None], torch.nan)
