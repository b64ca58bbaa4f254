"""Every classifier of torchvision, without exception: parameters and multiply-accumulates as published with its weights."""

import pytest
import torch
from torchvision import models

import zoo

CLASSIFIERS = models.list_models(module=models)
# What the numbers of the models for video are published for: one clip, in the crop of their transforms.
CLIPS = {
    **dict.fromkeys(("mc3_18", "r2plus1d_18", "r3d_18"), (1, 3, 16, 112, 112)),
    **dict.fromkeys(("mvit_v1_b", "mvit_v2_s", "s3d"), (1, 3, 16, 224, 224)),
    **dict.fromkeys(("swin3d_b", "swin3d_s", "swin3d_t"), (1, 3, 16, 224, 224)),
}


def published(name: str) -> tuple[int, float]:
    """Parameters; and 10⁹ multiply-accumulates of convolutions, linear layers and matrix products, to three decimals."""
    meta = models.get_model_weights(name).DEFAULT.meta
    return meta["num_params"], meta["_ops"]


def found(name: str, **how: object) -> tuple[int, float]:
    """The same by the analyzer, which must know every op."""
    total = zoo.summary(f"torchvision:{name}", columns=("params", "macs"), **how).total
    assert isinstance(total["macs"], int), total
    return total["params"], round(total["macs"] / 1e9, 3)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier(name: str) -> None:
    """Kills images of another size than the weights' own, auxiliary heads that count or do not, attention left out."""
    assert found(name) == published(name)


@pytest.mark.parametrize("name", models.list_models(module=models.video))
def test_video(name: str) -> None:
    """Kills a rule for convolution, pooling or attention that holds for two axes only."""
    assert found(name, input=CLIPS[name]) == published(name)


def test_all_are_there() -> None:
    """Kills a comparison that has lost its models."""
    assert len(CLASSIFIERS) >= 80


def test_batch() -> None:
    """Kills MACs of one image whatever the batch, parameters that grow with it, and tensors that count for their values."""
    params, macs = 11_689_512, 1_814_073_344
    for how in ({"batch": 2}, {"input": (2, 3, 224, 224)}, {"inputs": torch.full((2, 3, 224, 224), torch.nan)}):
        total = zoo.summary("torchvision:resnet18", columns=("params", "macs"), **how).total
        assert total == {"params": params, "macs": 2 * macs}
