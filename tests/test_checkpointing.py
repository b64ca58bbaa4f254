"""Gradient checkpointing of any model: the same training in less memory."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

import zoo

NAMES = ["resnet20", "plain20", "resnet18", "googlenet_bn", "nin_cifar10", "all_cnn_c", "text_cnn"]
SIZES = {"resnet18": (3, 64, 64), "googlenet_bn": (3, 64, 64)}


def trained(model: nn.Module, images: Tensor) -> tuple[int, dict[str, Tensor]]:
    """One step: the bytes that are kept for the backward pass, and gradients and statistics after it."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(0)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = model(images).square().mean()
    loss.backward()
    state = {name: tensor.clone() for name, tensor in model.named_buffers()}
    state |= {f"gradient of {name}": one.grad for name, one in model.named_parameters() if one.grad is not None}
    return sum(kept.values()), state


@pytest.mark.parametrize("name", NAMES)
def test_the_same_training_in_less_memory(name: str) -> None:
    """Kills other gradients, batches that are counted twice, dropout drawn anew, and activations that are kept all the same."""
    torch.manual_seed(1)
    model = zoo.create_model(name).train()
    images = torch.randn(4, *SIZES.get(name, zoo.card(name).input))
    twin = copy.deepcopy(model)
    blocks = zoo.gradient_checkpointing(twin)
    assert blocks
    whole, expected = trained(model, images)
    less, found = trained(twin, images)
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor, msg=key)
    if name != "text_cnn":  # most of its memory is its weights
        assert less < 0.8 * whole


def test_undone_copied_and_saved() -> None:
    """Kills a model that cannot be copied or saved, runs otherwise in evaluation, or cannot be had back."""
    torch.manual_seed(0)
    model = zoo.create_model("resnet20")
    images = torch.randn(2, 3, 32, 32)
    before, keys = trained(copy.deepcopy(model), images), list(model.state_dict())
    blocks = zoo.gradient_checkpointing(model)
    assert len(blocks) == 9
    assert zoo.gradient_checkpointing(model) == blocks
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert trained(twin, images)[0] < before[0]
    assert list(model.state_dict()) == keys
    assert zoo.summary(model, input=(1, 3, 32, 32)).total == zoo.summary("resnet20").total
    assert zoo.gradient_checkpointing(model, enable=False) == []
    assert trained(model, images)[0] == before[0]
    assert not [one for one in model.modules() if "forward" in vars(one)]


def test_refused() -> None:
    """Kills silence about a model in which nothing can be forgotten."""
    with pytest.raises(zoo.ZooError, match="AlexNet has no blocks of several layers"):
        zoo.gradient_checkpointing(zoo.create_model("alexnet", init=None))
