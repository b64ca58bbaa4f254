"""What projects do with a network, done with pulled files: training, copies, compilers, exporters, surgery, tools.

    python benchmarks/pulled_jobs.py [NAME...] [--only JOB]

Each job runs on real weights and has to give finite numbers, or the same as before. Prints what fails, and how many jobs every
network passed. `benchmarks/pulled.py` does cheaper jobs with every network of the catalogue; these are for small ones.
"""

import argparse
import copy
import importlib.util
import io
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

import zoo

NAMES = ("lenet1989", "lenet5", "lenet5_modern", "lenet_caffe", "resnet20", "nin_cifar10", "all_cnn_c", "stn_mnist", "text_cnn")
Job = Callable[[nn.Module, Tensor], Any]
JOBS: dict[str, Job] = {}


def job(function: Job) -> Job:
    """Register a job under its name."""
    JOBS[function.__name__.replace("_", " ")] = function
    return function


def step(model: nn.Module, x: Tensor, **settings: Any) -> Tensor:
    """One step of training; the loss."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, **settings)
    loss = F.cross_entropy(model.train()(x), torch.arange(len(x)) % 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())
    return loss.detach()


def scores(model: Any, x: Tensor) -> Tensor:
    """What the network gives in evaluation mode."""
    with torch.no_grad():
        found: Tensor = model(x)
    assert found.isfinite().all()
    return found


def same(model: Any, other: Any, x: Tensor, tolerance: float = 1e-4) -> None:
    """Raise `AssertionError` if both do not give the same scores."""
    expected = scores(model, x)
    torch.testing.assert_close(scores(other, x), expected, atol=tolerance * float(expected.abs().max()), rtol=tolerance)


# Training


@job
def train(model: nn.Module, x: Tensor) -> None:
    before = step(model, x)
    for _ in range(3):
        step(model, x)
    assert before.isfinite()


@job
def adamw_foreach(model: nn.Module, x: Tensor) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=True)
    model.train()(x).square().mean().backward()
    optimizer.step()


@job
def accumulate_gradients(model: nn.Module, x: Tensor) -> None:
    for half in x.split(2):
        model(half).square().mean().backward()
    assert any(one.grad is not None for one in model.parameters())


@job
def clip_gradients(model: nn.Module, x: Tensor) -> None:
    model.train()(x).square().mean().backward()
    assert nn.utils.clip_grad_norm_(model.parameters(), 0.1).isfinite()


@job
def autocast_bfloat16(model: nn.Module, x: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        step(model, x)


@job
def autocast_evaluation(model: nn.Module, x: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = scores(model, x)
    assert found.shape == scores(model, x).shape


@job
def scale_gradients(model: nn.Module, x: Tensor) -> None:
    scaler = torch.amp.GradScaler("cpu")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    scaler.scale(model.train()(x).square().mean()).backward()
    scaler.step(optimizer)
    scaler.update()


@job
def ema(model: nn.Module, x: Tensor) -> None:
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
    )
    step(model, x)
    average.update_parameters(model)
    scores(average.eval(), x)


@job
def swa(model: nn.Module, x: Tensor) -> None:
    average = torch.optim.swa_utils.AveragedModel(model)
    step(model, x)
    average.update_parameters(model)
    torch.optim.swa_utils.update_bn([x], average)
    scores(average.eval(), x)


@job
def checkpoint_whole(model: nn.Module, x: Tensor) -> None:
    checkpoint(model.train(), x, use_reentrant=False).square().mean().backward()


@job
def checkpoint_blocks(model: nn.Module, x: Tensor) -> None:
    assert zoo.gradient_checkpointing(model)
    step(model, x)


@job
def ddp(model: nn.Module, x: Tensor) -> None:
    with group():
        wrapped = nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)
        step(wrapped, x)
        same(model.eval(), wrapped.eval(), x)


@job
def fully_sharded(model: nn.Module, x: Tensor) -> None:
    from torch.distributed.fsdp import fully_shard

    with group():
        step(fully_shard(model, mesh=torch.distributed.init_device_mesh("cpu", (1,))), x)


@job
def data_parallel(model: nn.Module, x: Tensor) -> None:
    step(nn.DataParallel(model), x)


@job
def synchronised_batch_norm(model: nn.Module, x: Tensor) -> None:
    same(model, nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model)), x)


@job
def anomaly_detection(model: nn.Module, x: Tensor) -> None:
    with torch.autograd.set_detect_anomaly(True):
        step(model, x)


@job
def frozen_body(model: nn.Module, x: Tensor) -> None:
    shape = (1, *x.shape[1:])
    assert zoo.freeze(model, zoo.parameter_groups(model, lr=1.0, input=shape)[0]["name"], input=shape)
    step(model, x)


@job
def parameter_groups(model: nn.Module, x: Tensor) -> None:
    groups = zoo.parameter_groups(model, lr=1e-4, decay=0.5, input=(1, *x.shape[1:]))
    torch.optim.AdamW(groups)
    assert sum(len(one["params"]) for one in groups) == sum(one.requires_grad for one in model.parameters())


@job
def distil(model: nn.Module, x: Tensor) -> None:
    teacher = copy.deepcopy(model).requires_grad_(False).eval()
    F.kl_div(model.train()(x).log_softmax(1), teacher(x).softmax(1)).backward()


# Copies and files


@job
def deep_copy(model: nn.Module, x: Tensor) -> None:
    same(model, copy.deepcopy(model), x, 0)


@job
def pickled(model: nn.Module, x: Tensor) -> None:
    same(model, pickle.loads(pickle.dumps(model)), x, 0)


@job
def saved_whole(model: nn.Module, x: Tensor) -> None:
    torch.save(model, file := io.BytesIO())
    file.seek(0)
    same(model, torch.load(file, weights_only=False), x, 0)


@job
def state_dict(model: nn.Module, x: Tensor) -> None:
    torch.save(model.state_dict(), file := io.BytesIO())
    file.seek(0)
    twin = copy.deepcopy(model)
    nn.init.zeros_(next(twin.parameters()))
    twin.load_state_dict(torch.load(file, weights_only=True))
    same(model, twin, x, 0)


@job
def safetensors(model: nn.Module, x: Tensor) -> None:
    from safetensors.torch import load, save

    twin = copy.deepcopy(model)
    twin.load_state_dict(load(save(model.state_dict())))
    same(model, twin, x, 0)


@job
def assigned_from_meta(model: nn.Module, x: Tensor) -> None:
    twin = copy.deepcopy(model).to("meta")
    twin.load_state_dict(model.state_dict(), assign=True)
    if not any(one.is_meta for one in twin.buffers()):
        same(model, twin, x, 0)


@job
def shared_memory(model: nn.Module, x: Tensor) -> None:
    assert next(model.share_memory().parameters()).is_shared()


@job
def double_precision(model: nn.Module, x: Tensor) -> None:
    assert scores(model.double(), x if x.dtype == torch.long else x.double()).dtype == torch.float64


@job
def half_weights(model: nn.Module, x: Tensor) -> None:
    assert scores(model.bfloat16(), x.bfloat16()).dtype == torch.bfloat16


@job
def channels_last(model: nn.Module, x: Tensor) -> None:
    if x.dim() == 4:
        same(model, copy.deepcopy(model).to(memory_format=torch.channels_last), x)


# Compilers and exporters


@job
def script(model: nn.Module, x: Tensor) -> None:
    same(model, torch.jit.script(model), x)


@job
def frozen_script(model: nn.Module, x: Tensor) -> None:
    same(model, torch.jit.optimize_for_inference(torch.jit.script(model)), x)


@job
def traced(model: nn.Module, x: Tensor) -> None:
    same(model, torch.jit.trace(model, x), x[:1])


@job
def symbolic_trace(model: nn.Module, x: Tensor) -> None:
    same(model, torch.fx.symbolic_trace(model), x, 0)


@job
def fused_batch_norms(model: nn.Module, x: Tensor) -> None:
    from torch.fx.experimental.optimization import fuse

    same(model, fuse(model), x)


@job
def compiled(model: nn.Module, x: Tensor) -> None:
    same(model, torch.compile(model, backend="eager", fullgraph=True), x)


@job
def compiled_training(model: nn.Module, x: Tensor) -> None:
    step(torch.compile(model, backend="aot_eager", fullgraph=True), x)


@job
def exported(model: nn.Module, x: Tensor) -> None:
    same(model, torch.export.export(model, (x,)).module(), x)


@job
def exported_for_any_batch(model: nn.Module, x: Tensor) -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    same(model, torch.export.export(model, (x,), dynamic_shapes=({0: batch},)).module(), x[:3])


@job
def exported_decomposed(model: nn.Module, x: Tensor) -> None:
    same(model, torch.export.export(model, (x,)).run_decompositions().module(), x)


@job
def exported_for_training(model: nn.Module, x: Tensor) -> None:
    program = torch.export.export(model.train(), (x,))
    program.module()(x).square().mean().backward()


@job
def saved_program(model: nn.Module, x: Tensor) -> None:
    torch.export.save(torch.export.export(model, (x,)), file := io.BytesIO())
    file.seek(0)
    same(model, torch.export.load(file).module(), x)


@job
def onnx(model: nn.Module, x: Tensor) -> None:
    program = torch.onnx.export(model, (x,), verbose=False)
    assert program is not None
    (found,) = program(x) if runtime() else (scores(model, x),)
    torch.testing.assert_close(found, scores(model, x), atol=1e-3, rtol=1e-3)


@job
def onnx_for_any_batch(model: nn.Module, x: Tensor) -> None:
    with tempfile.TemporaryDirectory() as folder:
        zoo.export(model, file := Path(folder, "net.onnx"), input=(1, *x.shape[1:]))
        assert zoo.summary(str(file)).total["params"]


# Functions of modules


@job
def functional_call(model: nn.Module, x: Tensor) -> None:
    found = torch.func.functional_call(model, dict(model.state_dict()), (x,))
    torch.testing.assert_close(found, model(x))


@job
def gradients_of_each_image(model: nn.Module, x: Tensor) -> None:
    weights = {name: one.detach() for name, one in model.named_parameters()}

    def loss(weights: dict[str, Tensor], image: Tensor) -> Tensor:
        return torch.func.functional_call(model, weights, (image[None],)).square().mean()

    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, x)
    assert all(one.shape[0] == len(x) for one in found.values())


@job
def ensemble(model: nn.Module, x: Tensor) -> None:
    models = [copy.deepcopy(model) for _ in range(2)]
    weights, buffers = torch.func.stack_module_state(models)
    found = torch.func.vmap(lambda w, b: torch.func.functional_call(model, (w, b), (x,)))(weights, buffers)
    torch.testing.assert_close(found[1], model(x), atol=1e-3, rtol=1e-3)


@job
def saliency(model: nn.Module, x: Tensor) -> None:
    model(x.requires_grad_()).max(1).values.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@job
def hooks(model: nn.Module, x: Tensor) -> None:
    seen: list[str] = []
    for name, part in model.named_modules():
        part.register_forward_hook(lambda *_, name=name: seen.append(name))
    scores(model, x)
    assert len(set(seen)) > 3


@job
def gradients_of_layers(model: nn.Module, x: Tensor) -> None:
    seen: list[Tensor] = []
    layer = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Conv1d | nn.Linear)][-1]
    layer.register_full_backward_hook(lambda _, __, out: seen.append(out[0]))
    model(x).square().mean().backward()
    assert seen


# Surgery


@job
def every_layer_replaced(model: nn.Module, x: Tensor) -> None:
    twin = copy.deepcopy(model)
    for path, old in [(path, one) for path, one in twin.named_modules() if type(one) in {nn.Conv2d, nn.Linear}]:
        new = copy.copy(old)
        new.__class__ = type("Mine", (type(old),), {})
        parent, _, last = path.rpartition(".")
        setattr(twin.get_submodule(parent), last, new)
    same(model, twin, x, 0)


@job
def activations_replaced(model: nn.Module, x: Tensor) -> None:
    names = [
        name for name, one in model.named_modules() if isinstance(one, nn.ReLU | nn.Tanh) or type(one).__name__ == "ScaledTanh"
    ]
    assert names
    before = scores(model, x)
    for name in names:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, nn.GELU())
    assert not torch.equal(scores(model, x), before)


@job
def pruned(model: nn.Module, x: Tensor) -> None:
    layers = [(one, "weight") for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear) and hasattr(one, "weight")]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=0.3)
    scores(model, x)
    for one, name in layers:
        prune.remove(one, name)


@job
def spectral_norm(model: nn.Module, x: Tensor) -> None:
    parametrizations.spectral_norm(next(one for one in model.modules() if isinstance(one, nn.Conv1d | nn.Conv2d | nn.Linear)))
    step(model, x)


@job
def low_rank_adapters(model: nn.Module, x: Tensor) -> None:
    for one in [one for one in model.modules() if type(one) is nn.Linear]:
        nn.utils.parametrize.register_parametrization(one, "weight", Adapter(*one.weight.shape))
    step(model, x)


class Adapter(nn.Module):
    """A sum of a weight and a product of two thin matrices, the first of which starts at zero."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.left, self.right = nn.Parameter(torch.zeros(rows, 2)), nn.Parameter(torch.randn(2, columns))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.left @ self.right


