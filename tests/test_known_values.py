"""Masks, indices and constants keep their values beside activations without any, so that they decide branches and shapes."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo.record.inputs import Input
from zoo.tracing.skeleton import Skeleton


class Runs(nn.Module):
    """Runs `steps(self, ids, mask)`, beside a layer, a buffer and a constant that is no buffer."""

    row: Tensor

    def __init__(self, steps: Callable[..., Any]) -> None:
        super().__init__()
        self.steps, self.linear, self.more = steps, nn.Linear(4, 4), nn.Linear(4, 4)
        self.words = nn.Embedding(10, 4)
        self.constant = torch.arange(6)
        self.register_buffer("row", torch.arange(6))

    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        return self.steps(self, ids, mask)


IDS, ONES = torch.arange(6)[None], torch.ones(1, 6, dtype=torch.int64)
SOME = torch.tensor([[1, 1, 1, 1, 0, 0]])


def written(net: Runs, ids: Tensor, mask: Tensor) -> Any:
    kept = mask.new_zeros(6)
    view = kept[2:]
    view += mask[0, 2:]
    kept[0] = 1
    return net.linear(net.words(ids)[:, : int(kept.sum())])


def constants(net: Runs, ids: Tensor, mask: Tensor) -> Any:
    net.row.mul_(mask[0])
    net.constant[0] = int(net.row.sum())
    return net.linear(net.words(ids[:, : int(net.constant[0]) % 7]))


CASES: dict[str, Callable[..., Any]] = {
    "constant": lambda net, ids, mask: net.linear(net.words(ids)[:, : int(torch.tensor([1, 4], device=ids.device).max())]),
    "branch": lambda net, ids, mask: net.linear(net.words(ids)) if mask.all() else net.more(net.linear(net.words(ids))),
    "length": lambda net, ids, mask: net.linear(net.words(ids)[:, : int(mask.sum())]),
    "list": lambda net, ids, mask: (
        [net.linear(part) for part in net.words(ids).split(mask.sum(1).cpu().tolist() + [0], 1)[:1]]
        if mask.all()
        else net.linear(net.words(ids))
    ),
    "picked": lambda net, ids, mask: net.linear(net.words(ids)[mask.bool()]),
    "nonzero": lambda net, ids, mask: net.linear(net.words(ids[:, mask[0].nonzero()[:, 0]])),
    "numpy": lambda net, ids, mask: net.linear(net.words(ids[:, : mask.cpu().numpy().sum()])),
    "floating": lambda net, ids, mask: net.more(net.words(ids)) if ((1.0 - mask.float()) * -1e9).min() < -1 else net.words(ids),
    "repeated": lambda net, ids, mask: net.linear(net.words(ids).repeat_interleave(mask[0] + 1, 1)),
    "made": lambda net, ids, mask: net.linear(net.words(ids)[:, : int((torch.ones_like(mask) - mask).sum()) + 1]),
    "written": written,
    "constants": constants,
}


@pytest.mark.parametrize("mask", [ONES, SOME], ids=["ones", "some"])
@pytest.mark.parametrize("name", CASES)
def test_decided_by_what_is_given(name: str, mask: Tensor) -> None:
    """Kills values that are not the caller's, or are not followed through views, writes, buffers and constants: products as torch
    counts them when it runs.
    """
    net = Runs(CASES[name])
    before = net.row.clone(), net.constant.clone()
    found = zoo.summary(net, inputs=(IDS, mask)).total["macs"]
    assert (net.row.equal(before[0]), net.constant.equal(before[1])) == (True, True)
    with FlopCounterMode(display=False) as counter:
        net(IDS, mask)
    assert found == counter.get_total_flops() / 2


@pytest.mark.parametrize(
    "steps",
    [
        lambda net, ids, mask: net.words(ids) if net.words(ids).sum() > 0 else ids,
        lambda net, ids, mask: mask.float().masked_fill_(net.words(ids)[:, :, 0] > 0, 2).any() and ids,
        lambda net, ids, mask: torch.zeros(6).masked_fill_(net.words(ids)[0, :, 0] > 0, 2).any() and ids,
        lambda net, ids, mask: (mask.copy_(net.words(ids)[:, :, 0]), mask[:, 1:])[1].any() and ids,
        lambda net, ids, mask: net.linear.bias.any() and ids,
        lambda net, ids, mask: torch.rand(6, device=ids.device).any() and ids,
    ],
)
def test_what_depends_on_activations_is_refused(steps: Callable[..., Any]) -> None:
    """Kills a stale value: of what was written to with an activation, a weight, or random numbers."""
    with pytest.raises(zoo.ZooError, match=r"requires the values of a tensor.*--real"):
        zoo.summary(Runs(steps), inputs=(IDS, ONES))


def test_by_default() -> None:
    """Kills a mask that leaves everything out, and indices that are no indices."""
    net = Runs(lambda net, ids, mask: net.linear(net.words(ids)[:, : int(mask.sum()) - int(ids.max())]))
    for inputs in ([Input((1, 6), "int64"), Input((1, 6), "int64")], [Input((1, 6), "int64"), Input((1, 6), "int64", "mask")]):
        for real in (False, True):
            total = zoo.summary(net, input=inputs, real=real).total
            assert total["macs"] == 6 * 4 * 4


class Asks(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        return y if (y.sum() + 1 > 0) else x


def test_the_place_is_named() -> None:
    """Kills a refusal that does not say where: the file, the line and the expression."""
    lines, first = inspect.getsourcelines(Asks)
    line = first + next(i for i, text in enumerate(lines) if "if" in text)
    with pytest.raises(zoo.ZooError, match=rf"test_known_values\.py:{line}: y\.sum\(\) \+ 1 > 0: .*--real"):
        zoo.summary(Asks(), input=(1, 3))


def test_large_values_are_dropped() -> None:
    """Kills masks of gigabytes: what would not fit into a small tensor is unknown, and the branch on it refused."""
    net = Runs(lambda net, ids, mask: (ids[:, :, None] == ids[:, None]).any() and net.words(ids))
    long = torch.zeros(1, 4000, dtype=torch.int64)
    with pytest.raises(zoo.ZooError, match="requires the values"):
        zoo.summary(net, inputs=(long, long))


# Models of others -----------------------------------------------------------------------------------------------------

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37, "vocab_size": 99}
BART = {"d_model": 32, "vocab_size": 99} | {
    f"{part}_{name}": n for part in ("encoder", "decoder") for name, n in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 37))
}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "out_features": ["stage4"]}
MODELS: list[tuple[str, dict[str, Any]]] = [
    *(("Bert", {**SMALL, "attn_implementation": way}) for way in ("eager", "sdpa")),
    *(
        ("Llama", {**SMALL, "num_key_value_heads": 2, "attn_implementation": way, "use_cache": cache})
        for way in ("eager", "sdpa")
        for cache in (True, False)
    ),
    *(("Bart", {**BART, "attn_implementation": way}) for way in ("eager", "sdpa")),
    ("DebertaV2", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    ("Longformer", {**SMALL, "attention_window": 8, "max_position_embeddings": 64}),
    ("Detr", {**BART, "use_timm_backbone": False, "backbone": None, "use_pretrained_backbone": False}),
]


@pytest.mark.parametrize(("name", "options"), MODELS, ids=lambda value: value if isinstance(value, str) else "")
def test_the_usual_call_of_hugging_face(name: str, options: dict[str, Any]) -> None:
    """Kills the refusal of a call with ids and mask: products as torch counts them, for a mask with padding."""
    transformers = pytest.importorskip("transformers")
    if name == "Detr":
        options = {**options, "backbone_config": transformers.ResNetConfig(**RESNET)}
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**options)).eval()
    if name == "Detr":
        inputs = {"pixel_values": torch.rand(1, 3, 64, 64), "pixel_mask": torch.ones(1, 64, 64, dtype=torch.int64)}
    else:
        mask = torch.tensor([[1] * 16, [1] * 10 + [0] * 6])
        inputs = {"input_ids": torch.randint(5, 90, (2, 16)), "attention_mask": mask}
    found = zoo.summary(model, inputs=inputs).total["macs"]
    with FlopCounterMode(display=False) as counter:
        model(**inputs)
    assert found == counter.get_total_flops() / 2


def test_a_large_language_model_costs_no_memory() -> None:
    """Kills weights that are allocated: TinyLlama's 1,100,048,384 parameters (its card says 1.1B) would take 4.4 GB."""
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 2048, "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4}
    with Skeleton():
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, intermediate_size=5632, vocab_size=32000))
    shells = [p for p in model.parameters() if p.is_meta]
    assert sum(p.numel() for p in shells) > 1.0999e9
    inputs = [Input((1, 2048), "int64", "input_ids"), Input((1, 2048), "int64", "attention_mask")]
    table = zoo.summary(model, input=inputs)
    assert table.total["params"] == 1_100_048_384
    assert all(p.is_meta for p in shells)
