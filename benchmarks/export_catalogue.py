"""Every network of the catalogue as ONNX and as an exported program: run beside the network, read again, counted again.

    python benchmarks/export_catalogue.py [NAME ...]

For each network and format: seconds, whether torch or onnxruntime computes the same from the file for another batch size, and
whether params, macs, output, rf and depth read from it are the network's. Exits with 1 if anything differs.
"""

import sys
import tempfile
import time
from pathlib import Path

import onnxruntime
import torch

import zoo
from zoo.models.targets import real_weights, resolve

COLUMNS = ["output", "params", "macs", "rf", "depth"]
LARGE = 30_000_000
"""From so many parameters on a network is exported only if it is named: it takes a minute, and gigabytes."""


def outputs(file: Path, x: torch.Tensor) -> torch.Tensor:
    """What the file computes."""
    if file.suffix == ".pt2":
        with torch.inference_mode():
            found: torch.Tensor = torch.export.load(file).module()(x)
        return found
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])


def check(name: str, file: Path) -> list[str]:
    """What differs between the network and the file that is made of it."""
    with torch.random.fork_rng(), real_weights():
        torch.manual_seed(0)
        module = resolve(name, {}).module.eval()
    zoo.export(module, file, input=(1, *zoo.card(name).input), force=True)
    x = torch.randn(3, *zoo.card(name).input, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = module(x)
    found = outputs(file, x)
    wrong = [] if (found - wanted).abs().max() <= 1e-4 * wanted.abs().max() else ["outputs"]
    ours, theirs = zoo.summary(str(file), columns=COLUMNS).total, zoo.summary(name, columns=COLUMNS).total
    return wrong + [column for column in COLUMNS if ours[column] != theirs[column]]


def main() -> None:
    """One line for each network and format."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or zoo.list_models():
            if not sys.argv[1:] and zoo.card(name).params >= LARGE:
                print(f"{name}: left out, {zoo.card(name).params:,} parameters")
                continue
            for suffix in (".onnx", ".pt2"):
                start = time.perf_counter()
                try:
                    wrong = check(name, Path(folder) / f"net{suffix}")
                except zoo.ZooError as error:
                    wrong = [str(error)]
                bad += bool(wrong)
                print(f"{name}{suffix}: {time.perf_counter() - start:.1f} s, {'; '.join(wrong) or 'equal'}", flush=True)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
