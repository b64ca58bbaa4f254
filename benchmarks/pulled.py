"""Every architecture as a file, and every twin of torchvision both ways: in full what the tests do in part.

    python benchmarks/pulled.py [NAME...]

Files are checked by ruff, black and mypy --strict, run in a process of their own in which zoo cannot be imported, and compared bit
by bit with the catalogue's networks on an image of the size on the card. Then each does what projects do with networks (`JOBS`). It
takes some minutes.
"""

import copy
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

import zoo

BARE = """
import runpy, sys
sys.modules["zoo"] = None
for path in sys.argv[1:]:
    runpy.run_path(path, run_name="__main__")
"""


def failures_of(*command: str, cwd: Path) -> list[str]:
    """What a command prints, if it fails."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, encoding="utf-8", check=False, cwd=cwd)
    return [done.stdout + done.stderr] if done.returncode else []


def counts(names: list[str], folder: Path) -> list[str]:
    """The files run without zoo: which do not print their parameters."""
    command = [sys.executable, "-I", "-c", BARE, *(f"{name}.py" for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, cwd=folder)
    expected = [f"{name}: {zoo.card(name).params:,} parameters" for name in names]
    printed = done.stdout.splitlines()
    return [f"{line}: not printed" for line in expected if line not in printed] + [done.stderr] * bool(done.returncode)


def same(one: nn.Module, other: nn.Module, name: str) -> list[str]:
    """One image through both in evaluation mode: whether the outputs are the same bits, and finite."""
    image = torch.randn(1, *zoo.card(name).input)
    with torch.inference_mode():
        mine, theirs = one.eval()(image), other.eval()(image)
    return [] if torch.equal(mine, theirs) and mine.isfinite().all() else [f"{name}: outputs differ"]


def network(name: str, folder: Path) -> list[str]:
    """The file's network against the catalogue's; torchvision's against both, there and back."""
    namespace: dict[str, object] = {}
    exec((folder / f"{name}.py").read_text(encoding="utf-8"), namespace)
    ours, pulled = zoo.create_model(name), namespace[name]()  # type: ignore[operator]
    pulled.load_state_dict(ours.state_dict())
    found = same(ours, pulled, name)
    if zoo.card(name).torchvision:
        twin = zoo.to_torchvision(ours)
        found += same(ours, twin, name) + same(zoo.create_model(name, weights=twin.state_dict()), twin, name)
    return found


JOBS: dict[str, Callable[[nn.Module, torch.Tensor], object]] = {
    "copy": lambda model, _: copy.deepcopy(model),
    "average": lambda model, _: torch.optim.swa_utils.AveragedModel(model, use_buffers=True),
    "script": lambda model, _: torch.jit.script(model),
    "symbolic trace": lambda model, x: torch.fx.symbolic_trace(model)(x),
    "export": lambda model, x: torch.export.export(model, (x,)),
    "compile": lambda model, x: torch.compile(model, backend="eager", fullgraph=True)(x),
    "channels last": lambda model, x: model.to(memory_format=torch.channels_last)(x) if x.dim() == 4 else None,
    "parameters of another": lambda model, x: torch.func.functional_call(model, dict(model.state_dict()), (x,)),
    "quantise": lambda model, _: torch.ao.quantization.quantize_dynamic(model, {nn.Linear}) if not on_meta(model) else None,
    "bfloat16": lambda model, x: model.to(torch.bfloat16)(x.to(torch.bfloat16)),
}
"""What projects do with a network; on the meta device, where large networks cost nothing."""


def on_meta(model: nn.Module) -> bool:
    """Whether the weights of a model hold no values."""
    return any(parameter.is_meta for parameter in model.parameters())


def jobs(name: str, folder: Path) -> list[str]:
    """Do every job with the file's network, in evaluation mode: which of them fail."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = []
    for job, do in JOBS.items():
        with torch.device("meta"):
            model, image = getattr(module, name)().eval(), torch.empty(2, *zoo.card(name).input)
            try:
                do(model, image)
            except Exception as error:
                found.append(f"{name}: {job}: {type(error).__name__}: {str(error)[:200]}")
    return found


def main() -> None:
    """Check everything, print what fails, and exit with 1 if anything does."""
    names, found = sys.argv[1:] or zoo.list_models(), list[str]()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in names:
            (folder / f"{name}.py").write_text(zoo.pull(name), encoding="utf-8")
        found += failures_of("-m", "ruff", "check", "--isolated", ".", cwd=folder)
        found += failures_of("-m", "ruff", "format", "--check", "--isolated", ".", cwd=folder)
        found += failures_of("-m", "black", "--check", ".", cwd=folder)
        found += failures_of("-m", "mypy", "--strict", ".", cwd=folder)
        found += counts(names, folder)
        for name in names:
            found += network(name, folder) + jobs(name, folder)
            print(f"{name}: compared", file=sys.stderr)
    twins = sum(bool(zoo.card(name).torchvision) for name in names)
    print("\n".join(found) or f"{len(names)} files run alone and compute the same bits; {twins} twins of torchvision, both ways")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