@job
def quantised(model: nn.Module, x: Tensor) -> None:
    found = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    linear = [one for one in model.modules() if type(one) is nn.Linear]
    assert sum("Quantized" in repr(type(one)) or "quantized" in repr(type(one)) for one in found.modules()) >= len(linear)
    if linear:
        scores(found, x)


@job
def another_classifier(model: nn.Module, x: Tensor) -> None:
    assert scores(zoo.reset_classifier(model, 7, input=(1, *x.shape[1:])), x).shape[1] == 7


@job
def feature_maps(model: nn.Module, x: Tensor) -> None:
    if x.dim() == 4:
        assert zoo.features(model, input=(1, *x.shape[1:]))(x)


@job
def pieces(model: nn.Module, x: Tensor) -> None:
    assert [*model.children()]
    assert len(dict(model.named_modules())) > 3
    assert str(model).count("\n") > 3


# Tools


@job
def counted(model: nn.Module, x: Tensor) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        scores(model, x)
    assert counter.get_total_flops() > 0


@job
def torchinfo(model: nn.Module, x: Tensor) -> None:
    from torchinfo import summary

    assert summary(model, input_data=x, verbose=0).total_params == sum(one.numel() for one in model.parameters())


@job
def fvcore(model: nn.Module, x: Tensor) -> None:
    from fvcore.nn import FlopCountAnalysis

    assert FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total() > 0


