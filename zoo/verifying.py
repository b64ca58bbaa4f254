"""Our numbers against independent ones: the card's sources, torch's own counter, torchvision's metadata, an experiment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from zoo.catalogue import Card, card
from zoo.errors import ZooError
from zoo.published import Published
from zoo.record import Op, Trace, each_axis
from zoo.table import Column, Row, Table
from zoo.targets import Subject, neighbours, resolve

if TYPE_CHECKING:
    from torch import Tensor, nn

COLUMNS = (
    Column("ours", "count", "what the analyzer computes", priority=0),
    Column("theirs", "count", "what the oracle says", priority=0),
    Column("verdict", "text", "equal, rounded, truncated, explained or differs", priority=0),
    Column("why", "text", "where the oracle counts otherwise", priority=0),
)
AGREE = frozenset({"equal", "rounded", "truncated", "explained", "not checked"})


@dataclass(frozen=True)
class Check:
    """One number of ours and of an oracle's. `why` explains a difference; without it a difference stands."""

    quantity: str
    oracle: str
    ours: Any
    theirs: Any
    why: str = ""
    verdict: str = ""

    def row(self) -> Row:
        """As a row of the table."""
        verdict = self.verdict or ("equal" if self.ours == self.theirs else "explained" if self.why else "differs")
        return Row(
            self.quantity, self.oracle, {"ours": self.ours, "theirs": self.theirs, "verdict": verdict, "why": self.why or None}
        )


def verify(target: "str | nn.Module", *, input: Sequence[int] | None = None, rf: bool = False) -> Table:
    """A row for each number and oracle that there is for the model.

    `rf` adds the experiment on receptive fields: a NaN in one pixel reaches exactly the units whose window holds it. For that the
    network's weights are allocated. Raises `ZooError` as `summary` does.
    """
    from zoo.analysis.engine import measure
    from zoo.running import trace_subject

    with neighbours(target):
        subject = resolve(target, {})
        shape = tuple(input or (1, *subject.input))
        trace = trace_subject(subject, shape, None, False)
    total = measure(trace, columns=["params", "macs", "depth", "connections"], depth=0).total
    checks = [*_of_card(subject, total, input is None), *_of_torchvision(subject, total, input is None)]
    checks += [_parameters(subject, total), _flop_counter(subject.module, shape, total)]
    if rf:
        checks += _experiment(subject.module, trace, shape)
    notes = [] if rf else ["--rf adds the experiment on receptive fields"]
    rows = tuple(check.row() for check in checks)
    context = {"target": subject.name, "inputs": [list(shape)], "convention": "pure", "versions": dict(trace.versions)}
    return Table(
        f"{subject.name} · input {'×'.join(map(str, shape))} · our numbers against others",
        context,
        COLUMNS,
        rows,
        notes=tuple(notes),
    )


def differences(table: Table) -> list[str]:
    """The rows of a table of `verify` in which a difference is not explained, in words."""
    return [
        f"{row.name}: {row.cells['ours']} against {row.cells['theirs']} of {row.type}"
        for row in table.rows
        if row.cells["verdict"] not in AGREE
    ]


def _of_card(subject: Subject, total: Mapping[str, Any], default: bool) -> Iterator[Check]:
    """The card's own claims, and the numbers that its sources print."""
    claimed = _card(subject.name)
    if claimed is None or not default:
        return
    for quantity in ("params", "macs", "depth", "connections"):
        if (claim := getattr(claimed, quantity)) is not None:
            yield Check(quantity, "card", total[quantity], claim)
    for one in claimed.published:
        if one.quantity in total:
            yield _published(one, total[one.quantity])


def _card(name: str) -> Card | None:
    try:
        return card(name)
    except ZooError:
        return None


def _published(one: Published, ours: int) -> Check:
    return Check(one.quantity, one.where, ours, one.printed, one.note, one.verdict(ours))


def _of_torchvision(subject: Subject, total: Mapping[str, Any], default: bool) -> Iterator[Check]:
    """The metadata of the weights that torchvision publishes for the same topology."""
    claimed = _card(subject.name)
    name = subject.name.removeprefix("torchvision:") if ":" in subject.name else claimed.torchvision if claimed else ""
    if not name or not default:
        return
    try:
        from torchvision import models

        meta = models.get_model_weights(name).DEFAULT.meta
    except (ImportError, ValueError, AttributeError):
        return
    yield Check("params", "torchvision", total["params"], meta["num_params"])
    yield _published(Published(quantity="macs", printed=f"{meta['_ops']}G", where="torchvision"), total["macs"])


def _parameters(subject: Subject, total: Mapping[str, Any]) -> Check:
    """Distinct elements, by torch's own walk over the module."""
    return Check("params", "module.parameters()", total["params"], sum(p.numel() for p in subject.module.parameters()))


