"""Every architecture as a file, and every twin of torchvision both ways: in full what the tests do in part.

    python benchmarks/pulled.py [NAME...]

Files are checked by ruff, black and mypy --strict, run in a process of their own in which zoo cannot be imported, and compared bit
by bit with the catalogue's networks on an image of the size on the card. It takes some minutes.
"""

import subprocess
import sys
import tempfile
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
            found += network(name, folder)
            print(f"{name}: compared", file=sys.stderr)
    twins = sum(bool(zoo.card(name).torchvision) for name in names)
    print("\n".join(found) or f"{len(names)} files run alone and compute the same bits; {twins} twins of torchvision, both ways")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