@job
def profiled(model: nn.Module, x: Tensor) -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        scores(model, x)
    assert found.key_averages()


@job
def summary(model: nn.Module, x: Tensor) -> None:
    total = zoo.summary(model, input=(1, *x.shape[1:])).total
    assert total["params"] == sum(one.numel() for one in model.parameters())


KNOWN = {
    "lenet5: another classifier": "its output layer holds codes of the classes and computes distances",
    "lenet5: frozen script": "torch.jit.optimize_for_inference cannot run it",
    "nin_cifar10: gradients of layers": "torch refuses a backward hook on a layer before an activation in place",
    "all_cnn_c: gradients of layers": "torch refuses a backward hook on a layer before an activation in place",
    "text_cnn: activations replaced": "its activation is a function",
}
"""What cannot be done, and why."""


# Running them


def runtime() -> bool:
    """Whether ONNX files can be run here."""
    return importlib.util.find_spec("onnxruntime") is not None


@contextmanager
def group() -> Iterator[None]:
    """A group of this process alone, which waits for nobody longer than twenty seconds."""
    from datetime import timedelta

    with tempfile.TemporaryDirectory() as folder:
        store = torch.distributed.FileStore(str(Path(folder, "store")), 1)
        torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1, timeout=timedelta(seconds=20))
        try:
            yield
        finally:
            torch.distributed.destroy_process_group()


