"""Parameters that a forward does not read, and in which mode."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Param, Rule


def check(network: Network) -> Iterator[Hit]:
    """A hit for each outermost module of which no parameter is read."""
    unused = network.trace.unused
    if not unused:
        return
    used = {param.name for param in network.params} - {param.name for param in unused}
    other = network.in_other_mode
    idle_there = {param.name for param in other.unused} if other is not None else set()
    mode, others = ("training", "evaluation") if network.trace.mode == "train" else ("evaluation", "training")
    for path, params in _by_module(unused, used).items():
        total = sum(param.numel for param in params)
        nowhere = any(param.name in idle_there for param in params)
        if other is None:
            rest = f"; {others} mode could not be checked"
        else:
            rest = f", nor in {others} mode" if nowhere else f"; {others} mode reads them"
        what = f"{total:,} parameters are not read in {mode} mode{rest}"
        yield Hit(path, what, {"params": total, "tensors": len(params), "mode": mode, "both_modes": nowhere}, {"params": total})


def _by_module(unused: tuple[Param, ...], used: set[str]) -> dict[str, list[Param]]:
    """The unused parameters by the outermost module of which nothing is used, or by their own name."""
    busy = {prefix for name in used for prefix in _prefixes(name)}
    found: dict[str, list[Param]] = {}
    for param in unused:
        path = next((prefix for prefix in _prefixes(param.name) if prefix not in busy), param.name)
        found.setdefault(path, []).append(param)
    return found


def _prefixes(name: str) -> Iterator[str]:
    """features, features.conv1 of features.conv1.weight."""
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))


RULE = Rule(
    name="unused-parameter",
    finds="parameters that the forward does not read",
    why="They take memory, time to load and room in every checkpoint. If training does not read them either, they get no gradient, "
    "and distributed training stops with an error unless it searches for them in each step.",
    source="PyTorch, DistributedDataParallel: find_unused_parameters",
    remedy="Remove them; or, if only training reads them, drop them from what is deployed.",
    check=check,
)
