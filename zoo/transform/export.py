"""Write networks to files for other programs: ONNX, torch's exported programs, state dicts."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.models.importing import neighbours
from zoo.models.targets import Subject, built
from zoo.record.inputs import Input, shapes
from zoo.tracing import messages
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError, all_words, told, unknown
from zoo.util.files import whole
from zoo.util.quantities import check_seed
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import nn

_LARGEST = 2**31 - 2**20
"""The largest size of weights in an ONNX file: protobuf's 2 GiB, minus some space for the graph."""

_ROUNDING = 1e-4
"""The allowed difference between outputs of two runtimes, relative to the largest output."""


@dataclass(frozen=True)
class _Job:
    """A model with weights in evaluation mode, its inputs with batch, and whether the batch size is dynamic."""

    name: str
    module: "nn.Module"
    inputs: tuple[Input, ...]
    dynamic: bool


@undisturbed
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
        target: A TARGET, built with initial weights; or a module, which is exported as it is and does not change.
        file: The path; it is written atomically.
        to: "onnx", "torch-export" or "state-dict"; the default follows from the suffix: .onnx, .pt2, or .pt, .pth and .safetensors.
        input: As in `zoo.trace`, shapes only.
        batch: The batch size of the exported network; by default it takes any.
        options: Options of the builder of a named model.
        seed: Seed of the initial weights.
        weights: Weights to load instead, for networks of the catalogue, as `create_model` takes them.
        force: Replace an existing file.

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
    check_seed(seed)
    with whole(file, force=force) as path, neighbours(target):
        subject = _subject(target, options or {}, seed, weights)
        _check(subject, _inputs(subject, input, batch or 1))
        job = _Job(subject.name, subject.module, _inputs(subject, input, batch or _FREE), batch is None)
        _check_weights(job)
        try:
            _evaluated(job.module, lambda: writer(job, path))
        except (OSError, ZooError):
            raise  # of which the first is a full disk, for `whole`
        except Exception as error:
            raise ZooError(_refusal(job, error)) from error
    return file


def format_of(to: str | None, file: Path) -> str:
    """Return the export format from `to` or the suffix of `file`. Raises `ZooError` if it is unknown, or if they contradict."""
    suffix = _SUFFIXES.get(file.suffix.lower())
    if to is None and suffix is None:
        raise ZooError(
            f"{file}: cannot infer the format from the suffix; pass --to {', '.join(_WRITERS)}, or use {' '.join(_SUFFIXES)}"
        )
    if to is not None and to not in _WRITERS:
        raise unknown("export format", to, _WRITERS)
    if to is not None and suffix not in (None, to):
        raise ZooError(f"{file}: the suffix means {suffix}, but --to is {to}")
    return to or str(suffix)


def _subject(target: "str | nn.Module", options: Mapping[str, Any], seed: int, weights: str | None) -> Subject:
    """Return the model with its weights, the same for the same seed, without changing the state of torch's generator."""
    import torch

    if weights is not None and (not isinstance(target, str) or ":" in target):
        raise ZooError(
            "--weights supports networks of the catalogue only; for others, use their own options, such as --set pretrained=true"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return built(target, options if weights is None else {**options, "weights": weights})


_FREE = 2
"""The batch size for a dynamic batch, because torch specialises on 1."""


def _inputs(subject: Subject, input: Any, batch: int) -> tuple[Input, ...]:
    """The inputs, with `batch` instead of their own: that with which the first of them begins."""
    given = subject.shape() if input is None else shapes(input)
    several = [given] if isinstance(given, tuple) else given
    found = [one if isinstance(one, Input) else Input(one) for one in several]
    own = next((one.sizes[0] for one in found if one.sizes), None)
    return tuple(one._replace(sizes=(batch, *(one.sizes or ())[1:])) if _batched(one, own) else one for one in found)


def _batched(one: Input, batch: int | None) -> bool:
    return bool(one.sizes) and one.sizes is not None and one.sizes[0] == batch


def _check(subject: Subject, inputs: Sequence[Input]) -> None:
    """Raise a clear `ZooError`, before the exporter does, if a layer refuses the size of its input."""
    from zoo.models.running import trace_subject

    plain = [one if one.dtype or one.name else one.sizes for one in inputs]
    try:
        trace_subject(subject, plain[0] if len(plain) == 1 else plain, None, False)
    except ZooError as error:
        if getattr(error.__cause__, "misfit", False) or error.__cause__ is None:
            raise


def _evaluated(module: "nn.Module", write: Callable[[], None]) -> None:
    """Write in evaluation mode; afterwards the module and the process are as they were."""
    from zoo.tracing.guard import Guard

    def quietly() -> None:
        module.eval()
        with _silence():
            write()

    Guard(list(module.modules())).run(quietly)


def _check_weights(job: _Job) -> None:
    """Raises `ZooError` for weights that are not there, or not laid out as files hold them."""
    for name, tensor in job.module.state_dict().items():
        if not hasattr(tensor, "is_meta"):  # what a module keeps by get_extra_state
            continue
        if tensor.is_meta:
            raise ZooError(f"{job.name} has no weights to export: it is on the meta device")
        if str(tensor.layout) != "torch.strided":
            raise ZooError(f"{job.name} cannot be exported: {name} is a tensor of layout {tensor.layout}; make it dense first")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress the output of exporters, and of the network while it runs."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def _through_memory(path: Path) -> Iterator[io.BytesIO]:
    """What is written is put into the file at the end. torch's own writer ends the process when a disk takes no more."""
    written = io.BytesIO()
    yield written
    path.write_bytes(written.getbuffer())


# One writer for each format


def _state_dict(job: _Job, path: Path) -> None:
    import torch

    own = job.module.state_dict().items()
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in own if isinstance(tensor, torch.Tensor)}
    for name in dict(own).keys() - state.keys():
        raise ZooError(f"{job.name} cannot be exported: {name} is not a tensor")
    if path.suffix.lower() != ".safetensors":
        with _through_memory(path) as file:
            torch.save(state, file)
        return
    with _extra("safetensors", "pip install safetensors"):
        from safetensors.torch import save
    path.write_bytes(save({name: tensor.clone() for name, tensor in state.items()}))  # writes shared weights once per name


