"""Models that are wrapped for training on several machines, or compiled: the same table as without, and they work afterwards."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import zoo

X = torch.zeros(2, 3, 8, 8)
COLUMNS = ["output", "params", "macs", "flops", "rf", "depth"]


def net() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5), nn.Linear(5, 5), nn.Linear(5, 5))
    model[5].weight = model[4].weight
    return model


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """A group of one process, which needs no network."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def sharded() -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh, model = init_device_mesh("cpu", (1,)), net()
    fully_shard(model[3], mesh=mesh)  # type: ignore[index]
    fully_shard(model, mesh=mesh)
    return model


def compiled_inside() -> nn.Module:
    model = net()
    model[0] = torch.compile(model[0], backend="eager")  # type: ignore[index,operator]
    return model


def flat(*, originals: bool) -> nn.Module:
    """Weights in two flat tensors: those of one linear layer, and those of the rest."""
    from torch.distributed.fsdp import FullyShardedDataParallel

    model = net()
    model[3] = FullyShardedDataParallel(model[3], device_id=torch.device("cpu"), use_orig_params=originals)  # type: ignore[index,operator]
    return FullyShardedDataParallel(model, device_id=torch.device("cpu"), use_orig_params=originals)


WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "DistributedDataParallel": lambda: DistributedDataParallel(net()),
    "DataParallel": lambda: nn.DataParallel(net()),
    "fully_shard": sharded,
    "flat": lambda: flat(originals=False),
    "flat with originals": lambda: flat(originals=True),
    "compile": lambda: torch.compile(net(), backend="eager"),  # type: ignore[dict-item,return-value]
    "compile in parallel": lambda: DistributedDataParallel(torch.compile(net(), backend="eager")),  # type: ignore[arg-type]
    "inside": compiled_inside,
}


@pytest.mark.filterwarnings("ignore:FSDP is switching", "ignore:.*FullyShardedDataParallel")
@pytest.mark.parametrize("name", WRAPPED)
def test_seen_through(name: str) -> None:
    """Kills rows of a profiler, parameters that are unused because they were gathered, and a model that fails afterwards."""
    model, plain = WRAPPED[name]().eval(), zoo.summary(net(), input=X.shape, columns=COLUMNS)
    for _ in range(2):  # before it has run for the first time, and after
        found = zoo.summary(model, input=X.shape, columns=COLUMNS)
        assert [row.cells for row in found.rows] == [row.cells for row in plain.rows]
        assert (found.total, list(found.notes)) == (plain.total, list(plain.notes))
        if "compile" not in name and name != "inside":
            model(X).sum().backward()
