"""Networks as files for other programs: ONNX, torch's exported programs, state dicts."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError, unknown
from zoo.models.targets import Subject, built, neighbours
from zoo.tracing import messages
from zoo.tracing.inputs import Input, settled
from zoo.util.files import whole
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import nn

_LARGEST = 2**31 - 2**20
"""What one ONNX file may hold: protobuf's 2 GiB, less some for the graph."""

_ROUNDING = 1e-4
"""How far outputs of two runtimes may lie apart, in parts of the largest."""


@dataclass(frozen=True)
class _Job:
    """A model with weights in evaluation mode, its inputs with batch, whether their batch is to be free."""

    name: str
    module: "nn.Module"
    inputs: tuple[Input, ...]
    dynamic: bool


def export(
    target: "str | nn.Module",
    file: str | Path,
    *,
    to: str | None = None,
    input: Any = None,
    batch: int | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    weights: str | None = None,
    force: bool = False,
) -> Path:
    """Write a network, in evaluation mode, to a file for other programs.

    Arguments:
        target: A TARGET, built with initial weights; or a module, which is written as it is, and left so.
        file: The path; nothing half-written is ever there.
        to: "onnx", "torch-export" or "state-dict", by default what the suffix says: .onnx, .pt2, or .pt, .pth and .safetensors.
        input: As in `zoo.trace`, shapes alone.
        batch: The batch that the file is for; by default any in use.
        options: For the builder of a model that is named.
        seed: Draws the initial weights.
        weights: Weights instead of initial ones, for networks of the catalogue, as `create_model` takes them.
        force: Replace a file that exists.

    Returns:
        The path of the file.

    Raises:
        ZooError: As `zoo.trace`, for a file that exists or cannot be written, and for a network that cannot be exported.

    Example:
        >>> zoo.export("lenet5", "lenet5.pt").name
        'lenet5.pt'
    """
    file = Path(file)
    writer = _WRITERS[format_of(to, file)]
    with whole(file, force=force) as path, neighbours(target):
        subject = _subject(target, options or {}, seed, weights)
        _check(subject, _inputs(subject, input, batch or 1))
        job = _Job(subject.name, subject.module, _inputs(subject, input, batch or _FREE), batch is None)
        if any(tensor.is_meta for tensor in job.module.state_dict().values()):
            raise ZooError(f"{subject.name} has no weights to export: it is on the meta device")
        with _evaluation(job.module), _silence():
            writer(job, path)
    return file


def format_of(to: str | None, file: Path) -> str:
    """What is written to `file`, by what was asked for or its suffix. Raises `ZooError` if that is unknown, or they contradict."""
    suffix = _SUFFIXES.get(file.suffix.lower())
    if to is None and suffix is None:
        raise ZooError(f"{file}: as what? --to onnx, torch-export or state-dict, or a suffix: {', '.join(_SUFFIXES)}")
    if to is not None and to not in _WRITERS:
        raise unknown("format to export to", to, _WRITERS)
    if to is not None and suffix not in (None, to):
        raise ZooError(f"{file} is named as {suffix}, and --to says {to}")
    return to or str(suffix)


def _subject(target: "str | nn.Module", options: Mapping[str, Any], seed: int, weights: str | None) -> Subject:
    """The model with its weights, the same for the same seed; torch's generator stays where it was."""
    import torch

    if weights is not None and (not isinstance(target, str) or ":" in target):
        raise ZooError("--weights are for networks of the catalogue; others take their own options, as --set pretrained=true")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return built(target, options if weights is None else {**options, "weights": weights})


_FREE = 2
"""The batch with which a free one is tried: torch regards 1 as special."""


def _inputs(subject: Subject, input: Any, batch: int) -> tuple[Input, ...]:
    """The inputs, with `batch` in the place of their own: that with which the first of them begins."""
    given, ready = settled(input, None) if input is not None else (subject.shape(), None)
    if ready is not None:
        raise ZooError("export: expected shapes as input, such as (1, 3, 224, 224), not tensors")
    several = [given] if isinstance(given, tuple) else given
    found = [one if isinstance(one, Input) else Input(one) for one in several]
    own = next((one.sizes[0] for one in found if one.sizes), None)
    return tuple(one._replace(sizes=(batch, *(one.sizes or ())[1:])) if _batched(one, own) else one for one in found)