def _torch_export(job: _Job, path: Path) -> None:
    import torch

    program = _program(job)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folders of this machine
    with _through_memory(path) as file:
        torch.export.save(program, file)


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
    program = torch.export.export(job.module, args, kwargs or None, dynamic_shapes=shapes if job.dynamic else None)
    if not any(isinstance(spec.arg, torch.export.graph_signature.TensorArgument) for spec in program.graph_signature.output_specs):
        raise ZooError(f"{job.name} cannot be exported: its forward returns no tensor")
    return program


def _refusal(job: _Job, error: Exception) -> str:
    text = all_words(error).strip()
    given = " and ".join(sizes(one.sizes) if one.sizes else repr(one.value) for one in job.inputs)
    if job.dynamic and messages.fixes_batch(text):
        return f"{job.name} cannot be exported for any batch size: its forward pass fixes it; use --batch N to export it for N"
    if messages.decides_by_values(text):
        return f"{job.name} cannot be exported: its control flow depends on the values of a tensor, which a graph cannot express"
    if "Failed to convert" in text and error.__cause__ is not None:
        return f"{job.name} cannot be exported with input {sizes}: {told(error.__cause__)}"
    reason = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{job.name} cannot be exported with input {given}: {type(error).__name__}: {reason}"


def _onnx(job: _Job, path: Path) -> None:
    with _extra("onnx and onnxscript", "pip install 'zoo[onnx]'"):
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401

    size = sum(tensor.nbytes for tensor in job.module.state_dict().values())
    if size > _LARGEST:
        most = f"an ONNX file can hold 2 GiB, and the weights take {size / 2**30:.1f} GiB"
        raise ZooError(f"{job.name}: {most}; use --to torch-export, which has no limit")
    program = _program(job)
    _multiply_out_divisors(job, program)
    _faithful(program).save(path, external_data=False)
    _compare(job, path)


def _multiply_out_divisors(job: _Job, program: Any) -> None:
    """Rewrite sum pooling as average pooling times a number: torch's translation to ONNX drops divisors without a warning."""
    from math import prod

    from torch import ops

    for node in list(program.graph.nodes):
        if node.target not in (ops.aten.avg_pool2d.default, ops.aten.avg_pool3d.default) or len(node.args) < 7:
            continue
        kernel, divisor = node.args[1], node.args[6]
        if node.args[4]:
            raise ZooError(f"{job.name} cannot be exported to ONNX: {node.name} combines divisor_override with ceil_mode")
        node.args = (*node.args[:5], True)
        with program.graph.inserting_after(node):
            scaled = program.graph.call_function(ops.aten.mul.Tensor)
        scaled.meta = dict(node.meta)
        node.replace_all_uses_with(scaled)
        scaled.args = (node, prod(kernel) / divisor)
    program.graph_module.recompile()


def _compare(job: _Job, path: Path) -> None:
    """Run the file and the module. Raises `ZooError` if their outputs differ by more than rounding."""
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
            raise ZooError(f"{job.name} was not exported: the output of the ONNX file differs by up to {float(far):.3g}")


_LOCAL = ("pkg.torch.onnx.stack_trace", "pkg.torch.onnx.fx_node", "namespace")
"""Metadata of nodes that names local folders or repeats other entries."""


def _faithful(program: Any) -> Any:
    """Return the ONNX program of a `torch.export.ExportedProgram`, with torch's translation of each op and exactly its parameters.

    torch's optimised export folds batch normalisation into convolutions and drops biases that are zero, as all biases of a new
    network are. The file would then have other parameters than the module. Runtimes fold such layers when they load a file.
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
        if _zero(bias) and not _named(bias, own):  # the translation adds it if there is none
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
        raise ZooError(f"this format requires {package}, which cannot be imported ({error}); {remedy}") from error


_WRITERS: Mapping[str, Callable[[_Job, Path], None]] = {"onnx": _onnx, "torch-export": _torch_export, "state-dict": _state_dict}
_SUFFIXES = {".onnx": "onnx", ".pt2": "torch-export", ".pt": "state-dict", ".pth": "state-dict", ".safetensors": "state-dict"}
