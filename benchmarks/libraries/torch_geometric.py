"""The convolutions and models of torch_geometric on a small graph of 20 nodes with 16 features and 60 edges."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from libraries import Made, weighed

_NODES, _EDGES, _IN, _OUT = 20, 60, 16, 32
_MORE: dict[str, dict[str, Any]] = {  # options without a default
    "ARMAConv": {"num_stacks": 2},
    "ChebConv": {"K": 3},
    "DNAConv": {"channels": 16},
    "FastRGCNConv": {"num_relations": 3},
    "GCN2Conv": {"channels": 16, "alpha": 0.1},
    "GMMConv": {"dim": 3, "kernel_size": 4},
    "GatedGraphConv": {"num_layers": 2},
    "HEATConv": {"num_node_types": 2, "num_edge_types": 3, "edge_type_emb_dim": 4, "edge_dim": 3, "edge_attr_emb_dim": 4},
    "PANConv": {"filter_size": 3},
    "PDNConv": {"edge_dim": 3, "hidden_channels": 8},
    "RGATConv": {"num_relations": 3},
    "RGCNConv": {"num_relations": 3},
    "SignedConv": {"first_aggr": True},
    "SplineConv": {"dim": 3, "kernel_size": 2},
    "GravNetConv": {"space_dimensions": 3, "propagate_dimensions": 8, "k": 4},
    "XConv": {"dim": 3, "kernel_size": 4},
    "APPNP": {"K": 3, "alpha": 0.1},
    "CGConv": {"channels": 16},
    "FAConv": {"channels": 16},
    "AntiSymmetricConv": {"in_channels": 16},
    "AGNNConv": {},
    "LGConv": {},
    "SimpleConv": {},
    "WLConvContinuous": {},
    "PNAConv": {"aggregators": ["mean", "max"], "scalers": ["identity"]},
    "GPSConv": {"channels": 16},
    "AttentiveFP": {"hidden_channels": 32, "edge_dim": 3, "num_layers": 2, "num_timesteps": 2},
    "GraphUNet": {"hidden_channels": 32, "depth": 2},
    "LINKX": {"num_nodes": _NODES, "hidden_channels": 32, "num_layers": 2},
    "NeuralFingerprint": {"hidden_channels": 32, "num_layers": 2},
    "PNA": {"hidden_channels": 32, "num_layers": 2, "aggregators": ["mean", "max"], "scalers": ["identity"]},
}


def names() -> list[str]:
    """The names of convolutions, and of models."""
    from torch_geometric.nn import conv, models

    listed = [f"conv/{name}" for name in conv.__all__] + [f"models/{name}" for name in models.__all__]
    return [
        name for name in listed if name.rpartition("/")[2][0].isupper() and "CuGraph" not in name and "MessagePassing" not in name
    ]


def made(name: str) -> Iterator[Made]:
    """The layer or model with what it takes of a graph."""
    from torch_geometric import nn

    folder, _, kind = name.partition("/")
    build = getattr(getattr(nn, folder), kind)
    error = None
    built = False
    for options in _options(kind):
        try:
            module = weighed(lambda options=options: build(**options))
        except Exception as failed:
            error = error or failed
            continue
        built = True
        for args in _graphs():
            yield Made(module, args)
    if not built and error is not None:
        raise error


def _options(kind: str) -> Iterator[dict[str, Any]]:
    import torch
    from torch import nn
    from torch_geometric.nn import GCNConv

    histogram = {"deg": torch.tensor([0, 5, 10, 5])} if kind in {"PNAConv", "PNA"} else {}
    more = {**_MORE.get(kind, {}), **histogram}
    inner = {"conv": GCNConv(16, 16)} if kind == "GPSConv" else {}
    yield {"in_channels": _IN, "out_channels": _OUT, **more}
    yield {**more, **inner}
    yield {"in_channels": _IN, "hidden_channels": _OUT, "num_layers": 2, "out_channels": _OUT, **more}
    yield {"channel_list": [_IN, _OUT, 8]}
    for features in (_IN, 2 * _IN):
        yield {"nn": nn.Sequential(nn.Linear(features, _OUT), nn.ReLU(), nn.Linear(_OUT, _OUT))}
    yield {"in_channels": _IN, "out_channels": _OUT, "nn": nn.Sequential(nn.Linear(3, _IN * _OUT))}
    yield {"local_nn": nn.Linear(_IN + 3, _OUT), "global_nn": nn.Linear(_OUT, _OUT)}
    yield {"mlp_h": nn.Linear(_IN, 3), "mlp_f": nn.Linear(_IN + 3, _IN), "mlp_g": nn.Linear(_IN, _IN)}
    yield {"nn": nn.Linear(_IN, _OUT), "k": 4}
    yield {}


def _graphs() -> Iterator[tuple[Any, ...]]:
    import torch

    torch.manual_seed(0)
    x, edges = torch.rand(_NODES, _IN), torch.randint(0, _NODES, (2, _EDGES))
    types, features, positions = torch.randint(0, 3, (_EDGES,)), torch.rand(_EDGES, 3), torch.rand(_NODES, 3)
    batch = torch.zeros(_NODES, dtype=torch.int64)
    atoms = torch.randint(1, 9, (_NODES,))
    yield from (
        (x, edges),
        (x, edges, features),
        (x, edges, types),
        (x, x, edges),
        (x, positions, edges),
        (positions, edges),
        (x, positions),
        (x,),
        (x, edges, batch),
        (x, edges, features, batch),
        (x, edges, torch.randint(0, 2, (_NODES,)), types, features),
        (torch.rand(_NODES, 2, _IN), edges),
        (atoms, positions, batch),
        (edges,),
        (x, edges, edges),
        (atoms, positions),
    )
    yield from product((edges, x), (edges, None))