def _batched(one: Input, batch: int | None) -> bool:
    return bool(one.sizes) and one.sizes is not None and one.sizes[0] == batch


def _check(subject: Subject, inputs: Sequence[Input]) -> None:
    """Raises `ZooError`, in our words and not in an exporter's, if a layer refuses the size of what it gets."""
    from zoo.models.running import trace_subject

    plain = [one if one.dtype or one.name else one.sizes for one in inputs]
    try:
        trace_subject(subject, plain[0] if len(plain) == 1 else plain, None, False)
    except ZooError as error:
        if getattr(error.__cause__, "misfit", False) or error.__cause__ is None:
            raise


@contextlib.contextmanager
def _evaluation(module: "nn.Module") -> Iterator[None]:
    """Evaluation mode; afterwards the module and the random generators are as they were."""
    from zoo.tracing.guard import untouched

    with untouched(list(module.modules())):
        module.eval()
        yield


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What exporters say of themselves is not said, nor what the network prints meanwhile."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


# One writer for each format


def _state_dict(job: _Job, path: Path) -> None:
    import torch

    state = {name: tensor.detach().cpu().contiguous() for name, tensor in job.module.state_dict().items()}
    if path.suffix.lower() != ".safetensors":
        torch.save(state, path)
        return
    with _extra("safetensors", "pip install safetensors"):
        from safetensors.torch import save
    path.write_bytes(save({name: tensor.clone() for name, tensor in state.items()}))  # tied weights once for each name


def _torch_export(job: _Job, path: Path) -> None:
    import torch

    program = _program(job)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folders of this machine
    torch.export.save(program, path)


def _program(job: _Job) -> Any:
    import torch

    from zoo.tracing.arguments import arguments

    args, kwargs = arguments(job.module, job.inputs, None, real=True)
    batch = torch.export.Dim("batch", min=1)
    own = next((one.sizes[0] for one in job.inputs if one.sizes), None)
    free = {id(one): {0: batch} if _batched(one, own) else None for one in job.inputs}
    shapes: Any = tuple(free[id(one)] for one in job.inputs if one.name is None)
    if kwargs:
        names = list(signature(job.module.forward).parameters)
        shapes = {**dict(zip(names, shapes, strict=False)), **{one.name: free[id(one)] for one in job.inputs if one.name}}
    try:
        return torch.export.export(job.module, args, kwargs or None, dynamic_shapes=shapes if job.dynamic else None)
    except Exception as error:
        raise ZooError(_refusal(job, error)) from error


def _refusal(job: _Job, error: Exception) -> str:
    text = str(error).strip()
    given = " and ".join(sizes(one.sizes) if one.sizes else repr(one.value) for one in job.inputs)
    if job.dynamic and messages.fixes_batch(text):
        return f"{job.name} cannot be exported for any batch size: its forward fixes it; --batch N exports it for N"
    if messages.decides_by_values(text):
        return f"{job.name} cannot be exported: its forward decides by the values of a tensor, which a graph does not hold"
    reason = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{job.name} cannot be exported with input {given}: {type(error).__name__}: {reason}"


def _onnx(job: _Job, path: Path) -> None:
    with _extra("onnx and onnxscript", "pip install 'zoo[onnx]'"):
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401

    size = sum(tensor.nbytes for tensor in job.module.state_dict().values())
    if size > _LARGEST:
        most = f"one ONNX file holds 2 GiB, and its weights take {size / 2**30:.1f}"
        raise ZooError(f"{job.name}: {most}; --to torch-export has no limit")
    program = _program(job)
    _multiply_out_divisors(job, program)
    try:
        _faithful(program).save(path, external_data=False)
    except Exception as error:
        raise ZooError(_refusal(job, error)) from error
    _compare(job, path)


