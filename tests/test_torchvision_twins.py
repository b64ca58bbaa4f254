"""Where a card says that torchvision has the same network, its weights fit ours, and the outputs agree."""

import math
import re

import pytest
import torch
import torchvision
from torch import Tensor, nn

import zoo

TWINS = [name for name in zoo.list_models() if zoo.card(name).torchvision]
OPTIONS = {"googlenet": {"aux_logits": True, "init_weights": False}}


def random_twin(name: str) -> nn.Module:
    """torchvision's model with weights that keep the scale of what goes through, built without its initialisation."""
    with torch.device("meta"):
        twin: nn.Module = torchvision.models.get_model(name, weights=None, **OPTIONS.get(name, {}))
    twin.to_empty(device="cpu")
    with torch.no_grad():
        for key, tensor in twin.state_dict().items():
            if tensor.dim() > 1:
                tensor.uniform_(-1, 1).mul_(math.sqrt(6 / tensor[0].numel()))
            elif key.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif key.endswith("weight"):  # of batch normalisation
                tensor.uniform_(0.5, 1.0)
            elif key.endswith("num_batches_tracked"):
                tensor.zero_()
            else:
                tensor.uniform_(-0.1, 0.1)
    return twin


def ours(name: str, twin: nn.Module) -> nn.Module:
    """Our network, holding the very tensors of the twin under the names that the card's keys give them."""
    card = zoo.card(name)
    state = {}
    for key, tensor in twin.state_dict().items():
        for pattern, replacement in card.keys:
            key = re.sub(pattern, replacement, key)
        state[key] = tensor
    with torch.device("meta"):
        net = zoo.create_model(name, **card.training)
    net.load_state_dict(state, strict=True, assign=True)
    return net


def images(height: int, width: int) -> Tensor:
    """Two of different contrast: noise of the same kind looks alike to a deep network that averages."""
    return torch.randn(2, 3, height, width) * torch.tensor([1.0, 4.0]).view(2, 1, 1, 1)


def agree(mine: Tensor, theirs: Tensor) -> bool:
    """To float precision, and as outputs that depend on the image."""
    scale = theirs.abs().max()
    assert theirs.isfinite().all()
    assert (theirs[0] - theirs[1]).abs().max() > 1e-2 * scale
    return bool((mine - theirs).abs().max() <= 1e-5 * scale)


@pytest.mark.parametrize("name", TWINS)
def test_outputs_agree(name: str) -> None:
    """Kills a layer too many, too few, in another order or with another padding, and keys that miss or cross."""
    torch.manual_seed(0)
    twin = random_twin(zoo.card(name).torchvision).eval()
    net = ours(name, twin).eval()
    whole = zoo.card(name).family in ("alexnet", "vgg", "vgg_bn")  # has fully connected layers on maps of one size
    with torch.inference_mode():
        x = images(224, 224) if whole else images(131, 95)
        assert agree(net(x), twin(x))


def test_heads_agree() -> None:
    """Kills heads on the wrong modules, in the wrong order, or of another topology."""
    torch.manual_seed(0)
    twin = random_twin("googlenet").train()
    net = ours("googlenet_bn", twin).train()
    for model in (twin, net):
        for layer in model.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
    x = images(224, 224)
    with torch.inference_mode():
        logits, aux1, aux2 = net(x)
        theirs = twin(x)
    assert agree(logits, theirs.logits)
    assert agree(aux1, theirs.aux_logits1)
    assert agree(aux2, theirs.aux_logits2)


def test_agree_can_fail() -> None:
    """Kills a comparison that calls everything equal."""
    torch.manual_seed(0)
    twin = random_twin("resnet18").eval()
    net = ours("resnet18", twin).eval()
    net.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
    x = images(131, 95)
    with torch.inference_mode():
        assert not agree(net(x), twin(x))
