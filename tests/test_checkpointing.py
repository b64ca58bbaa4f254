"""Gradient checkpointing of any model: the same training in less memory."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

import zoo

NAMES = [
    "resnet20",
    "plain20",
    "resnet18",
    "googlenet_bn",
    "nin_cifar10",
    "all_cnn_c",
    "text_cnn",
    "lenet5_modern",
    pytest.param("levi_hassner", marks=pytest.mark.slow),
]
SIZES = {"resnet18": (3, 64, 64), "googlenet_bn": (3, 64, 64)}


def trained(model: nn.Module, images: Tensor) -> tuple[int, dict[str, Tensor]]:
    """One step: the bytes of activations that are kept for the backward pass, and gradients and statistics after it."""
    kept: dict[int, int] = {}
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}

    def note(tensor: Tensor) -> Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in weights:
            kept[place] = tensor.untyped_storage().nbytes()
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


class Flat(nn.Module):
    """Layers that are all children of the network: a batch norm, activations in place, a sum past two layers, and a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.conv00 = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.conv1, self.norm, self.relu1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.conv2, self.relu2, self.conv3 = nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(8, 1, 1))
        self.pool, self.drop, self.fc = nn.MaxPool2d(4), nn.Dropout(inplace=True), nn.Linear(128, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.norm(self.conv1(self.conv00(self.conv0(x)))))
        x = x * self.scale + torch.sigmoid(self.conv3(self.relu2(self.conv2(x))))
        x = self.pool(x).relu_()
        return self.fc(self.drop(torch.flatten(x, 1)))


def test_without_blocks() -> None:
    """Kills parts that begin by overwriting what was kept, that lose a tensor which passes a cut, and a copy that keeps all."""
    torch.manual_seed(0)
    model, images = Flat().train(), torch.randn(4, 3, 16, 16)
    twin = copy.deepcopy(model)
    assert zoo.gradient_checkpointing(twin) == ["conv0 to relu1", "conv2 to conv3"]
    whole, expected = trained(model, images)
    for one in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        less, found = trained(one, images)
        assert less < 0.8 * whole
        assert found.keys() == expected.keys()
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, msg=key)
    assert torch.equal(twin.eval()(images), twin(images))
    assert zoo.gradient_checkpointing(twin, enable=False) == []
    assert "forward" not in vars(twin)


@pytest.mark.slow
def test_every_network() -> None:
    """Kills a network of the catalogue in which nothing could be forgotten."""
    for name in zoo.list_models():
        if zoo.card(name).depth < 60:
            assert zoo.gradient_checkpointing(zoo.create_model(name, init=None)), name


class Branching(Flat):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.sum() > 0 else x


def test_refused() -> None:
    """Kills silence about a model in which nothing can be forgotten."""
    for model, why in ((nn.Sequential(nn.Linear(2, 2)), "too few layers"), (Branching(), "not a fixed graph")):
        with pytest.raises(zoo.ZooError, match=why):
            zoo.gradient_checkpointing(model)
        assert "forward" not in vars(model)