def _flop_counter(module: "nn.Module", shape: Sequence[int], total: Mapping[str, Any]) -> Check:
    """torch.utils.flop_counter on the meta device; it counts two for each multiply-accumulate."""
    import copy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = copy.deepcopy(module).eval().to("meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.inference_mode():
        model(torch.empty(*shape, device="meta"))
    return Check("macs", "FlopCounterMode / 2", total["macs"], counter.get_total_flops() // 2)


# The experiment


def _experiment(module: "nn.Module", trace: Trace, shape: Sequence[int]) -> Iterator[Check]:
    """For each module with maps and a window: how many units the NaNs reached, and how many should have been."""
    import copy

    fields, skips = _fields(trace), _skips(trace)
    model = copy.deepcopy(module).eval()
    if any(parameter.is_meta for parameter in model.parameters()):
        model = model.to_empty(device="cpu")
        for name, tensor in model.state_dict().items():
            tensor.fill_(float(name.endswith("running_var")))
    pixels = _probes(shape[2:])
    found = _reached(model, list(fields), _poisoned(shape, pixels))
    for path, reached in found.items():
        expected = _predicted(fields[path], pixels, reached.shape[1:])
        gaps = _GAPS if skips and not bool((reached & ~expected).any()) else ""
        equal = bool((reached == expected).all())
        verdict = "equal" if equal else "explained" if gaps else "differs"
        yield Check(f"rf of {path}", "experiment", int(expected.sum()), int(reached.sum()), "" if equal else gaps, verdict)


_GAPS = "a stride or dilation skips pixels inside the window, or rounding leaves out the last ones"


def _skips(trace: Trace) -> bool:
    """Whether a window of the network leaves pixels out: it is dilated, smaller than its stride, or does not come to the end."""
    return any(_leaves_out(op) for op in trace.ops)


def _leaves_out(op: Op) -> bool:
    weight = op.input("weight")
    kernel = weight.shape[2:] if weight is not None and "conv" in op.kind else op.attrs.get("kernel_size")
    if not kernel or "stride" not in op.attrs:
        return False
    axes = len(op.output.shape) - 2
    padding = 0 if isinstance(op.attrs.get("padding"), str) else op.attrs.get("padding", 0)
    k, s, p, d = (each_axis(value, axes) for value in (kernel, op.attrs["stride"] or kernel, padding, op.attrs.get("dilation", 1)))
    return any(
        d[i] > 1 or k[i] < s[i] or (op.inputs[0].shape[i + 2] + 2 * p[i] - d[i] * (k[i] - 1) - 1) % s[i] > 0 for i in range(axes)
    )


def _fields(trace: Trace) -> dict[str, Mapping[str, Any]]:
    """The windows of the modules at depth 1, and of all layers, up to where everything is seen."""
    from zoo.analysis.engine import measure

    found = {}
    for depth in (1, None):
        for row in measure(trace, columns=["output", "rf"], depth=depth).rows:
            rf, output = row.cells["rf"], row.cells["output"]
            called = any(call.path == row.name for call in trace.calls)
            if called and rf and "size" in rf and "global" not in rf and len(output) == len(trace.inputs[0].shape):
                found[row.name] = rf
    return found


def _probes(sizes: Sequence[int]) -> "Tensor":
    """Corners, the middle of the first border along each axis, and the centre."""
    import torch

    corners = [*product(*((0, size - 1) for size in sizes))]
    centre = tuple(size // 2 for size in sizes)
    borders = [tuple(0 if axis == a else c for a, c in enumerate(centre)) for axis in range(len(sizes))]
    return torch.tensor([corners[0], corners[-1], *borders, centre])


def _poisoned(shape: Sequence[int], pixels: "Tensor") -> "Tensor":
    """A black image for each pixel, but for the NaN in it."""
    import torch

    images = torch.zeros(len(pixels), *shape[1:])
    for image, pixel in zip(images, pixels.tolist(), strict=True):
        image[(slice(None), *pixel)] = torch.nan
    return images


def _reached(model: "nn.Module", paths: Sequence[str], images: "Tensor") -> "dict[str, Tensor]":
    """Where a NaN came to in what leaves each module, in any channel. A module that was called more than once is left out."""
    import torch

    found: dict[str, torch.Tensor] = {}
    twice: set[str] = set()

    def look(path: str) -> Callable[..., None]:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            if path in found:
                twice.add(path)
            found[path] = output.isnan().any(dim=1)

        return hook

    for path in paths:
        model.get_submodule(path).register_forward_hook(look(path))
    with torch.inference_mode():
        model(images)
    return {path: reached for path, reached in found.items() if path not in twice}


def _predicted(field: Mapping[str, Any], pixels: "Tensor", units: Sequence[int]) -> "Tensor":
    """Which units see which pixel: unit i along an axis those from i·stride - padding on, as many as the size."""
    import torch

    seen = torch.ones(len(pixels), *units, dtype=torch.bool)
    for axis, count in enumerate(units):
        first = torch.arange(count) * field["stride"][axis] - field["padding"][axis]
        pixel = pixels[:, axis, None]
        inside = (first <= pixel) & (pixel < first + field["size"][axis])
        seen &= inside.view(len(pixels), *(count if a == axis else 1 for a in range(len(units))))
    return seen