def _multiply_out_divisors(job: _Job, program: Any) -> None:
    """Sums over windows as averages times a number: torch's translation to ONNX forgets divisors in silence."""
    from math import prod

    from torch import ops

    for node in list(program.graph.nodes):
        if node.target not in (ops.aten.avg_pool2d.default, ops.aten.avg_pool3d.default) or len(node.args) < 7:
            continue
        kernel, divisor = node.args[1], node.args[6]
        if node.args[4]:
            raise ZooError(f"{job.name} cannot be exported to ONNX: {node.name} has a divisor of its own and rounds up")
        node.args = (*node.args[:5], True)
        with program.graph.inserting_after(node):
            scaled = program.graph.call_function(ops.aten.mul.Tensor)
        scaled.meta = dict(node.meta)
        node.replace_all_uses_with(scaled)
        scaled.args = (node, prod(kernel) / divisor)
    program.graph_module.recompile()


def _compare(job: _Job, path: Path) -> None:
    """Run the file once beside the module. Raises `ZooError` if their outputs differ by more than rounding."""
    import torch

    from zoo.tracing.trees import tree_leaves

    try:
        import onnxruntime
    except ImportError:
        return
    from zoo.tracing.arguments import arguments

    generator = torch.Generator().manual_seed(0)
    args, kwargs = arguments(job.module, job.inputs, None, real=True)
    for tensor in tree_leaves((args, kwargs)):
        if torch.is_tensor(tensor) and tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    given = [tensor.cpu().numpy() for tensor in tree_leaves((args, kwargs)) if torch.is_tensor(tensor)]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {one.name: array for one, array in zip(session.get_inputs(), given, strict=True)})
    with torch.inference_mode():
        wanted = [leaf.cpu() for leaf in tree_leaves(job.module(*args, **kwargs)) if torch.is_tensor(leaf)]
    for ours, theirs in zip(wanted, found, strict=True):
        far = (ours - torch.as_tensor(theirs)).abs().max() if ours.numel() else 0
        if not far <= _ROUNDING * ours.abs().max():
            raise ZooError(f"{job.name} is not exported: the ONNX file computes something else, by up to {float(far):.3g}")


_LOCAL = ("pkg.torch.onnx.stack_trace", "pkg.torch.onnx.fx_node", "namespace")
"""What the exporter writes to each node that names folders of this machine, or says again what other entries say."""


def _faithful(program: Any) -> Any:
    """The ONNX program of a `torch.export.ExportedProgram`: torch's own translation, with its parameters and no others.

    torch's optimised export folds batch normalisation into convolutions and drops biases that are zero, which all biases of a new
    network are: the file would have other parameters than the module. Runtimes fold by themselves when they load it.
    """
    import torch
    from onnxscript import optimizer

    made = torch.onnx.export(program, dynamo=True, optimize=False, verbose=False)
    assert made is not None
    graph = made.model.graph
    own = {*program.state_dict, *program.constants}
    optimizer.fold_constants(
        made.model, should_fold=lambda node: False if any(_named(value, own) for value in node.inputs) else None
    )
    for node in graph:
        bias = node.inputs[2] if node.op_type in {"Conv", "ConvTranspose", "Gemm"} and len(node.inputs) == 3 else None
        if _zero(bias) and not _named(bias, own):  # what the translation puts where there is none
            node.resize_inputs(2)
        for key in _LOCAL:
            node.metadata_props.pop(key, None)
    optimizer.remove_unused_nodes(made.model)
    return made


def _named(value: Any, own: set[str]) -> bool:
    return value is not None and value.name in own


def _zero(value: Any) -> bool:
    return value is not None and value.const_value is not None and not value.const_value.numpy().any()


@contextlib.contextmanager
def _extra(package: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ZooError(f"this format needs {package}, which does not import ({error}); {remedy}") from error


_WRITERS: Mapping[str, Callable[[_Job, Path], None]] = {"onnx": _onnx, "torch-export": _torch_export, "state-dict": _state_dict}
_SUFFIXES = {".onnx": "onnx", ".pt2": "torch-export", ".pt": "state-dict", ".pth": "state-dict", ".safetensors": "state-dict"}