def network(name: str, folder: Path) -> nn.Module:
    """A network of a pulled file, in evaluation mode."""
    file = folder / f"{name}.py"
    if not file.exists():
        file.write_text(zoo.pull(name), encoding="utf-8")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # as an import would, so that the network can be pickled
        spec.loader.exec_module(module)
    torch.manual_seed(0)
    built: nn.Module = getattr(sys.modules[name], name)()
    return built.eval()


def tried(name: str, what: str, folder: Path) -> str:
    """What becomes of a job with a network: an empty text, or what went wrong."""
    model, x = network(name, folder), torch.randn(4, *zoo.card(name).input)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            JOBS[what](model, x)
    except Exception as error:
        return f"{name}: {what}: {type(error).__name__}: {str(error).strip().splitlines()[0][:200] if str(error).strip() else ''}"
    return ""


def main() -> int:
    """Do every job with every network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES))
    parser.add_argument("--only", choices=JOBS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    failures = list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names:
            found = [tried(name, what, Path(folder)) for what in JOBS if given.only in (None, what)]
            failures += [one for one in found if one]
            print(f"{name}: {sum(not one for one in found)} of {len(found)} jobs", flush=True)
    unknown = [one for one in failures if not one.startswith(tuple(KNOWN))]
    print(*failures, *(f"{start}: {why}" for start, why in KNOWN.items()), sep="\n")
    return bool(unknown)


if __name__ == "__main__":
    sys.exit(main())
