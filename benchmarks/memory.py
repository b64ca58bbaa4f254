"""Bytes, peaks, what training keeps and what a backward multiplies, against torch running the same networks on the meta device.

python benchmarks/memory.py                  the whole catalogue
python benchmarks/memory.py torchvision:*    or what is named, with wildcards
"""

import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import torch

import zoo
from zoo.extend import Trace
from zoo.models.targets import resolve

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from memory_oracles import freed_peak, made, trained

COLUMNS = ["activation_bytes", "peak", "saved", "backward_macs"]


def names(patterns: list[str]) -> Iterator[str]:
    """The models that are named, the catalogue's by default."""
    from torchvision import models

    known = [*zoo.list_models(), *(f"torchvision:{name}" for name in models.list_models(models))]
    yield from (
        name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns) or (not patterns and ":" not in name)
    )


def constants(trace: Trace) -> int:
    """Bytes of lists of indices, which become tensors in forward and are the model's own."""
    return sum({v.id: v.nbytes for op in trace.ops for v in op.inputs if v.source == "constant"}.values())


def full(trace: Trace) -> int:
    """What FlopCounterMode counts beside: for the weights of a grouped convolution as if it had one group."""
    convolutions = [(op, op.input("weight")) for op in trace.ops if op.kind.startswith("conv")]
    return sum((op.attrs["groups"] - 1) * op.output.numel // w.shape[0] * w.numel for op, w in convolutions if w is not None)


def compare(name: str) -> dict[str, tuple[int, int]]:
    """Ours and theirs, for each column."""
    ours: dict[str, int] = {}
    for train in (False, True):
        found = resolve(name, {}, train=train)
        shape = (2, *found.input)
        trace = zoo.trace(found.module, input=shape, train=train)
        total = zoo.measure(trace, columns=COLUMNS, depth=0).total
        ours |= {column: total[column] for column in (COLUMNS[2:] if train else COLUMNS[:2])}
        model, inputs = found.module.to("meta").train(train), [torch.zeros(shape, device="meta")]
        if not train:
            theirs = [made(model, inputs) - constants(trace), freed_peak(model, inputs)]
        else:
            kept, products = trained(model, inputs)
            theirs += [kept - constants(trace), products - full(trace)]
    return {column: (ours[column], count) for column, count in zip(COLUMNS, theirs, strict=True)}


def main() -> None:
    """A line for each model, and how many are equal in all."""
    equal = count = 0
    for name in names(sys.argv[1:]):
        count += 1
        try:
            found = compare(name)
        except Exception as error:
            print(f"{name:40} {type(error).__name__}: {str(error).splitlines()[0][:80]}", flush=True)
            continue
        differ = [f"{column} {ours} against {theirs}" for column, (ours, theirs) in found.items() if ours != theirs]
        equal += not differ
        print(f"{name:40} {', '.join(differ) or 'equal'}", flush=True)
    print(f"{equal} of {count} are equal in {', '.join(COLUMNS)}")


if __name__ == "__main__":
    main()
